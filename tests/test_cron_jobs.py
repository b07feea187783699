"""A job's file: what it may hold, how it is written, changed and refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cron.job import Job, name_from, rewritten, understand, written
from gateway.cron.tools import schedule_tools
from hermes_home.errors import SettingsError

FILE = """\
# looks at the sales
schedule: every weekday at 9:00  # early
prompt: |
  Read sales.csv.

  Report in ten lines: what changed?
skills: [report-pdf, tables]
deliver: telegram
enabled: false
"""

texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\x85\ufeff"),
    min_size=1,
    max_size=40,
)
lines = st.lists(texts, min_size=1, max_size=4).map("\n".join).filter(lambda text: text.strip())
jobs = st.builds(
    Job,
    schedule=texts,
    prompt=lines.map(lambda text: text.strip("\n")),
    script=st.one_of(st.just(""), lines.map(lambda text: text.strip("\n"))),
    misfire=st.sampled_from(["once", "skip", "all"]),
    deliver=st.one_of(st.just(""), texts),
    skills=st.lists(texts, max_size=3).map(tuple),
    workspace=st.sampled_from(["", "/a folder/of: mine", "~/work"]),
    enabled=st.booleans(),
    created=st.sampled_from(["", "2026-11-21T15:30:00+01:00"]),
)


def test_a_file_says_what_a_person_wrote():
    job = understand(FILE, "report.yaml")
    assert job.schedule == "every weekday at 9:00"
    assert job.prompt == "Read sales.csv.\n\nReport in ten lines: what changed?"
    assert job.skills == ("report-pdf", "tables")
    assert not job.enabled


@given(jobs)
def test_what_is_written_is_read_as_it_was(job: Job):
    assert understand(written(job), "job.yaml") == job


@pytest.mark.slow
@given(jobs, jobs, st.sets(st.sampled_from([*asdict(Job())]), min_size=1))
def test_changed_keys_change_and_no_others(old: Job, new: Job, keys: set[str]):
    changes = {key: getattr(new, key) for key in keys}
    wanted = replace(old, **changes)
    assert understand(rewritten(written(old), "job.yaml", changes), "job.yaml") == wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": True},
        {"schedule": "@daily", "created": "2026-11-21T15:30:00+01:00"},
        {"misfire": "all", "tz": "Asia/Tokyo"},
        {"skills": ()},
    ],
)
def test_comments_stay_when_a_key_is_changed(changes: dict[str, Any]):
    text = rewritten(FILE, "report.yaml", changes)
    assert text.startswith("# looks at the sales\n")
    assert "\n\n" not in text.replace("Read sales.csv.\n\n", "")
    assert understand(text, "report.yaml") == replace(understand(FILE, "report.yaml"), **changes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schedule: daily\npromt: x\n", "did you mean prompt"),
        ("schedule: daily\nprompt: x\nskill: a\n", "did you mean skills"),
        ("prompt: x\n", "schedule is missing"),
        ("schedule: daily\n", "neither a prompt nor a script"),
        ("schedule: daily\nprompt: x\nmisfire: never\n", "one of once, skip, all"),
        ("schedule: daily\nprompt: x\ntz: Europe/Belin\n", "Europe/Berlin"),
        ("schedule: daily\nprompt: x\nenabled: yes\n", "true or false"),
        ("schedule: daily\nprompt: x\nworkspace: work\n", "absolute or beginning with ~/"),
        ("schedule: daily\nprompt: x\ncreated: yesterday\n", "a date and time"),
        ("schedule: daily\nprompt: [x]\n", "a list"),
        ("schedule: 5\nprompt: x\n", "quotes make it a text"),
        ("schedule: daily\nprompt: x\nprompt: y\n", "set twice"),
        ("schedule: */5 * * * *\nprompt: x\n", 'schedule: "*/5 * * * *"'),
        ("schedule: @daily\nprompt: x\n", 'schedule: "@daily"'),
        (f"schedule: daily\nprompt: {'x' * 20_001}\n", "at most 20,000"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(text: str, told: str):
    with pytest.raises(SettingsError) as refused:
        understand(text, "job.yaml")
    assert "job.yaml" in str(refused.value)
    assert told in str(refused.value)


def test_a_job_without_a_name_is_called_by_its_first_words():
    assert name_from("Read the News, and report!", set()) == "read-the-news-and"
    assert name_from("Read the News, and report!", {"read-the-news-and"}) == "read-the-news-and-2"
    assert name_from("日本", set()) == "job"


def test_the_tool_s_schema_is_small():
    (tool,) = schedule_tools(None)  # type: ignore[arg-type]
    assert len(str(tool.parameters)) + len(tool.description) < 900
