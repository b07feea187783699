"""The same claim is kept once, a newer one supersedes what it contradicts, and what is compatible
stays. To merge wrongly is worse than to miss: the rates say how often either happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import combinations

import pytest

from agent.learning.door import OWNER, Author
from hermes_home.paths import Home
from memory.notes.claims import contradict, statements
from memory.notes.operations import Operation
from tests.claim_cases import COMPATIBLE, CONTRADICTION, SAME, cases, restatements
from tests.learner import AGENT, Desk, Talk, open_desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    async with open_desk(home) as desk:
        yield desk


async def add(desk: Desk, *texts: str, by: Author = OWNER) -> list[str]:
    """What each text came to: the action of its change, empty if it was known."""
    made = [await desk.notes.apply([Operation("add", "memory", text)], by) for text in texts]
    return [changes[0].action if changes else "" for changes in made]


def alike(one: str, other: str) -> bool:
    return statements(one) == statements(other)


# -- rates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held_out", "least"), [(False, 0.88), (True, 0.7)])
def test_most_contradictions_are_recognised(held_out: bool, least: float) -> None:
    pairs = cases(CONTRADICTION, held_out=held_out)
    found = [pair for pair in pairs if contradict(*pair)]
    assert len(found) / len(pairs) >= least
    assert [pair for pair in pairs if alike(*pair)] == []


@pytest.mark.parametrize(("held_out", "least"), [(False, 0.94), (True, 0.88)])
def test_most_restatements_are_recognised(held_out: bool, least: float) -> None:
    pairs = [
        (texts[0], text) for texts in cases(SAME, held_out=held_out) for text in restatements(texts)
    ]
    assert sum(alike(*pair) for pair in pairs) / len(pairs) >= least
    assert [pair for pair in pairs if contradict(*pair)] == []


@pytest.mark.parametrize("held_out", [False, True])
def test_what_is_compatible_is_never_merged(held_out: bool) -> None:
    pairs = cases(COMPATIBLE, held_out=held_out)
    assert [pair for pair in pairs if contradict(*pair) or alike(*pair)] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The language is C.", "The language is C++."),
        ("The separator is ;", "The separator is ,"),
        ("Keep what is x>3", "Keep what is x<3"),
        ("Ignore *.py", "Ignore .py"),
        ("The user was a smoker.", "The user is a smoker."),
        ("Ann led the team.", "Ann leads the team."),
        ("If tests pass, deploy.", "If tests do not pass, deploy."),
        ("Not all tests need Docker.", "All tests do not need Docker."),
        ("Ann pays the user.", "The user pays Ann."),
        ("Ann manages Bob.", "Bob manages Ann."),
        ("Copy from a.txt to b.txt.", "Copy from b.txt to a.txt."),
        ("The news server is Ada.", "The new server is Ada."),
    ],
)
def test_a_small_difference_may_be_all(one: str, other: str) -> None:
    assert not alike(one, other)


OF_OTHER_CASES = {
    "Java version: 17",
    "Paulo owns the billing service.",
    "The SSH port is 22.",
    "The frontend is deployed to Netlify.",
    "The kernel version is 6.1.",
    "The project uses Python 3.12.",
    "The queue is RabbitMQ.",
    "The server runs Ubuntu 22.04.",
    "The user can't work on Wednesdays.",
    "The user does not eat meat.",
}
"""Texts that a text of another case contradicts indeed."""


def test_claims_about_different_things_are_never_merged() -> None:
    """Each text with each other one."""
    firsts = [case[0] for kind in (SAME, CONTRADICTION) for case in cases(kind)]
    firsts += [text for case in cases(COMPATIBLE) for text in case]
    texts = list({statements(text): text for text in firsts}.values())
    assert len(texts) > 500
    denied = {one for one, other in combinations(texts, 2) if contradict(one, other)}
    assert denied <= OF_OTHER_CASES


# -- the store ----------------------------------------------------------------------------------


@pytest.mark.slow
async def test_ten_restatements_are_one_entry(desk: Desk) -> None:
    for texts in cases(SAME, held_out=False):
        again = [text for text in restatements(texts) if alike(texts[0], text)]
        assert await add(desk, texts[0]) == ["add"]
        assert set(await add(desk, *again)) == {""}, texts[0]
    assert desk.notes.entries("memory") == [texts[0] for texts in cases(SAME, held_out=False)]


async def test_a_claim_made_by_many_at_the_same_time_is_one_entry(desk: Desk) -> None:
    made = await asyncio.gather(
        *(add(desk, text) for text in restatements(["Tea is in the tin."]) * 2)
    )
    assert sorted(made) == [[""]] * (len(made) - 1) + [["add"]]
    assert len(desk.notes.entries("memory")) == 1


@pytest.mark.slow
async def test_the_latest_of_a_hundred_contradictions_stands_and_the_history_is_linked(
    desk: Desk,
) -> None:
    pairs = [pair for pair in cases(CONTRADICTION) if contradict(*pair)]
    assert len(pairs) >= 100
    for old, new in pairs:
        await desk.notes.apply([Operation("add", "memory", old)], OWNER)
        (change,) = await desk.notes.apply([Operation("add", "memory", new)], OWNER)
        assert change.action == "supersede", (old, new)
        shown = desk.notes.core("memory", about=new).texts
        assert new in shown
        assert old not in shown
        assert [old, new] == [
            (row := (await desk.listed())[change.id]).former,
            row.entry,
        ]
        await desk.notes.apply([Operation("remove", "memory", "", new)], OWNER)


@pytest.mark.slow
async def test_compatible_claims_stand_side_by_side(desk: Desk) -> None:
    pairs = cases(COMPATIBLE)
    assert len(pairs) >= 100
    for pair in pairs:
        await add(desk, *pair)
        entries = desk.notes.entries("memory")
        missing = [text for text in pair if not any(alike(text, entry) for entry in entries)]
        assert missing == [], pair
        for text in entries:
            await desk.notes.apply([Operation("remove", "memory", "", text)], OWNER)


async def test_undo_of_a_superseding_brings_the_old_claim_back(desk: Desk) -> None:
    await add(desk, "The deploy branch is main.", "Tea is in the tin.")
    before = desk.tree()
    (change,) = await desk.notes.apply(
        [Operation("add", "memory", "the deploy branch is release")], OWNER
    )
    entries = desk.notes.entries("memory")
    assert entries == ["Tea is in the tin.", "the deploy branch is release"]
    await desk.door.undo(change.id)
    assert desk.tree() == before
    await desk.door.approve(change.id)
    await add(desk, "The mill is in Lisbon.")
    await desk.door.undo(change.id)
    assert sorted(desk.notes.entries("memory")) == sorted(
        ["Tea is in the tin.", "The deploy branch is main.", "The mill is in Lisbon."]
    )


async def test_what_is_not_proved_yet_supersedes_nothing(desk: Desk) -> None:
    """A candidate is hidden from other sessions; what it stands for must not be hidden with it."""
    await add(desk, "The deploy branch is main.")
    assert await add(desk, "The deploy branch is release.", by=AGENT) == ["add"]
    hidden = ["The deploy branch is release."]
    assert desk.notes.core("memory", leave_out=hidden).texts == ["The deploy branch is main."]
    assert desk.notes.core("memory").texts == hidden  # once it is approved
    talk = Talk()
    talk.user("from now on the deploy branch is trunk")
    assert await add(desk, "The deploy branch is trunk.", by=talk.author) == ["supersede"]


async def test_a_proposal_supersedes_when_it_is_approved(desk: Desk) -> None:
    await add(desk, "The deploy branch is main.")
    desk.mode = "suggest"
    (change,) = await desk.notes.apply(
        [Operation("add", "memory", "The deploy branch is release.")], AGENT
    )
    assert (change.action, change.status) == ("supersede", "proposed")
    assert desk.notes.entries("memory") == ["The deploy branch is main."]
    await desk.door.approve(change.id)
    assert desk.notes.entries("memory") == ["The deploy branch is release."]


async def test_what_a_hand_left_twice_is_told_once(desk: Desk) -> None:
    desk.home.memories.mkdir()
    texts = ["The theme is dark.", "Tea is in the tin.", "the theme is DARK", "Theme: light"]
    (desk.home.memories / "MEMORY.md").write_text("\n§\n".join(texts))
    assert desk.notes.core("memory").texts == ["Tea is in the tin.", "Theme: light"]
    assert desk.notes.entries("memory") == texts


async def test_several_sentences_are_known_when_each_of_them_is(desk: Desk) -> None:
    await add(desk, "The theme is dark.", "Standup is at 9:30. Tea is in the tin.")
    both = "Tea is in the tin. The theme is dark."
    assert await add(desk, both, f"As noted: {both}", "- Tea is in the tin.") == ["", "", ""]
    assert await add(desk, "Tea is in the tin. Coffee is out.") == ["add"]


async def test_other_languages_are_compared_word_by_word(desk: Desk) -> None:
    texts = ["Der Server heißt Nordlicht.", "用户使用 Vim 编辑器", "Сервер стоит в подвале."]
    assert await add(desk, *texts) == ["add"] * 3
    assert await add(desk, *(text.upper().rstrip(".。") for text in texts)) == [""] * 3
    assert await add(desk, "Der Server heißt Südlicht.", "用户使用 Emacs 编辑器") == ["add", "add"]
