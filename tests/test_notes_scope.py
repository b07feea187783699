"""Where and how long an entry holds, what a prompt and a search show, and what is not learned
again."""

from __future__ import annotations

import json
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from agent.learning.door import OWNER, Author
from agent.prompt import TailParts, tail
from agent.tools.base import ToolContext
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from hermes_home.settings import MemorySettings
from memory.notes.echo import echoes
from memory.notes.known import CUT
from memory.notes.operations import Operation
from memory.notes.scope import Scoped, expired, holds, parse, written
from memory.tools import MOST_NOTES, note_tools, search_tools
from tests.learner import AGENT, Desk, Talk, open_desk

pytestmark = pytest.mark.anyio

TODAY = date(2026, 12, 21)


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    async with open_desk(home) as desk:
        yield desk


async def add(desk: Desk, *texts: str, by: Author = OWNER, cwd: str = "") -> list[str]:
    """What each text came to: the action of its change, empty if it was known."""
    asked = [Operation("add", "memory", text, project=bool(cwd)) for text in texts]
    made = [await desk.notes.apply([operation], by, cwd) for operation in asked]
    return [changes[0].action if changes else "" for changes in made]


# -- the marks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "claim", "place", "until"),
    [
        ("The branch is main. (in ~/work/site)", "The branch is main.", "~/work/site", None),
        ("It is down (until 2026-12-21)", "It is down", "", TODAY),
        ("X\n(in /srv/a b) (until 2026-12-21).", "X", "/srv/a b", TODAY),
        ("X (until 2026-12-21) (in ~)", "X", "~", TODAY),
        ("The mill (in Lisbon)", "The mill (in Lisbon)", "", None),
        ("It is down (until 2026-13-41)", "It is down (until 2026-13-41)", "", None),
        ("Down (until 2026-12-21), then up", "Down (until 2026-12-21), then up", "", None),
        ("X (in ~/a) (in ~/b)", "X (in ~/a)", "~/b", None),
    ],
)  # fmt: skip
def test_marks_at_the_end_are_read(text: str, claim: str, place: str, until: date | None) -> None:
    assert parse(text) == Scoped(claim, place, until)
    assert parse(written(parse(text))) == parse(text)


