"""Everything a learner has, without daemon and model: a real door, journal, history, notes, skills.

`python -m tests.learner HOME CHANGE POINT` makes a change and dies by SIGKILL on the way:
intended (stored, no file written), half (the first file written), written (all files),
made (journalled, not committed).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar

from agent.conversation import Conversation
from agent.events import (
    AnyEvent,
    ChangeIntended,
    ChangeMade,
    Event,
    ModelReplied,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.learning.door import Author, Change, Door
from agent.messages import ToolCall
from hermes_home.history import History
from hermes_home.paths import Home
from hermes_home.settings import MemorySettings
from memory.database import Database
from memory.index import Index
from memory.journal import Journal
from memory.listings import ChangeRow, changes
from memory.notes.operations import Action, Operation, Target
from memory.notes.store import Notes
from skills.library import Library
from skills.writer import Writer
from tests.skill_texts import skill_text

E = TypeVar("E", bound=Event)
AGENT = Author("agent", "s", "r")


class Desk:
    """`after` is called with each stored event, `replaced` after each file that was written."""

    mode: Literal["auto", "suggest", "off"] = "auto"

    def __init__(self, home: Home, git: str = "git") -> None:
        self.home = home
        self.after: Callable[[AnyEvent], None] = lambda event: None
        self.replaced: Callable[[str], None] = lambda path: None
        self.database = Database(home)
        self.journal = Journal(self.database)
        self.history = _Told(self, git)
        self.index = Index(home)
        self.index.follow(self.journal)
        self.door = Door(home, self.history, self._record, self.intent, lambda: self.mode)
        self.library = Library(home, bundled=None)
        self.writer = Writer(home, self.library, self.door)
        self.notes = Notes(home, self.door, MemorySettings())

    async def _record(self, event: AnyEvent, session: str, run: str) -> int:
        seq = await self.journal.append(event, session=session, run=run)
        self.after(event)
        return seq

    def intent(self, id: int) -> ChangeIntended | None:
        event = self.journal.event(id)
        return event if isinstance(event, ChangeIntended) else None

    async def note(
        self,
        text: str = "",
        *,
        old: str = "",
        target: Target = "memory",
        by: Author = AGENT,
    ) -> Change:
        """Add a note; with `old` replace that one, or remove it if there is no text."""
        action: Action = "add" if not old else ("replace" if text else "remove")
        (change,) = await self.notes.apply([Operation(action, target, text, old)], by)
        return change

    async def listed(self) -> dict[int, ChangeRow]:
        rows = await self.index.ask(lambda tables: changes(tables, 10_000, everyone=True))
        return {row.id: row for row in rows}

    async def status(self, change: Change | int) -> str:
        id = change if isinstance(change, int) else change.id
        return (await self.listed())[id].status

    def tree(self) -> dict[str, bytes]:
        """Every learned file's bytes by its path."""
        files = (
            path
            for folder in (self.home.skills, self.home.memories)
            for path in folder.rglob("*")
            if path.is_file()
        )
        return {path.relative_to(self.home.root).as_posix(): path.read_bytes() for path in files}

    def of(self, kind: type[E]) -> list[E]:
        events = (stored.event for stored in self.journal.read_all(limit=100_000))
        return [event for event in events if isinstance(event, kind)]


class _Told(History):
    """A history that tells of each file it has written."""

    def __init__(self, desk: Desk, git: str) -> None:
        super().__init__(desk.home, git)
        self._desk = desk

    def replace(
        self, relative: str, before: str | None, after: str | None, *, runs: bool = False
    ) -> bool:
        done = super().replace(relative, before, after, runs=runs)
        if done:
            self._desk.replaced(relative)
        return done


@asynccontextmanager
async def open_desk(home: Home, git: str = "git") -> AsyncIterator[Desk]:
    """A desk as the daemon opens it: the history found, what a crash left made whole. `git`: the
    program; a name that is none is faster, and keeps no history."""
    desk = Desk(home, git)
    try:
        await desk.history.open()
        await desk.door.reconcile(desk.journal.changes())
        yield desk
    finally:
        await desk.history.close()
        await desk.index.close()
        desk.database.close()


class Talk:
    """A conversation, told event by event as the loop would."""

    def __init__(self) -> None:
        self.conversation = Conversation(session="s")
        self.author = Author("agent", "s", "r", conversation=self.conversation)
        self._calls = 0

    def user(self, text: str, principal: str = "owner", tail: str = "") -> None:
        self.conversation.apply(UserSpoke(input="i", text=text, principal=principal, tail=tail))

    def model(self, text: str = "", call: tuple[str, str] | None = None) -> None:
        """A reply; `call` is a tool's name and its arguments as JSON."""
        calls: tuple[ToolCall, ...] = ()
        if call is not None:
            self._calls += 1
            calls = (ToolCall(f"c{self._calls}", *call),)
        self.conversation.apply(ModelReplied(text=text, tool_calls=calls))

    def tool(self, output: str, name: str = "shell", arguments: str = "{}") -> None:
        """A call and what came of it."""
        self.model(call=(name, arguments))
        id = f"c{self._calls}"
        self.conversation.apply(
            ToolStarted(call_id=id, name=name, arguments=arguments, number=self._calls)
        )
        self.conversation.apply(ToolFinished(call_id=id, name=name, status="ok", text=output))


# -- a learner that dies ------------------------------------------------------------------------


async def _create(desk: Desk) -> None:
    await desk.writer.create("mow-lawn", skill_text("mow-lawn"), AGENT)


async def _archive(desk: Desk) -> None:
    await desk.writer.archive("brew-tea", AGENT)


async def _add_note(desk: Desk) -> None:
    await desk.note("the printer is on the second floor")


async def _undo(desk: Desk) -> None:
    """Take back the last change that was made."""
    await desk.door.undo(max(await desk.listed()))


async def _approve(desk: Desk) -> None:
    await desk.door.approve(max(await desk.listed()))


CHANGES = {
    "create": _create,
    "archive": _archive,
    "note": _add_note,
    "undo": _undo,
    "approve": _approve,
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _change_and_die(home: Home, change: str, point: str) -> None:
    async with open_desk(home) as desk:
        written = []

        def stored(event: AnyEvent) -> None:
            if point == "intended" and isinstance(event, ChangeIntended):
                _die()
            if isinstance(event, ChangeMade) and point == "made":
                _die()
            if isinstance(event, ChangeMade) and point == "written":
                raise AssertionError("a change was made without a file")

        def replaced(path: str) -> None:
            written.append(path)
            last = desk.of(ChangeIntended)[-1]
            if point == "half" or (point == "written" and len(written) == len(last.files)):
                _die()

        desk.after, desk.replaced = stored, replaced
        await CHANGES[change](desk)


if __name__ == "__main__":
    folder, change, point = sys.argv[1:]
    asyncio.run(_change_and_die(Home(Path(folder)), change, point))
