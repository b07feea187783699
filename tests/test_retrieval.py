"""The right skill among many that are like it, in the words of people; the prompt it costs; and
what a later message tells. Figures: `python -m tests.test_retrieval`."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent.conversation import Conversation
from agent.events import ConversationCompacted, SkillRef, ToolFinished, UserSpoke
from hermes_home.paths import Home
from skills.catalog import BYTES_LIMIT, LATER_BYTES, LATER_ENTRIES
from skills.library import BUNDLED, Library
from skills.skill import parse
from skills.triggers import triggers
from tests.retrieval_cases import Case, across, cases, remarks
from tests.skill_crowd import crowd
from tests.skill_texts import add_home_skill, add_skill, skill_text
from tests.test_whole_message import connect, oneshot

SHOWN = 3


@cache
def shelf() -> Library:
    """What ships with the program, and 500 more."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for made in crowd(500):
            add_skill(home.skills / made.name, made.text())
        return Library(home, bundled=BUNDLED)


def recall(chosen: Sequence[Case]) -> float:
    """The share of requests with a right skill among the first three."""
    return sum(hit(case) for case in chosen) / len(chosen)


def hit(case: Case) -> bool:
    found = shelf().matches(case.request, SHOWN)
    return any(case.means(skill.name) for skill in found)


def by_language(chosen: Iterable[Case]) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in chosen:
        groups[case.language].append(case)
    return groups


@pytest.mark.slow
def test_there_are_300_requests_for_known_skills_in_at_least_four_languages():
    assert len(cases()) >= 300
    assert sum(len(group) >= 10 for group in by_language(cases()).values()) >= 4
    unknown = [case for case in (*cases(), *across()) if not any(map(case.means, shelf().skills()))]
    assert not unknown


@pytest.mark.slow
def test_the_skill_that_is_meant_is_among_the_first_three():
    missed = [(case.request, case.names) for case in cases() if not hit(case)]
    assert len(missed) <= 0.05 * len(cases()), missed


@pytest.mark.slow
def test_every_language_is_served():
    shares = {language: recall(group) for language, group in by_language(cases()).items()}
    assert all(share >= 0.9 for share in shares.values()), shares


@pytest.mark.slow
def test_a_thousand_skills_are_read_in_a_second_and_searched_in_ten_milliseconds(home: Home):
    """Of processor time, which other work on the machine does not change much."""
    for made in crowd(1000):
        add_skill(home.skills / made.name, made.text())
    begun = time.process_time()
    library = Library(home, bundled=BUNDLED)
    library.matches("anything")
    assert time.process_time() - begun < 1.5
    stew = " ".join(case.request for case in cases())
    for requests in ([case.request for case in cases()], [stew[at:] for at in range(0, 4000, 100)]):
        times = []
        for request in requests:
            begun = time.process_time()
            library.catalog(request, 500)
            times.append(time.process_time() - begun)
        assert sorted(times)[int(len(times) * 0.95)] < 0.010


# -- triggers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        'metadata:\n  hermes-triggers: "Tee kochen; 泡茶 ; Tee kochen"\n',
        "metadata:\n  hermes:\n    triggers: [Tee kochen, 泡茶]\n",
        "metadata:\n  hermes:\n    triggers: Tee kochen; 泡茶\n",
        "metadata:\n  hermes.triggers: Tee kochen；泡茶\n",
        'metadata: \'{"hermes-triggers": "Tee kochen; 泡茶"}\'\n',
        "triggers:\n  - Tee kochen\n  - 泡茶\n",
    ],
)
def test_triggers_are_read_however_they_are_written(home: Home, head: str):
    text = f"---\nname: brew\ndescription: Brew a pot.\n{head}---\n\n1. Boil.\n"
    assert triggers(parse(text, "brew")) == ("Tee kochen", "泡茶")
    add_skill(home.skills / "brew", text)
    add_home_skill(home, "mow-lawn", "Mow the lawn.")
    library = Library(home, bundled=None)
    for request in ("kannst du mir Tee kochen", "帮我泡茶"):
        assert [skill.name for skill in library.matches(request)] == ["brew"]


def test_what_are_no_phrases_is_left_alone(home: Home):
    for metadata in ({}, {"hermes": "x"}, {"hermes-triggers": ""}, {"hermes": {"other": "y"}}):
        text = f"---\nname: a\ndescription: b\nmetadata: {metadata}\n---\n\nc\n"
        assert triggers(parse(text, "a")) == ()


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("die Datensicherung einrichten", "Sicherung der Daten einrichten."),
        ("Sicherungen", "Die Datenbanksicherung einrichten; Datenbank und Sicherung."),
        ("Rechnungsprüfung", "Rechnung prüfen, Prüfung von Rechnungen."),
        ("les factures impayées", "Relance la facture impayée."),
        ("traduis ce texte", "Traduction d'un texte."),
        ("copias de las fotos", "Hace una copia de cada foto."),
        ("PDF文件合并", "合并多个PDF"),
        ("ファイルをバックアップして", "バックアップを作る"),
        ("백업을 만들어 줘", "백업 만들기"),
    ],
)
def test_other_languages_meet_in_their_own_forms(home: Home, said: str, written: str):
    add_home_skill(home, "wanted", written)
    add_home_skill(home, "mow-lawn", "Mow the lawn. Mäht den Rasen. Tond la pelouse.")
    found = Library(home, bundled=None).matches(said)
    assert [skill.name for skill in found] == ["wanted"]


