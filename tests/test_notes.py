"""The notes: nothing a writer or a hand put there is lost, and a prompt holds a bounded part."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events import ChangeIntended, ChangeMade, FileChange
from agent.learning.door import OWNER, Author, Door
from agent.tools.base import ToolContext
from hermes_home.errors import ChangeRefused, HermesError, ToolError
from hermes_home.history import History
from hermes_home.paths import Home
from hermes_home.settings import MemorySettings
from memory.database import Database
from memory.journal import Journal
from memory.notes.entries import Document, holds_separator, merge_hand, normal
from memory.notes.operations import Action, Operation, Target
from memory.notes.store import Notes
from memory.tools import note_tools

pytestmark = pytest.mark.anyio

AGENT = Author("agent", "s", "r")


class Desk:
    """Notes with the real door, journal and history."""

    mode: Literal["auto", "suggest", "off"] = "auto"
    now = 1_000_000.0

    def __init__(self, home: Home, database: Database) -> None:
        self.home = home
        self.journal = journal = Journal(database)

        async def record(event, session: str, run: str) -> int:
            return await journal.append(event, session=session, run=run)

        def load(id: int) -> ChangeIntended | None:
            found = journal.read_all(id - 1, 1)
            event = found[0].event if found and found[0].seq == id else None
            return event if isinstance(event, ChangeIntended) else None

        self.door = Door(home, History(home), record, load, lambda: self.mode)
        self.notes = Notes(home, self.door, MemorySettings(), clock=lambda: self.now)
        self.path = self.notes.path("memory")
        home.memories.mkdir()

    async def do(self, action: Action, text: str = "", old: str = "", target: Target = "memory"):
        return await self.notes.apply([Operation(action, target, text, old)], AGENT)

    def hand(self, text: str) -> None:
        """Save as editors do: a new file takes the old one's name."""
        part = self.home.root / "editor"
        part.write_bytes(text.encode())
        part.replace(self.path)

    @property
    def text(self) -> str:
        return self.path.read_bytes().decode()


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    with closing(Database(home)) as database:
        yield Desk(home, database)


async def test_entries_are_added_replaced_and_removed(desk: Desk) -> None:
    await desk.do("add", "one")
    await desk.do("add", "two\nlines")
    await desk.do("replace", "One!", old="one")
    assert desk.text == "One!\n§\ntwo\nlines\n"
    await desk.do("remove", old="two")
    assert desk.text == "One!\n"
    assert desk.notes.entries("user") == []
    await desk.do("add", "likes tea", target="user")
    assert desk.notes.entries("user") == ["likes tea"]


async def test_untouched_entries_keep_their_bytes(desk: Desk) -> None:
    rest = "\ufeff\n  # Odd   \r\n\tthing \r\n \t§ \r\n\n\nsecond\r\n§\r\n"
    desk.hand(rest + "third")
    await desk.do("replace", "3", old="third")
    assert desk.text == rest + "3"
    await desk.do("add", "4\n5")
    assert desk.text == rest + "3\r\n§\r\n4\r\n5\r\n"
    await desk.do("remove", old="second")
    assert desk.text == rest.replace("\n\nsecond\r\n§\r\n", "") + "3\r\n§\r\n4\r\n5\r\n"


async def test_a_restatement_is_stored_once(desk: Desk) -> None:
    await desk.do("add", "The server is  north.")
    assert await desk.do("add", "the SERVER is north") == []
    assert await desk.do("add", "THE server\nis north!") == []
    batch = [Operation("add", "memory", text) for text in ("New.", "new", "NEW!")]
    assert len(await desk.notes.apply(batch, AGENT)) == 1
    assert desk.notes.entries("memory") == ["The server is  north.", "New."]
    await desk.do("replace", "the server is north", old="New")
    assert desk.notes.entries("memory") == ["The server is  north."]


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        (Operation("add", "memory", ""), "needs"),
        (Operation("add", "memory", "a\n § \nb"), "§"),
        (Operation("add", "memory", "§"), "§"),
        (Operation("replace", "memory", "x", "absent"), "no entry"),
        (Operation("replace", "memory", "x", ""), "old_text"),
        (Operation("replace", "memory", "", "alpha"), "needs"),
        (Operation("remove", "memory", "", "a"), "entries hold"),
    ],
)
async def test_one_bad_operation_leaves_all_undone(
    desk: Desk, operation: Operation, problem: str
) -> None:
    desk.hand("alpha\n§\nbeta\n")
    good = Operation("add", "memory", "good")
    with pytest.raises(ToolError, match=problem) as caught:
        await desk.notes.apply([good, operation, good], AGENT)
    assert "operation 2" in caught.value.message
    assert "Nothing was changed" in caught.value.hint
    assert desk.text == "alpha\n§\nbeta\n"
    assert desk.journal.last_seq() == 0


