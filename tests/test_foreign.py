"""A hermes-agent home is taken over as far as it means the same here, and stays untouched."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.moving.classes import LEFT
from gateway.moving.jobs import Unclear, job_of, schedule_of
from tests.foreign_home import ODD_FILES, SKILL, make, traces
from tests.hermes import Hermes

pytestmark = pytest.mark.slow


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return make(tmp_path / "theirs")


def items(told: Any, kind: str) -> dict[str, tuple[str, str]]:
    return {
        item["name"]: (item["status"], item["reason"])
        for item in told["items"]
        if item["class"] == kind
    }


def imported(told: Any, kind: str) -> set[str]:
    return {name for name, (status, _) in items(told, kind).items() if status == "imported"}


def test_what_means_the_same_here_is_taken_over_and_nothing_is_touched(
    hermes: Hermes, theirs: Path
) -> None:
    own = hermes.home / "skills/taken"
    own.mkdir(parents=True)
    (own / "SKILL.md").write_text(SKILL.format(name="taken").replace("Do", "Mine:"))
    before = traces(theirs)
    told = hermes.json("import", str(theirs))
    assert traces(theirs) == before
    assert not list((hermes.home / "run").glob(".hermes-*"))
    _skills(hermes, told)
    _notes_and_soul(hermes, told)
    _jobs(hermes, told)
    _settings(hermes, told)
    assert items(told, "keys") == {".env": ("skipped", "only with --secrets")}
    assert not (hermes.home / ".env").exists()
    ((sessions, (status, reason)),) = items(told, "sessions").items()
    assert (sessions, status) == ("3 sessions", "skipped")
    assert reason
    log = subprocess.run(
        ["git", "--git-dir", str(hermes.home / ".git"), "log", "--format=%B"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"imported from {theirs}" in log
    assert "Actor: owner" in log


def _skills(hermes: Hermes, told: Any) -> None:
    assert imported(told, "skills") == {"ferry", "my-skill"}
    skipped = {n: r for n, (s, r) in items(told, "skills").items() if s == "skipped"}
    assert "a skill of this name" in skipped["taken"]
    assert any("broken" in name for name in skipped)
    assert any("empty" in name for name in skipped)
    assert "a link" in skipped["skills/linked"]
    assert not (hermes.home / "skills/linked").exists()
    assert "no skill" in skipped["skills/flat.md"]
    here = hermes.home / "skills/travel/ferry"
    assert (here / "assets/map.png").read_bytes() == bytes(range(256))
    assert "Mine:" in (hermes.home / "skills/taken/SKILL.md").read_text()
    names = {skill["name"] for skill in hermes.json("skills", "list")}
    assert {"ferry", "my-skill", "taken"} <= names


def _notes_and_soul(hermes: Hermes, told: Any) -> None:
    notes = hermes.json("memory", "show")
    assert [note["text"] for note in notes["memory"]] == [
        "The ferry leaves at nine.", "The printer\nis upstairs.",
    ]  # fmt: skip
    assert [note["text"] for note in notes["user"]] == ["Ada prefers short answers."]
    assert len(imported(told, "notes")) == 3
    assert (hermes.home / "SOUL.md").read_text() == "You are the harbour's agent.\n"


def _jobs(hermes: Hermes, told: Any) -> None:
    assert imported(told, "jobs") == {"morning-report", "disk"}
    assert "inbox" in items(told, "jobs")["disk"][1]
    for name in ("past", "scripted", "odd"):
        assert items(told, "jobs")[name][0] == "skipped"
        assert items(told, "jobs")[name][1]
    rows = {row["name"]: row for row in hermes.json("cron", "list")}
    assert set(rows) == {"morning-report", "disk"}
    assert rows["morning-report"]["state"] == "active"
    assert rows["disk"]["state"] == "paused"
    assert (hermes.home / "cron/morning-report.yaml").exists()


def _settings(hermes: Hermes, told: Any) -> None:
    assert imported(told, "settings") == {
        "model", "agent.max_turns", "timezone", "memory.memory_char_limit", "compression.threshold",
    }  # fmt: skip
    assert items(told, "settings")["display.busy_input_mode"][0] == "skipped"
    config = (hermes.home / "config.yaml").read_text()
    for line in ("max_turns: 40", "memory_chars: 3000", "threshold: 0.6", "qwen3:8b"):
        assert line in config
    assert "http://127.0.0.1:11434/v1" in config


def test_everything_of_the_layout_is_listed(hermes: Hermes, theirs: Path) -> None:
    told = hermes.json("import", str(theirs), "--dry-run")
    kinds = {row["class"] for row in told["classes"]}
    wanted = {kind for kind, _, _ in LEFT} - {
        "credentials", "trajectories",
    }  # fmt: skip
    assert wanted <= kinds
    assert {"skills", "notes", "soul", "jobs", "settings", "keys", "sessions"} <= kinds
    assert ("skipped", "nothing here knows what it is") in items(told, "other").values()
    assert all(item["reason"] for item in told["items"] if item["status"] == "skipped")
    assert len(ODD_FILES) > 20


def test_a_dry_run_changes_nothing(hermes: Hermes, theirs: Path) -> None:
    hermes.ok("daemon", "start")
    before = {
        path: path.read_bytes()
        for top in ("skills", "memories", "cron", "SOUL.md", "config.yaml")
        for path in [hermes.home / top, *(hermes.home / top).rglob("*")]
        if path.is_file()
    }
    told = hermes.json("import", str(theirs), "--dry-run", "--secrets")
    assert {item["status"] for item in told["items"]} == {"found", "skipped"}
    skills = items(told, "skills")
    assert {name for name in skills if skills[name][0] == "found"} >= {"ferry", "my-skill"}
    assert "sk-their-secret" not in str(told)
    assert all(path.read_bytes() == data for path, data in before.items())
    assert hermes.json("memory", "show")["memory"] == []
    assert hermes.json("cron", "list") == []
    assert not (hermes.home / ".env").exists()


def test_twice_is_once(hermes: Hermes, theirs: Path) -> None:
    hermes.ok("import", str(theirs))
    told = hermes.json("import", str(theirs))
    assert not [item for item in told["items"] if item["status"] == "imported"]
    assert len(hermes.json("memory", "show")["memory"]) == 2


def test_keys_come_only_with_secrets_and_are_never_told(hermes: Hermes, theirs: Path) -> None:
    told = hermes.run("import", str(theirs), "--secrets", "--json")
    assert told.returncode == 0
    assert "sk-their-secret" not in told.stdout + told.stderr
    assert (hermes.home / ".env").read_text() == "OPENAI_API_KEY=sk-their-secret\n"
    assert (hermes.home / ".env").stat().st_mode & 0o777 == 0o600


def test_killed_in_the_middle_nothing_is_half_there(hermes: Hermes, theirs: Path) -> None:
    for number in range(40):
        folder = theirs / f"skills/many/s{number}"
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(SKILL.format(name=f"many{number}"))
        (folder / "more.md").write_text("more\n")
    before = traces(theirs)
    for number in range(5):
        command = hermes.spawn("import", str(theirs))
        time.sleep(0.15 + 0.15 * number)
        if pid := hermes.daemon_pid():
            os.kill(pid, signal.SIGKILL)
        command.kill()
        command.communicate()
        for folder in (hermes.home / "skills").glob("many/*"):
            assert {path.name for path in folder.iterdir()} == {"SKILL.md", "more.md"}
        for entry in hermes.json("memory", "show")["memory"]:
            assert entry["text"] in ("The ferry leaves at nine.", "The printer\nis upstairs.")
    hermes.ok("import", str(theirs))
    assert traces(theirs) == before
    assert len(list((hermes.home / "skills/many").iterdir())) == 40
    assert len(hermes.json("memory", "show")["memory"]) == 2
    assert len(hermes.json("cron", "list")) == 2


def test_a_folder_that_is_no_such_home_is_refused(hermes: Hermes, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    (plain / "skills").mkdir(parents=True)
    assert hermes.run("import", str(plain)).returncode == 2
    hermes.ok("-z", "say hi")
    other = Hermes(tmp_path / "second", hermes.workspace)
    refused = other.run("import", str(hermes.home))
    assert refused.returncode == 2
    assert "hermes backup" in refused.stderr
    assert hermes.run("import", str(hermes.home)).returncode == 2
    other.close()


def test_a_damaged_home_costs_only_what_is_damaged(hermes: Hermes, theirs: Path) -> None:
    (theirs / "cron/jobs.json").write_text("{ not json")
    (theirs / "config.yaml").write_text("_config_version: 33\nmodel: [\n")
    (theirs / "state.db").write_bytes(b"SQLite format 3\0" + bytes(4000))
    (theirs / "memories/USER.md").write_bytes(b"\xff\xfe")
    told = hermes.json("import", str(theirs))
    assert imported(told, "skills") == {"ferry", "my-skill", "taken"}
    assert items(told, "jobs") == {"cron/jobs.json": ("skipped", "it cannot be read")}
    assert items(told, "settings")["config.yaml"][0] == "skipped"
    assert len(imported(told, "notes")) == 2


SCHEDULES = [
    ({"kind": "cron", "expr": "0 9 * * *"}, "0 9 * * *"),
    ({"kind": "interval", "minutes": 30}, "every 30m"),
    ({"kind": "interval", "display": "2h"}, "every 2h"),
    ({"kind": "once", "run_at": "2030-01-01T09:00:00"}, "2030-01-01T09:00:00"),
    ("every 30m", "every 30m"),
    ({"kind": "once", "run_at": "2030-01-01T09:00:00.123456+01:00"}, "2030-01-01T09:00:00+01:00"),
    ("0 9 * * *", "0 9 * * *"),
]


@pytest.mark.parametrize(("given", "ours"), SCHEDULES)
def test_a_schedule_in_our_words(given: object, ours: str) -> None:
    assert schedule_of({"schedule": given}) == ours


@pytest.mark.parametrize(
    ("row", "ours"),
    [
        ({"deliver": "local"}, ""),
        ({"deliver": "telegram"}, "telegram"),
        ({"deliver": "telegram:-100123"}, "telegram:-100123"),
        ({"deliver": "telegram:-100123:17, email"}, "telegram:-100123/17,email"),
        ({"deliver": "matrix:!room:server.org:8448"}, "matrix:!room:server.org:8448"),
        ({"deliver": "origin", "origin": {"platform": "telegram", "chat_id": 42}}, "telegram:42"),
        (
            {"deliver": "origin",
             "origin": {"platform": "matrix", "chat_id": "!r:s", "thread_id": "$a/b"}},
            "matrix:!r:s/$a%2Fb",
        ),
    ],
)  # fmt: skip
def test_where_results_go_in_our_words(row: dict[str, Any], ours: str) -> None:
    assert job_of({"prompt": "x", "schedule": "every day at 9", **row}).deliver == ours


@pytest.mark.parametrize(
    "row",
    [
        {"schedule": {"kind": "lunar"}},
        {"schedule": {"kind": "cron"}},
        {"schedule": 7},
        {"schedule": "30m"},
        {},
        {"schedule": "every 30m", "script": "x.py"},
        {"schedule": "every 30m", "context_from": ["a"]},
        {"schedule": "every 30m", "repeat": {"times": 5}},
        {"schedule": "every 30m", "state": "completed"},
    ],
)
def test_what_would_mean_another_thing_is_left(row: dict[str, Any]) -> None:
    with pytest.raises(Unclear):
        job_of(row)