def test_an_entry_holds_in_its_folder_and_below_until_its_day_is_over(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    text = f"X (in {folder}) (until 2026-12-21)"
    for inside in (folder, folder / "below", tmp_path / "link"):
        assert holds(text, str(inside), TODAY)
        assert not holds(text, str(inside), date(2026, 12, 22))
    for outside in ("", str(tmp_path), f"{folder}2", "/"):
        assert not holds(text, outside, TODAY)
    assert holds("X", "", TODAY)
    assert not expired(text, TODAY)


# -- writing ------------------------------------------------------------------------------------


async def test_the_tool_limits_an_entry_to_its_workspace(desk: Desk, tmp_path: Path) -> None:
    (tool,) = note_tools(desk.notes)
    site, other = tmp_path / "site", tmp_path / "other"
    context = ToolContext("s", "r", "c", site)
    operation = Operation("add", "memory", "The branch is main.", project=True)
    await tool.call(context, operations=[operation])
    assert desk.notes.entries("memory") == [f"The branch is main. (in {site})"]
    assert desk.notes.core("memory", cwd=f"{site}/src").texts == desk.notes.entries("memory")
    assert desk.notes.core("memory", cwd=str(other)) == ([], 1)
    assert "already" in (await tool.call(context, operations=[operation])).text
    with pytest.raises(ToolError, match="no workspace"):
        await desk.notes.apply([operation], OWNER)


async def test_claims_of_two_places_stand_side_by_side(desk: Desk) -> None:
    main = "The deploy branch is main."
    assert await add(desk, main, "The deploy branch is ant. (in /srv/a)") == ["add", "add"]
    assert await add(desk, "The deploy branch is bee.", cwd="/srv/b") == ["add"]
    assert await add(desk, "The deploy branch is cat. (in /srv/a)") == ["supersede"]
    assert len(desk.notes.entries("memory")) == 3
    shown = desk.notes.core("memory", cwd="/srv/a/src").texts
    assert shown == [main, "The deploy branch is cat. (in /srv/a)"]


async def test_what_holds_everywhere_is_known_in_each_place_and_not_the_other_way(
    desk: Desk,
) -> None:
    assert await add(desk, "Tea is in the tin.") == ["add"]
    assert await add(desk, "Tea is in the tin. (in /srv/a)", "tea is in the tin") == ["", ""]
    assert await add(desk, "Tests need Docker. (in /srv/a)", "Tests need Docker. (in /srv/b)") == [
        "add",
        "add",
    ]
    assert await add(desk, "Tests need Docker. (in /srv/a/sub)") == [""]
    assert await add(desk, "Tests need Docker.") == ["supersede"]
    assert "Tests need Docker." in desk.notes.entries("memory")


async def test_a_day_is_moved_and_an_expired_claim_can_be_learned_again(desk: Desk) -> None:
    desk.notes._today = lambda: TODAY
    old, new = "The proxy is down. (until 2026-12-20)", "The proxy is down. (until 2026-12-28)"
    await add(desk, old)
    assert desk.notes.core("memory") == ([], 0)
    assert await add(desk, new) == ["supersede"]
    assert await add(desk, "the proxy is down (until 2026-12-24)") == [""]
    assert desk.notes.entries("memory") == [new]
    assert await add(desk, "The proxy is down.") == ["supersede"]
    assert desk.notes.core("memory").texts == ["The proxy is down."]


async def test_a_new_wording_holds_where_the_old_one_did(desk: Desk) -> None:
    await add(desk, "The build takes 5 minutes. (in /srv/a)")
    await desk.notes.apply(
        [Operation("replace", "memory", "It takes 7 minutes.", "takes 5")], OWNER
    )
    assert desk.notes.entries("memory") == ["It takes 7 minutes. (in /srv/a)"]


async def test_notes_of_the_workspace_come_before_newer_ones(desk: Desk) -> None:
    desk.home.memories.mkdir()
    here = [f"Rule {number} of the house (in /srv/a)" for number in range(10)]
    elsewhere = [f"fact {number}: host{number} runs job{number}" for number in range(500)]
    (desk.home.memories / "MEMORY.md").write_text("\n§\n".join([*here, *elsewhere]))
    core = desk.notes.core("memory", cwd="/srv/a")
    assert core.texts[:10] == here
    assert core.texts[-1] == elsewhere[-1]
    assert core.total == 510
    assert sum(len(text) + 1 for text in core.texts) <= MemorySettings().memory_chars


def test_the_prompt_tells_how_many_notes_it_does_not_show() -> None:
    now = datetime(2026, 12, 21, tzinfo=UTC)
    some = tail(TailParts(now, notes=["a", "b"], notes_total=240, user_notes=["c"], user_total=1))
    assert "notes (2 of 240; session_search finds the rest):\n- a\n- b" in some
    assert "about the user:\n- c" in some
    none = tail(TailParts(now, notes_total=3))
    assert none.endswith("\nnotes: none of 3 told here; session_search finds them")
    assert "notes" not in tail(TailParts(now))


async def test_what_has_expired_is_not_counted(desk: Desk) -> None:
    await add(desk, "The lift is broken. (until 2020-01-31)")
    assert desk.notes.core("memory") == ([], 0)
    await add(desk, "Elsewhere it rains. (in /srv/elsewhere)")
    assert desk.notes.core("memory") == ([], 1)


# -- five thousand facts ------------------------------------------------------------------------

KINDS = (
    "The {place} printer is on floor {n}.",
    "{name} looks after the {place} warehouse.",
    "The backup of {place} runs at {hour}:15 on host{n}.",
    "{name}'s extension in {place} is {n}.",
    "Invoices of {place} go to {name}, folder {n}.",
    "The gate of {place} opens with code {n}.",
    "{place} orders paper from supplier {n}.",
    "The {place} team meets in room {n} with {name}.",
    "Container {n} serves {place} through port {port}.",
    "{name} speaks for {place} in case {n}.",
)
QUESTIONS = (
    "on which floor is the printer of {place}?",
    "who looks after the {place} warehouse, {name}?",
    "when does the backup of {place} run on host{n}",
    "{name} extension {place}",
    "where do the invoices of {place} go, folder {n}",
    "how does the gate of {place} open",
    "paper supplier of {place}",
    "in which room does the {place} team meet",
    "which container serves {place} on port {port}",
    "who speaks for {place}",
)
NAMES = "Ana Bea Carla Dario Eva Filip Goran Hanna Ines Jorge Kim Lena Marco Nadia Olga".split()


BY_HAND = 0 if os.environ.get("HERMES_SOAK") else 4_900
"""So many of the facts were in the file before; the others are learned one by one."""


def facts(count: int) -> list[tuple[str, str]]:
    """Facts of an invented company, each with a question in other words."""
    dice = random.Random(5)
    syllables = "ba do fe gu hi ka lo mu ne po ra si tu vo za".split()
    places = dice.sample(
        [(a + b + c).capitalize() for a in syllables for b in syllables for c in syllables],
        count // len(KINDS),
    )
    made = []
    for number in range(count):
        kind, place = number % len(KINDS), places[number // len(KINDS)]
        values = {
            "place": place,
            "name": dice.choice(NAMES),
            "n": number,
            "hour": number % 24,
            "port": 1_024 + number,
        }
        made.append((KINDS[kind].format(**values), QUESTIONS[kind].format(**values)))
    return made


async def found(desk: Desk, query: str) -> list[str]:
    (tool,) = search_tools(desk.index, desk.notes.search)
    text = (await tool.call(ToolContext("s", "r", "c", desk.home.root), query=query)).text
    return [line.partition(": ")[2] for line in text.splitlines() if line.startswith("MEMORY.md")]


@pytest.mark.slow
async def test_five_thousand_facts_are_kept_and_those_asked_for_are_found(desk: Desk) -> None:
    made = facts(5_000)
    desk.home.memories.mkdir()
    desk.notes.path("memory").write_text("\n§\n".join(text for text, _ in made[:BY_HAND]))
    for start in range(BY_HAND, len(made), 50):
        batch = [Operation("add", "memory", text) for text, _ in made[start : start + 50]]
        assert {change.action for change in await desk.notes.apply(batch, OWNER)} == {"add"}
    assert desk.notes.entries("memory") == [text for text, _ in made]
    core = desk.notes.core("memory", about=made[1234][1])
    assert core.total == 5_000
    assert made[1234][0] in core.texts
    assert sum(len(text) + 1 for text in core.texts) <= MemorySettings().memory_chars
    asked = random.Random(9).sample(made, 60)
    hits = [text in (await found(desk, question))[:MOST_NOTES] for text, question in asked]
    assert sum(hits) / len(hits) >= 0.9


async def test_a_search_shows_notes_before_what_was_said(desk: Desk) -> None:
    await add(desk, "The mill sends figures\non Fridays. (in /srv/mill)", "x " * 500 + "mill")
    lines = await found(desk, "when does the mill send its figures?")
    assert lines[0] == "The mill sends figures on Fridays. (in /srv/mill)"
    assert lines[1].endswith(CUT)
    assert await found(desk, "zebra") == []
    (tool,) = search_tools(desk.index, desk.notes.search)
    with pytest.raises(ToolError):
        await tool.call(ToolContext("s", "r", "c", Path("/")), query="mill", session="none such")


async def test_a_search_goes_on_when_the_notes_cannot_be_read(desk: Desk) -> None:
    desk.home.memories.mkdir()
    desk.notes.path("user").write_bytes(b"caf\xe9")
    (tool,) = search_tools(desk.index, desk.notes.search)
    told = await tool.call(ToolContext("s", "r", "c", Path("/")), query="mill")
    assert "USER.md is not UTF-8" in told.text
    assert "Nothing found" in told.text
    assert await add(desk, "The mill is in Lisbon.") == ["add"]


async def test_the_notes_cost_the_fixed_prompt_little(desk: Desk) -> None:
    tools = [*note_tools(desk.notes), *search_tools(desk.index, desk.notes.search)]
    schemas = json.dumps([(t.name, t.description, t.parameters) for t in tools])
    assert len(schemas) < 1_500


# -- what was recalled --------------------------------------------------------------------------


@pytest.mark.slow
async def test_two_hundred_turns_of_remembering_what_was_recalled_add_nothing(desk: Desk) -> None:
    made = [text for text, _ in facts(120)]
    await desk.notes.apply([Operation("add", "memory", text) for text in made], OWNER)
    before, dice = desk.tree(), random.Random(2)
    for turn in range(200):
        talk = Talk()
        shown = desk.notes.core("memory", about=dice.choice(made)).texts
        talk.user("what do you know?")
        talk.tool("\n".join(await found(desk, dice.choice(made))), name="session_search")
        again = dice.choice([*shown, *await found(desk, dice.choice(made))])
        forms = (again, again.upper(), f"As noted, {again}", f"- {again}", f"MEMORY.md: {again}")
        other = dice.choice(shown)
        texts = [dice.choice(forms), f"{again} {other}", f"{other}\n- {again}", again[:30] + CUT]
        changes = await desk.notes.apply(
            [Operation("add", dice.choice(["memory", "user"]), text) for text in texts],
            talk.author,
        )
        assert changes == [], (turn, texts)
    assert desk.tree() == before
    assert len(await desk.listed()) == 120


async def test_what_the_prompt_showed_is_not_learned_again_after_it_was_removed(
    desk: Desk,
) -> None:
    talk = Talk()
    told = tail(TailParts(datetime(2026, 1, 1, tzinfo=UTC), notes=["The theme is dark."]))
    talk.user("hello", tail=told)
    assert echoes("the theme is dark", talk.conversation)
    assert await add(desk, "As noted, the theme is dark", by=talk.author) == [""]
    talk.user("remember that the theme is dark")
    assert await add(desk, "The theme is dark", by=talk.author) == ["add"]


async def test_what_a_search_showed_is_proposed_once_at_most(desk: Desk) -> None:
    talk = Talk()
    talk.user("look it up")
    line = "2026-01-01 10:00 UTC, user, session abc (Tea (green)): my cousin Rui sells green tea"
    talk.tool(line, name="session_search")
    for text in ("My cousin Rui sells green tea.", "my cousin rui sells green tea", line):
        assert await add(desk, text, by=talk.author) == [""]
    assert await desk.listed() == {}
    assert desk.notes.entries("memory") == []


async def test_a_proposal_is_made_once(desk: Desk) -> None:
    desk.mode = "suggest"
    assert await add(desk, "Tea is in the tin.", by=AGENT) == ["add"]
    for text in ("Tea is in the tin.", "tea is in the tin"):
        with pytest.raises(ToolError, match="proposes this already"):
            await add(desk, text, by=AGENT)
    (id,) = await desk.listed()
    await desk.door.reject(id)
    with pytest.raises(ToolError, match="rejected"):
        await add(desk, "Tea is in the tin.", by=AGENT)