async def test_an_entry_of_the_other_file_is_pointed_to(desk: Desk) -> None:
    await desk.notes.apply([Operation("add", "user", "Likes red kettles.")], AGENT)
    remove = Operation("remove", "memory", "", "kettles")
    for operation in (remove, Operation("replace", "memory", "x", "kettles")):
        with pytest.raises(ToolError, match="no entry holds") as caught:
            await desk.notes.apply([operation], AGENT)
        assert "USER.md holds it" in caught.value.hint
        assert "--to user" in caught.value.hint


async def test_one_entry_changed_twice_is_refused(desk: Desk) -> None:
    desk.hand("alpha\n")
    twice = [Operation("replace", "memory", "b", "alpha"), Operation("remove", "memory", "", "alp")]
    with pytest.raises(ToolError, match="twice"):
        await desk.notes.apply(twice, AGENT)
    assert desk.text == "alpha\n"


async def test_a_refusal_of_the_door_leaves_all_undone(desk: Desk) -> None:
    (change,) = await desk.do("add", "never again")
    await desk.door.undo(change.id)
    before = desk.journal.last_seq()
    with pytest.raises(ChangeRefused):
        await desk.notes.apply(
            [Operation("add", "memory", "fine"), Operation("add", "memory", "Never again")], AGENT
        )
    assert desk.journal.last_seq() == before
    assert desk.notes.entries("memory") == []


async def test_an_entry_given_whole_is_unique_though_others_contain_it(desk: Desk) -> None:
    desk.hand("tea\n§\ngreen tea\n")
    await desk.do("replace", "black tea", old="tea")
    assert desk.notes.entries("memory") == ["black tea", "green tea"]


@pytest.mark.parametrize("harm", ["not text", "a folder", "a link to itself"])
async def test_what_cannot_be_read_is_not_taken_for_empty(desk: Desk, harm: str) -> None:
    if harm == "not text":
        desk.path.write_bytes(b"caf\xe9\n")
    elif harm == "a folder":
        desk.path.mkdir()
    else:
        desk.path.symlink_to(desk.path)
    for attempt in (desk.do("add", "x"), desk.notes.reconcile(desk.path)):
        with pytest.raises(ToolError, match=r"MEMORY\.md"):
            await attempt
    with pytest.raises(ToolError):
        desk.notes.core("memory")
    if harm == "not text":
        assert desk.path.read_bytes() == b"caf\xe9\n"


async def test_a_proposed_note_is_not_written_until_it_is_approved(desk: Desk) -> None:
    desk.mode = "suggest"
    (change,) = await desk.do("add", "maybe")
    assert change.status == "proposed"
    assert not desk.path.exists()
    desk.hand("by hand\n")
    await desk.door.approve(change.id)
    assert desk.notes.entries("memory") == ["by hand", "maybe"]


async def test_undo_restores_the_bytes_when_nothing_was_written_since(desk: Desk) -> None:
    original = "one\r\n§\r\n\n two \n§\nthree"
    desk.hand(original)
    for action, text in (("remove", ""), ("replace", "2"), ("add", "four")):
        (change,) = await desk.do(action, text, old="" if action == "add" else "two")  # type: ignore[arg-type]
        assert desk.text != original
        await desk.door.undo(change.id, OWNER)
        assert desk.text == original


