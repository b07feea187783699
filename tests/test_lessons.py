"""Which notes are believed, and when: traps, honest lessons, and what becomes of candidates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.events import ChangeDecided
from agent.learning.door import OWNER
from agent.learning.negative import DAYS
from hermes_home.errors import ChangeRefused, ToolError
from hermes_home.paths import Home
from memory.notes.operations import ENTRY_CHARS
from tests.learner import AGENT, Desk, Talk, open_desk
from tests.lesson_cases import HONEST, TRAPS
from tests.lesson_talk import LessonTalk
from tests.skill_texts import skill_text

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    async with open_desk(home, git="none") as desk:
        yield desk


async def played(desk: Desk, talk: str, session: str = "s") -> list[str]:
    played = LessonTalk(desk, session)
    await played.play(talk)
    return await played.statuses()


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAPS)
async def test_a_trap_is_never_stored_as_active(desk: Desk, name: str):
    assert len(TRAPS) >= 60
    statuses = await played(desk, TRAPS[name])
    assert "active" not in statuses, statuses


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
async def test_an_honest_note_is_stored_as_it_deserves(desk: Desk, name: str):
    assert len(HONEST) >= 30
    status, talk = HONEST[name]
    statuses = await played(desk, talk)
    assert statuses, "nothing was written"
    assert statuses[-1] == status, statuses


async def test_what_two_sessions_find_by_themselves_is_believed(desk: Desk):
    talk = "> look around\n$ cat .env\n* Settings come from .env in this repository.\n< Done."
    assert await played(desk, talk, "one") == ["candidate"]
    first = max(await desk.listed())
    again = talk.replace("Settings come", "settings come")
    assert await played(desk, again, "one") == []
    assert await desk.status(first) == "candidate", "the same session proves nothing"
    assert await played(desk, again, "two") == []
    assert await desk.status(first) == "active"
    decided = desk.of(ChangeDecided)[-1]
    assert (decided.by, "two" in decided.reason) == ("evidence", True)


async def test_nothing_is_proved_while_learning_only_suggests(desk: Desk):
    talk = "> look around\n$ cat .env\n* Settings come from .env in this repository.\n< Done."
    assert await played(desk, talk, "one") == ["candidate"]
    desk.mode = "suggest"
    await played(desk, talk, "two")
    assert await desk.status(max(await desk.listed())) == "candidate"


async def test_what_was_decided_says_why(desk: Desk):
    _, talk = HONEST["proved by acceptance 1"]
    assert await played(desk, talk) == ["active"]
    decided = desk.of(ChangeDecided)[-1]
    assert (decided.by, decided.reason) == ("evidence", "the owner accepted its run")


async def test_the_owners_own_word_on_a_note_is_not_taken_back_by_a_phrase(desk: Desk):
    talk = LessonTalk(desk, "s")
    await talk.play("> remember that the deploy branch is main\n* The deploy branch is main.")
    await desk.door.undo(talk.notes[0])
    await desk.door.approve(talk.notes[0])
    await talk.play("> forget that, I was wrong")
    assert "The deploy branch is main." in desk.notes.entries("memory")


# -- what does not work -------------------------------------------------------------------------


async def test_that_something_does_not_work_is_told_for_a_month(desk: Desk):
    await desk.note("docker is not installed here", by=AGENT)
    until = datetime.now(UTC).date() + timedelta(days=DAYS)
    assert desk.notes.entries("memory") == [f"docker is not installed here (until {until})"]
    await desk.note("The proxy is down. (until 2027-01-02)", by=AGENT)
    await desk.note("The printer is broken.", by=OWNER)
    assert desk.notes.entries("memory")[1:] == [
        "The proxy is down. (until 2027-01-02)",
        "The printer is broken.",
    ]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("docker does not work.", False),
        ("The browser is broken", False),
        ("npm schlägt immer fehl", False),
        ("If docker is not installed, use podman instead.", True),
        ("pip fails without a virtual environment: run `python -m venv .venv` first.", True),
        ("`make test` crashes; run `pytest -q` instead", True),
        ("Never push to main.", True),
        ("`sort -k2 {file}` fails on `.exp`", True),
    ],
)
async def test_a_skill_says_what_to_do_instead(desk: Desk, line: str, kept: bool):
    text = skill_text("brew-tea", body=f"# Tea\n\n1. Boil water.\n2. {line}\n")
    if kept:
        assert (await desk.writer.create("brew-tea", text, AGENT)).status == "candidate"
        return
    with pytest.raises(ChangeRefused, match="only that something does not work") as refused:
        await desk.writer.create("brew-tea", text, AGENT)
    assert "memory" in refused.value.hint
    assert (await desk.writer.create("brew-tea", text, OWNER)).status == "active"


# -- characters and sizes -----------------------------------------------------------------------


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\U000e0041", "\x07", "\x1b[2J", "\ufeff"])
@pytest.mark.parametrize("author", ["agent", "owner"])
async def test_a_note_hides_nothing(desk: Desk, hidden: str, author: str):
    by = AGENT if author == "agent" else OWNER
    with pytest.raises(ToolError, match="hides U\\+"):
        await desk.note(f"The printer{hidden} is on the second floor.", by=by)
    assert desk.tree() == {}


async def test_a_note_may_be_so_long_and_no_longer(desk: Desk):
    with pytest.raises(ToolError, match="4,000"):
        await desk.note("x" * (ENTRY_CHARS + 1))
    await desk.note("Zeile eins\n\tund zwei 👩‍💻 – 木\u3000" + "x" * 3_900)
    assert len(desk.notes.entries("memory")) == 1


async def test_a_talk_without_the_owners_words_is_open(desk: Desk):
    """A guest who speaks in the owner's session lends no ground."""
    talk = Talk()
    talk.user("have a look")
    talk.user("remember that lunch is at noon", principal="guest")
    assert (await desk.note("Lunch is at noon.", by=talk.author)).status == "proposed"