# -- what a later message tells -----------------------------------------------------------------


@pytest.mark.slow
def test_another_subject_is_told_and_a_remark_is_not():
    told = [any(map(case.means, shelf().later(case.request, ()).names)) for case in cases()]
    assert sum(told) >= 0.7 * len(told)
    wrong = [remark for remark in remarks() if shelf().later(remark, ()).names]
    assert len(wrong) <= 0.1 * len(remarks()), wrong


@pytest.mark.slow
def test_what_a_later_message_tells_is_short_and_new():
    for case in cases()[::5]:
        first = shelf().later(case.request, ())
        assert len(first.text.encode()) <= LATER_BYTES
        assert len(first.names) <= LATER_ENTRIES
        again = shelf().later(case.request, first.names)
        assert not set(again.names) & set(first.names)
        assert bool(first.text) == bool(first.names)


def test_what_was_met_is_folded_from_the_journal_until_a_summary_takes_its_place():
    conversation = Conversation()
    offered, withheld, loaded = (SkillRef(name, "0") for name in ("a", "b", "c"))
    conversation.apply(UserSpoke(input="i", text="t", offered=(offered,), withheld=(withheld,)))
    conversation.apply(
        ToolFinished(call_id="1", name="skill_view", status="ok", text="", loaded=loaded)
    )
    assert conversation.met == {"a", "b", "c"}
    conversation.apply(ConversationCompacted(reason="long", summary="so far"))
    assert conversation.met == set()


# -- the prompt, through the whole program ------------------------------------------------------


def first_request(hermes: Any, server: Any, words: str) -> dict[str, Any]:
    """The first request of a new session, from a daemon that has just read its library."""
    hermes.run("daemon", "stop")
    before = len(server.requests)
    oneshot(hermes, words)
    request = server.requests[before]
    return {"bytes": len(request.raw), "text": request.body["messages"][-1]["content"]}


@pytest.mark.slow
def test_a_first_request_costs_the_same_with_10_100_and_1000_skills(hermes, model_server):
    """Eight that match best, then others, some of which match too."""
    connect(hermes, model_server)
    words = "brew a pot of green tea and merge two pdf files for the guests"
    for number in range(8):
        text = f"Brew a pot of green tea for guests, merge the cups. Way {number}."
        add_home_skill(Home(hermes.home), f"brew-tea-{number}", text)
    sizes, there = [], 8
    for count in (10, 100, 1000):
        for made in crowd(1000)[there - 8 : count - 8]:
            add_skill(hermes.home / "skills" / made.name, made.text())
        there = count
        seen = first_request(hermes, model_server, words)
        assert "skills that match (of " in seen["text"]
        assert seen["text"].count("brew-tea-") == 8
        sizes.append(seen["bytes"])
    assert max(sizes) - min(sizes) <= 2, sizes
    oneshot(hermes, "merge several PDF files into one")
    (line,) = [
        line
        for line in model_server.requests[-1].body["messages"][-1]["content"].splitlines()
        if line.startswith("skills that match")
    ]
    assert len(line.encode()) <= BYTES_LIMIT


@pytest.mark.slow
def test_the_owner_searches_as_a_request_would(hermes):
    found = hermes.json("skills", "search", "Festplatte", "voll", "--limit", "2")
    assert "disk-space" in [row["name"] for row in found]
    assert len(found) <= 2
    assert hermes.json("skills", "search", "xyzzy") == []


@pytest.mark.slow
def test_a_change_of_subject_lists_what_was_not_listed_and_keeps_the_prefix(hermes, model_server):
    connect(hermes, model_server)
    for name, text in (
        ("brew-tea", "Brew a pot of green tea for guests."),
        ("mow-lawn", "Mow the lawn and rake the leaves. Use in autumn."),
        ("rake-leaves", "Rake the leaves of the lawn into bags."),
    ):
        add_skill(hermes.home / "skills" / name, skill_text(name, text))
    session = oneshot(hermes, "brew green tea please")["session"]
    hermes.ok("chat", "-r", session, "-q", "thanks, that's perfect")
    hermes.ok("chat", "-r", session, "-q", "now mow the lawn and rake the leaves")
    hermes.ok("daemon", "stop")
    hermes.ok("chat", "-r", session, "-q", "mow the lawn")
    asked = [request.body["messages"][-1]["content"] for request in model_server.runs()]
    assert "brew-tea" in asked[0]
    assert "skills that match" not in asked[1]
    assert "mow-lawn — " in asked[2]
    assert "rake-leaves — " in asked[2]
    assert "skills that match" not in asked[3], "they are listed already"
    assert model_server.prefix_breaks() == []


def report() -> None:
    """The figures by language."""
    for title, chosen in (("in the skill's language", cases()), ("across languages", across())):
        print(f"{title}: recall@{SHOWN} {recall(chosen):.1%} of {len(chosen)}")
        for language, group in by_language(chosen).items():
            print(f"  {language}: {recall(group):.1%} of {len(group)}")


if __name__ == "__main__":
    report()