async def test_a_change_journalled_with_whole_texts_is_undone(desk: Desk) -> None:
    """As versions before wrote them."""
    before, after = "one\n", "one\n§\n two\n"
    desk.hand(after)
    file = FileChange("memories/MEMORY.md", before, after)
    intended = ChangeIntended(
        kind="memory",
        name="MEMORY.md",
        action="add",
        status="active",
        actor="agent",
        files=(file,),
        entry_after="two",
    )
    id = await desk.journal.append(intended)
    await desk.journal.append(ChangeMade(id=id))
    await desk.door.reconcile(desk.journal.changes())
    await desk.door.undo(id)
    assert desk.text == before


async def test_undo_takes_back_its_entry_among_later_changes(desk: Desk) -> None:
    (added,) = await desk.do("add", "first")
    await desk.do("add", "second")
    (replaced,) = await desk.do("replace", "2nd", old="second")
    (removed,) = await desk.do("remove", old="first")
    await desk.do("add", "third")
    await desk.door.undo(replaced.id)
    assert desk.notes.entries("memory") == ["second", "third"]
    with pytest.raises(ChangeRefused, match="does not stand"):
        await desk.door.undo(added.id)
    await desk.door.undo(removed.id)
    assert desk.notes.entries("memory") == ["second", "third", "first"]


# -- edits by hand ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("a", "a\n§\nb", "a, edited", "a, edited\n§\nb\n"),
        ("a\n§\nb", "b", "a\n§\nb\n§\nc", "b\n§\nc"),
        ("a note\n§\nb", "a note, new\n§\nb", "a note\n§\nc", "a note, new\n§\nc"),
        ("a note\n§\nb", "a note, new\n§\nb", "a note by hand\n§\nb", "a note by hand\n§\nb"),
        ("a\n§\nb", "a\n§\nb\n§\nc", "c\n§\nd", "c\n§\nd"),
        ("a\n§\nb", "b\n§\na", "a\n§\nb\n§\nc", "a\n§\nb\n§\nc"),
        ("", "a", "b", "b\n§\na\n"),
        ("a", "", "a\n§\nb", "b"),
        (
            "long text one\n§\nz",
            "unrelated 42",
            "long text one!!\n§\nz",
            "long text one!!\n§\nunrelated 42\n",
        ),
    ],
)
def test_merging_by_entry(base: str, ours: str, theirs: str, merged: str) -> None:
    assert merge_hand(base, ours, theirs) == merged


entry = st.text("abc d\n", min_size=1, max_size=8).filter(
    lambda text: normal(text) != "" and not holds_separator(text)
)
some = st.lists(entry, max_size=6).map(lambda texts: "\n§\n".join(texts))


@pytest.mark.slow
@given(some, some)
def test_merging_with_no_change_of_ours_keeps_the_save(base: str, theirs: str) -> None:
    assert merge_hand(base, base, theirs) == theirs


@given(some, some)
def test_merging_a_save_without_changes_has_our_entries(base: str, ours: str) -> None:
    merged = {normal(text) for text in Document(merge_hand(base, ours, base)).texts}
    assert merged == {normal(text) for text in Document(ours).texts}


@given(some, some, some)
def test_merging_keeps_what_either_side_added(base: str, ours: str, theirs: str) -> None:
    def says(text: str) -> set[str]:
        return {normal(entry) for entry in Document(text).texts}

    merged = says(merge_hand(base, ours, theirs))
    assert says(theirs) - says(base) <= merged
    assert merged <= says(ours) | says(theirs)


@given(st.text("a§ \n\r\t\ufeffü", max_size=30))
def test_any_file_is_rendered_as_it_was(text: str) -> None:
    assert Document(text).render() == text


async def test_a_save_that_began_at_an_older_version_gets_what_it_had_not_known(
    desk: Desk,
) -> None:
    await desk.do("add", "first")
    opened = desk.text
    await desk.do("add", "second")
    await desk.do("add", "third")
    desk.hand(opened.replace("first", "first, edited"))
    assert await desk.notes.reconcile(desk.path) == ["second", "third"]
    assert desk.notes.entries("memory") == ["first, edited", "second", "third"]
    assert await desk.notes.reconcile(desk.path) == []


