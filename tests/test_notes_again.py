"""What is known is not noted again in other words; what only looks like it is not taken for it."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from agent.learning.door import OWNER, Author
from agent.prompt import TailParts, tail
from agent.tools.base import ToolContext
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from memory.notes.claims import contradict, statements
from memory.notes.operations import Operation
from memory.notes.scope import shown
from memory.tools import note_tools
from tests.claim_cases import OTHER, SAME, told_again
from tests.learner import AGENT, Desk, Talk, open_desk

pytestmark = pytest.mark.anyio

KNOWN = "After a change of app.conf run bash gen.sh, then python3 check.py."
AGAIN = "After changing app.conf run gen.sh and then check.py."
TURNED = "After changing app.conf run check.py and then gen.sh."


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    async with open_desk(home, git="no-git") as desk:
        yield desk


async def add(desk: Desk, text: str, by: Author = AGENT, cwd: str = "") -> str:
    """What it came to: the status of its change, empty if it was known."""
    changes = await desk.notes.apply([Operation("add", "memory", text)], by, cwd)
    return changes[0].status if changes else ""


def alike(one: str, other: str) -> bool:
    return statements(one) == statements(other)


# -- rates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("held_out", [False, True])
def test_most_of_what_is_told_again_is_recognised(held_out: bool) -> None:
    pairs = told_again(SAME, held_out=held_out)
    assert sum(alike(*pair) for pair in pairs) / len(pairs) >= 0.9
    assert [pair for pair in pairs if contradict(*pair)] == []


def test_there_are_enough_cases() -> None:
    for kind in (SAME, OTHER):
        held_out, pairs = told_again(kind, held_out=True), told_again(kind)
        assert len(pairs) >= 100
        assert 3 * len(held_out) >= 0.95 * len(pairs)


@pytest.mark.parametrize("held_out", [False, True])
def test_what_only_looks_like_it_is_never_taken_for_it(held_out: bool) -> None:
    pairs = told_again(OTHER, held_out=held_out)
    assert [pair for pair in pairs if alike(*pair)] == []


IDLE = frozenset(
    "a always an and any are at bash be by contains do does done each every first folder gets has"
    " holds in is its kept must my of on placed please put python python3 read run should still"
    " stored that the then user user's wants was will would write written you".split()
)
"""Words without which a case may say the same."""


def _changed(text: str) -> list[str]:
    """The text with one word replaced, denied, counted or left out, or two paths exchanged."""
    words, found = text.split(), []
    for at, word in enumerate(words):
        before, behind = words[:at], words[at + 1 :]
        found += [[*before, new, *behind] for new in ("zebra", "x/zebra.py")]
        found += [[*before, new, word, *behind] for new in ("not", "only", "7")]
        if word.strip("`.,:").lower() not in IDLE:
            found.append([*before, *behind])
    paths = [at for at, word in enumerate(words) if "." in word.strip(".,`") or "/" in word]
    for one, other in pairwise(paths):
        turned = list(words)
        turned[one], turned[other] = words[other], words[one]
        found.append(turned)
    return [" ".join(one) for one in found]


def test_every_word_that_says_something_counts() -> None:
    """Each case with each of its words changed: thousands of texts that say something else."""
    texts = {text for kind in (SAME, OTHER) for pair in told_again(kind) for text in pair}
    changed = [(text, other) for text in sorted(texts) for other in _changed(text)]
    assert len(changed) > 15_000
    if not os.environ.get("HERMES_SOAK"):
        changed = random.Random(5).sample(changed, 3_000)
    assert [pair for pair in changed if alike(*pair)] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Run make tests before a push.", "Run make test before a push."),
        ("Run git add . before a commit.", "Run git add before a commit."),
        ("Run sh gen.sh.", "Run bash gen.sh."),
        ("Run python2 check.py.", "Run python3 check.py."),
        ("The user likes planes.", "The user likes plans."),
        ("The team used Jira.", "The team uses Jira."),
        ("When deploying, run stop.sh.", "After deploying, run stop.sh."),
        ("Keep the logs in /var/a for a day.", "Keep the logs in /var/a."),
        ("1. run a.sh\n2. run b.sh", "1. run b.sh\n2. run a.sh"),
        ("- run a.sh\n- run b.sh", "- run b.sh\n- run a.sh"),
        ("Run a.sh. Run b.sh.", "Run b.sh. Run a.sh."),
        ("Run a.sh before b.sh.", "Run b.sh before a.sh."),
        ("Use a.sh to test b.sh.", "Use b.sh to test a.sh."),
        ("Run a.sh if b.sh fails.", "Run b.sh if a.sh fails."),
        ("a.py contains b.py.", "b.py contains a.py."),
        ("Put a.txt in b/c.", "Put b/c in a.txt."),
        ("The audit is on 1 March 2027.", "The audit is on 3 January 2027."),
        ("Clear the cache; git stash; make site.", "make site; git stash; Clear the cache."),
        ("git stash; git rebase main", "git rebase main; git stash"),
        ("Take the backup. Drop the table.", "Drop the table. Take the backup."),
        ("The cache does not have to be cleared.", "The cache must not be cleared."),
        ("The jobs don't need to be run on Fridays.", "The jobs must not be run on Fridays."),
        ("The lock never has to be removed.", "The lock must never be removed."),
        ("The build does not always pass.", "The build does not pass."),
        ("Do not always run lint.", "Never run lint."),
        ("Don't just restart the worker.", "Don't restart the worker."),
        ("Never run a.sh, then b.sh.", "Run a.sh, then never b.sh."),
        ("Run gradlew.", "Run ./gradlew."),
    ],
)
def test_a_small_difference_may_be_all(one: str, other: str) -> None:
    assert not alike(one, other)


# -- the store ----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "the workspace", "a folder above it"])
async def test_what_the_prompt_told_is_not_noted_again_in_other_words(
    desk: Desk, tmp_path: Path, place: str
) -> None:
    """As it happened: the prompt told it, the work followed it, the evaluation noted it again."""
    work = tmp_path / "work" / "site"
    mark = {"the workspace": work, "a folder above it": work.parent}.get(place)
    known = f"{KNOWN} (in {shown(str(mark))})" if mark else KNOWN
    await add(desk, known, OWNER)
    told = tail(TailParts(datetime(2026, 11, 21, tzinfo=UTC), notes=[known]))
    for asked in ("set the port to 81", "change the port in app.conf, then check it with check.py"):
        talk = Talk()
        talk.user(asked, tail=told)
        talk.tool("ok", arguments='{"command": "bash gen.sh; python3 check.py"}')
        for again in (AGAIN, f"{AGAIN} (in {shown(str(work))})", AGAIN.upper()):
            assert await add(desk, again, talk.author, str(work)) == ""
        (memory,) = note_tools(desk.notes)
        context = ToolContext("s", "r", "c", work, conversation=talk.conversation)
        answer = await memory.call(context, operations=[Operation("add", "memory", AGAIN)])
        assert "say that already" in answer.text
    assert desk.notes.entries("memory") == [known]
    assert len(await desk.listed()) == 1


async def test_what_is_known_elsewhere_only_is_noted_here(desk: Desk, tmp_path: Path) -> None:
    await add(desk, f"{KNOWN} (in {tmp_path}/other)", OWNER)
    assert await add(desk, AGAIN, AGENT, f"{tmp_path}/work") == "candidate"


async def test_the_owner_may_have_it_hold_everywhere(desk: Desk, tmp_path: Path) -> None:
    await add(desk, f"{KNOWN} (in {tmp_path})", OWNER)
    talk = Talk()
    talk.user(f"remember for all projects: {AGAIN}")
    assert await add(desk, AGAIN, talk.author, str(tmp_path)) == "active"
    assert desk.notes.entries("memory") == [AGAIN]


async def test_another_order_of_commands_is_another_note(desk: Desk) -> None:
    await add(desk, KNOWN, OWNER)
    assert await add(desk, TURNED) == "candidate"
    assert desk.notes.entries("memory") == [KNOWN, TURNED]


async def test_what_says_more_is_kept_whole(desk: Desk) -> None:
    await add(desk, KNOWN, OWNER)
    longer = [f"{AGAIN} It takes 3 minutes.", f"{AGAIN[:-1]}, then deploy.sh."]
    assert [await add(desk, text) for text in longer] == ["candidate"] * 2
    assert desk.notes.entries("memory") == [KNOWN, *longer]


async def test_of_several_notes_those_that_are_known_are_told(desk: Desk) -> None:
    await add(desk, KNOWN, OWNER)
    (memory,) = note_tools(desk.notes)
    operations = [Operation("add", "memory", text) for text in (AGAIN, "Tea is in the tin.")]
    context = ToolContext("s", "r", "c", desk.home.root)
    told = (await memory.call(context, operations=operations)).text
    assert "add in MEMORY.md: written" in told
    assert told.endswith("1 of 2: the notes say that already; nothing was written for it.")


async def test_what_does_not_work_is_not_noted_again_a_day_later(desk: Desk) -> None:
    today = datetime.now(UTC).date()
    for day in range(3):
        desk.notes._today = lambda day=day: today + timedelta(days=day)  # type: ignore[misc]
        status = await add(desk, "The proxy does not work.")
        assert status == ("" if day else "candidate")


@pytest.mark.parametrize("proposed", [False, True])
async def test_what_the_owner_refused_is_not_noted_in_other_words(
    desk: Desk, proposed: bool
) -> None:
    desk.mode = "suggest" if proposed else "auto"
    (change,) = await desk.notes.apply([Operation("add", "memory", KNOWN)], AGENT)
    if proposed:
        with pytest.raises(ToolError, match=f"change {change.id} proposes this already"):
            await add(desk, AGAIN)
    await (desk.door.reject if proposed else desk.door.undo)(change.id)
    with pytest.raises(ToolError, match="rejected" if proposed else "undone"):
        await add(desk, AGAIN)
    desk.mode = "auto"
    assert await add(desk, TURNED) == "candidate"
    assert await add(desk, AGAIN, OWNER) == "active"


async def test_another_session_that_finds_it_in_other_words_proves_it(
    desk: Desk, tmp_path: Path
) -> None:
    asked = Operation("add", "memory", KNOWN, project=True)
    (change,) = await desk.notes.apply([asked], AGENT, str(tmp_path))
    talk = Talk()
    talk.user("build it")
    other = Author("agent", "another", "r", conversation=talk.conversation)
    assert await add(desk, AGAIN, other, str(tmp_path)) == ""
    assert await desk.status(change) == "active"