async def test_the_next_write_puts_back_too_when_the_watcher_has_not_come(desk: Desk) -> None:
    await desk.do("add", "first")
    opened = desk.text
    await desk.do("add", "second")
    desk.hand(opened + "§\nby hand\n")
    await desk.do("add", "third")
    assert desk.notes.entries("memory") == ["first", "by hand", "second", "third"]


async def test_an_entry_taken_out_by_hand_stays_out(desk: Desk) -> None:
    for text in ("first", "second", "third"):
        await desk.do("add", text)
    desk.hand("first\n§\nsecond\n")
    assert await desk.notes.reconcile(desk.path) == []
    await desk.do("add", "fourth")
    assert desk.notes.entries("memory") == ["first", "second", "fourth"]


async def test_an_editor_kept_open_may_save_again_and_again(desk: Desk) -> None:
    await desk.do("add", "first")
    buffer = desk.text
    for number in range(5):
        await desk.do("add", f"ours {number}")
        buffer += f"§\ntheirs {number}\n"
        desk.hand(buffer)
        await desk.notes.reconcile(desk.path)
    expected = {"first", *(f"{who} {n}" for who in ("ours", "theirs") for n in range(5))}
    assert sorted(desk.notes.entries("memory")) == sorted(expected)


async def test_a_version_replaced_long_ago_is_no_beginning_of_a_save(desk: Desk) -> None:
    await desk.do("add", "first")
    opened = desk.text
    await desk.do("add", "second")
    desk.now += 90_000
    desk.hand(opened + "§\nby hand\n")
    assert await desk.notes.reconcile(desk.path) == []
    assert desk.notes.entries("memory") == ["first", "by hand"]


class Hand:
    """A person with an editor: opens the file, types, saves some time later."""

    def __init__(self, desk: Desk, chance: random.Random) -> None:
        self.desk = desk
        self.chance = chance
        self.wrote: set[str] = set()
        self.number = 0

    async def edit(self) -> None:
        buffer = Document(self.desk.text if self.desk.path.exists() else "")
        for _ in range(self.chance.choice((0, 0, 3, 20))):
            await asyncio.sleep(0)
        mine = [text for text in buffer.texts if text in self.wrote]
        self.number += 1
        text = f"hand writes {self.number:05} {os.urandom(4).hex()}"
        if mine and self.chance.random() < 0.3:
            old = self.chance.choice(mine)
            at = buffer.find(old)
            assert at is not None
            buffer.replace(at, text)
            self.wrote.discard(old)
        else:
            buffer.add(text)
        self.wrote.add(text)
        self.desk.hand(buffer.render())
        if self.chance.random() < 0.7:
            await self.desk.notes.reconcile(self.desk.path)


async def harm(desk: Desk, chance: random.Random) -> None:
    """For some time the file is there and cannot be read; then it is as it was."""
    aside, path = desk.home.root / "aside", desk.path
    if not path.exists():
        return
    path.replace(aside)
    what = chance.choice(["not text", "a folder", "a link to itself", "forbidden"])
    if what == "a folder":
        path.mkdir()
    elif what == "a link to itself":
        path.symlink_to(path)
    else:
        path.write_bytes(b"caf\xe9\n")
        path.chmod(0 if what == "forbidden" else 0o600)
    for _ in range(chance.randrange(1, 40)):
        await asyncio.sleep(0)
    if what == "a folder":
        path.rmdir()
    aside.replace(path)


async def surely(desk: Desk, operation: Operation) -> None:
    """Once the file can be read."""
    while True:
        try:
            await desk.notes.apply([operation], AGENT)
        except HermesError:
            await asyncio.sleep(0)
        else:
            return


async def writer(desk: Desk, name: str, operations: int, chance: random.Random) -> set[str]:
    """What this writer's entries are when it is done."""
    live: list[str] = []
    for number in range(operations):
        text = f"{name} learned {number:05} {chance.randbytes(4).hex()}"
        what = chance.random()
        if live and what < 0.2:
            old = live.pop(chance.randrange(len(live)))
            await surely(desk, Operation("remove", "memory", "", old))
        elif live and what < 0.4:
            old = live.pop(chance.randrange(len(live)))
            await surely(desk, Operation("replace", "memory", text, old))
            live.append(text)
        else:
            await surely(desk, Operation("add", "memory", text))
            live.append(text)
    return set(live)


async def two_writers_and_a_hand(desk: Desk, operations: int, seed: int) -> None:
    chance = random.Random(seed)
    hand = Hand(desk, chance)
    writers = [
        asyncio.create_task(writer(desk, name, operations, random.Random(f"{seed}{name}")))
        for name in ("ann", "bob")
    ]
    while not all(task.done() for task in writers):
        await (harm(desk, chance) if chance.random() < 0.1 else hand.edit())
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
    await desk.notes.reconcile(desk.path)
    expected = set.union(hand.wrote, *[await task for task in writers])
    entries = desk.notes.entries("memory")
    assert len(entries) == len(set(entries))
    assert set(entries) == expected


@pytest.mark.slow
async def test_two_writers_and_a_hand_lose_nothing(desk: Desk) -> None:
    await two_writers_and_a_hand(desk, operations=40, seed=1)


@pytest.mark.slow
async def test_two_writers_of_a_thousand_operations_and_a_hand_lose_nothing(desk: Desk) -> None:
    await two_writers_and_a_hand(desk, operations=1_000, seed=2)


# -- the prompt ---------------------------------------------------------------------------------


async def test_a_store_without_bound_gives_a_bounded_prompt(desk: Desk) -> None:
    facts = [f"fact {n}: machine host{n} runs job{n}" for n in range(5_000)]
    desk.hand("\n§\n".join(facts))
    chosen = desk.notes.core("memory").texts
    assert sum(len(text) + 1 for text in chosen) <= MemorySettings().memory_chars
    assert chosen == facts[-len(chosen) :]
    assert len(chosen) > 40
    about = desk.notes.core("memory", about="what does host1234 do?").texts
    assert facts[1234] in about
    assert facts[-1] in about
    assert about == desk.notes.core("memory", about="what does host1234 do?").texts
    await desk.do("add", "one more")
    assert desk.notes.core("memory").texts[-1] == "one more"
    assert len(desk.notes.entries("memory")) == 5_001


async def test_entries_not_trusted_yet_are_left_out(desk: Desk) -> None:
    desk.hand("one\n§\ntwo\n")
    assert desk.notes.core("memory", leave_out=["Two."]).texts == ["one"]


async def test_an_entry_longer_than_the_room_is_shortened(desk: Desk) -> None:
    desk.hand("x" * 9_000 + "\n§\nshort\n")
    long, short = desk.notes.core("memory").texts
    assert short == "short"
    assert long.startswith("xxx")
    assert len(long) < MemorySettings().memory_chars


async def test_no_notes_give_no_entries(desk: Desk) -> None:
    assert desk.notes.core("user", about="anything").texts == []


# -- the tool -----------------------------------------------------------------------------------


async def test_the_tool_writes_and_tells(desk: Desk) -> None:
    (tool,) = note_tools(desk.notes)
    context = ToolContext("s", "r", "c", Path("/"))
    operations = [Operation("add", "memory", "one"), Operation("add", "user", "two")]
    result = await tool.call(context, operations=operations)
    assert "MEMORY.md" in result.text
    assert "USER.md" in result.text
    assert desk.notes.entries("user") == ["two"]
    assert "already" in (await tool.call(context, operations=operations)).text
    with pytest.raises(ToolError):
        await tool.call(context, operations=[])
    silent = ToolContext("s", "r", "c", Path("/"), learning=False)
    with pytest.raises(ToolError):
        await tool.call(silent, operations=[Operation("add", "memory", "three")])
    assert desk.notes.entries("memory") == ["one"]
