"""The one door for everything learned: checked, journalled, written, committed, undone.

Writers of notes and skills plan a proposal; the door decides its status and writes it. The intent
is stored before the rename, so that after a crash it is known who changed a file, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from agent.conversation import Conversation
from agent.events import (
    AnyEvent,
    ChangeDecided,
    ChangeIntended,
    ChangeKind,
    ChangeMade,
    ChangeStatus,
    FileChange,
    Stored,
)
from agent.origin import tainted
from hermes_home.errors import ChangeRefused
from hermes_home.history import History
from hermes_home.paths import Home

ATTEMPTS = 5
"""How often a change is planned anew because its file changed under it."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something. actor: `agent` (a run or checkpoint) or `owner` (a command, a hand
    edit). `conversation` is where the words come from, for the origin check."""

    actor: str
    session: str = ""
    run: str = ""
    checkpoint: int = 0
    conversation: Conversation | None = None


OWNER = Author("owner")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change as a writer plans it. `text`: the new words it brings. `files` hold whole texts;
    paths are relative to the home."""

    kind: ChangeKind
    name: str
    action: str
    files: tuple[FileChange, ...]
    text: str = ""
    entry_before: str = ""
    entry_after: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change the door let through. `status` proposed = stored, and not written."""

    id: int
    kind: ChangeKind
    name: str
    action: str
    status: ChangeStatus


class Record(Protocol):
    """Stores an event of a session (empty = of none) and returns its sequence number."""

    def __call__(self, event: AnyEvent, session: str, run: str) -> Awaitable[int]: ...


Plan = Callable[[ChangeIntended], Proposal]
"""Plans a journalled change again, or its reverse, from what is on disk now; raises ChangeRefused
if that no longer fits."""


class Door:
    """Everything learned passes here, one change at a time.

    `load(id)` reads a journalled intent; `mode()` is the setting now, so that a live edit counts.
    """

    def __init__(
        self,
        home: Home,
        history: History,
        record: Record,
        load: Callable[[int], ChangeIntended | None],
        mode: Callable[[], Literal["auto", "suggest", "off"]],
    ) -> None:
        self.home = home
        self.history = history
        self.lock = asyncio.Lock()
        self._record = record
        self._load = load
        self._mode = mode
        self._plans: dict[ChangeKind, tuple[Plan, Plan]] = {}
        self._refused: dict[str, str] = {}
        self._touched: dict[str, list[int]] = {}

    def plans(self, kind: ChangeKind, *, again: Plan, reverse: Plan) -> None:
        """Changes of this kind are made again and undone by entry rather than by whole files."""
        self._plans[kind] = (again, reverse)

    def check(self, proposal: Proposal, author: Author) -> None:
        """ChangeRefused if this would be refused now; nothing is stored."""
        self._judge(proposal, author)

    async def apply(self, plan: Callable[[], Proposal], author: Author) -> Change:
        """Plan, check, journal, write. Raises ChangeRefused and whatever `plan` raises.

        Once begun a change is carried through, also when the caller is cancelled.
        """
        return await asyncio.shield(self._apply(plan, author))

    async def _apply(self, plan: Callable[[], Proposal], author: Author) -> Change:
        async with self.lock:
            for _ in range(ATTEMPTS):
                proposal = plan()
                status, reason = self._judge(proposal, author)
                change = await self._attempt(proposal, status, author, reason)
                if change is not None:
                    return change
        raise ChangeRefused(
            f"{proposal.name}: the file keeps changing under this change",
            "Nothing was written; try again when the other writer is done.",
        )

    async def undo(self, id: int, author: Author = OWNER) -> Change:
        """Take a change back while what it wrote still stands; leaves a marker for the learner."""
        intended = self._intent(id)
        if intended.status == "proposed":
            raise ChangeRefused(
                f"change {id} was never written", f"Reject it: learning reject {id}"
            )
        reverse = self._plans[intended.kind][1] if intended.kind in self._plans else None
        change = await self.apply(
            lambda: reverse(intended) if reverse else self._reverse_files(id, intended), author
        )
        await self._decide(id, intended, "undone", author, "undone by the owner")
        return change

    async def approve(self, id: int, author: Author = OWNER) -> Change:
        """Write a proposed change, or make a candidate active."""
        intended = self._intent(id)
        if intended.status == "proposed":
            again = self._plans[intended.kind][0] if intended.kind in self._plans else self._again
            await self.apply(lambda: again(intended), author)
        await self._decide(id, intended, "active", author, "approved by the owner")
        return Change(id, intended.kind, intended.name, intended.action, "active")

    async def reject(self, id: int, author: Author = OWNER) -> Change:
        """Refuse a proposed change for good; leaves a marker for the learner."""
        intended = self._intent(id)
        if intended.status != "proposed":
            raise ChangeRefused(f"change {id} is written already", f"Undo it: learning undo {id}")
        await self._decide(id, intended, "rejected", author, "rejected by the owner")
        return Change(id, intended.kind, intended.name, intended.action, "rejected")

    def fold(self, events: Iterable[Stored]) -> list[tuple[int, ChangeIntended]]:
        """Read back the markers; returns the intents that were never seen to be made."""
        intents: dict[int, ChangeIntended] = {}
        open_: dict[int, ChangeIntended] = {}
        for stored in events:
            event = stored.event
            if isinstance(event, ChangeIntended):
                intents[stored.seq] = event
                if event.status != "proposed":
                    open_[stored.seq] = event
            elif isinstance(event, ChangeMade):
                open_.pop(event.id, None)
                if event.id in intents:
                    self._remember(event.id, intents[event.id])
            elif isinstance(event, ChangeDecided) and event.id in intents:
                self._mark(event.id, intents[event.id], event.status)
        return list(open_.items())

    async def reconcile(self, open_: Iterable[tuple[int, ChangeIntended]]) -> None:
        """After a crash: an intent whose bytes are on disk was made; it is journalled and
        committed for its author. The others never happened."""
        for id, intended in open_:
            root = self.home.root
            if intended.files and all(_text(root / f.path) == f.after for f in intended.files):
                author = Author(intended.actor, intended.session)
                await self._made(id, intended, author)

    # -- one change -----------------------------------------------------------------------------

    def _judge(self, proposal: Proposal, author: Author) -> tuple[ChangeStatus, str]:
        """The status a change gets, or ChangeRefused. The owner's own changes are active."""
        if author.actor == "owner":
            return "active", ""
        mode = self._mode()
        if mode == "off":
            raise ChangeRefused("learning is off: nothing is written")
        if marker := self._refused.get(_key(proposal.kind, proposal.name, proposal.entry_after)):
            raise ChangeRefused(f"refused: {marker}; the owner decides otherwise, not you")
        if mode == "suggest":
            return "proposed", "learning.mode is suggest"
        foreign = tainted(proposal.text, author.conversation.sources if author.conversation else ())
        if foreign:
            return "proposed", f"these words came from untrusted text: {foreign[0][:120]}"
        return _status(proposal, author), ""

    async def _attempt(
        self, proposal: Proposal, status: ChangeStatus, author: Author, reason: str
    ) -> Change | None:
        """One try; None if a file was not what the plan had read."""
        intended = ChangeIntended(
            kind=proposal.kind,
            name=proposal.name,
            action=proposal.action,
            status=status,
            actor=author.actor,
            session=author.session,
            checkpoint=author.checkpoint,
            files=proposal.files,
            entry_before=proposal.entry_before,
            entry_after=proposal.entry_after,
            reason=reason,
        )
        id = await self._record(intended, author.session, author.run)
        if status != "proposed":
            if not self._write(proposal.files):
                return None
            await self._made(id, intended, author)
        return Change(id, proposal.kind, proposal.name, proposal.action, status)

    def _write(self, files: tuple[FileChange, ...]) -> bool:
        """All files or none."""
        for number, file in enumerate(files):
            if not self.history.replace(file.path, file.before, file.after):
                for done in files[:number]:
                    self.history.replace(done.path, done.after, done.before)
                return False
        return True

    async def _made(self, id: int, intended: ChangeIntended, author: Author) -> None:
        await self._record(ChangeMade(id=id), author.session, author.run)
        self._remember(id, intended)
        self.history.record(
            [file.path for file in intended.files],
            actor=author.actor,
            reason=f"{intended.action} {intended.kind} {intended.name}".strip(),
            session=author.session,
            change=id,
        )

    def _remember(self, id: int, intended: ChangeIntended) -> None:
        for file in intended.files:
            self._touched.setdefault(file.path, []).append(id)

    async def _decide(
        self, id: int, intended: ChangeIntended, status: ChangeStatus, author: Author, reason: str
    ) -> None:
        event = ChangeDecided(id=id, status=status, by=author.actor, reason=reason)
        await self._record(event, intended.session, "")
        self._mark(id, intended, status)

    def _mark(self, id: int, intended: ChangeIntended, status: ChangeStatus) -> None:
        key = _key(intended.kind, intended.name, intended.entry_after)
        if status in ("undone", "rejected"):
            self._refused[key] = f"the owner has {status} this (change {id})"
        else:
            self._refused.pop(key, None)

    def _again(self, intended: ChangeIntended) -> Proposal:
        for file in intended.files:
            if _text(self.home.root / file.path) != file.before:
                raise ChangeRefused(
                    f"{file.path} is not what it was when this was proposed",
                    "Reject it; it will be proposed again if it is still worth it.",
                )
        return Proposal(intended.kind, intended.name, intended.action, intended.files)

    def _reverse_files(self, id: int, intended: ChangeIntended) -> Proposal:
        for file in intended.files:
            if _text(self.home.root / file.path) != file.after:
                later = [str(other) for other in self._touched.get(file.path, ()) if other > id]
                first = f"Undo {', '.join(reversed(later))} first." if later else "Edit it by hand."
                raise ChangeRefused(f"{file.path} has changed since change {id}", first)
        files = tuple(FileChange(f.path, f.after, f.before) for f in intended.files)
        return Proposal(intended.kind, intended.name, "undo", files)

    def _intent(self, id: int) -> ChangeIntended:
        intended = self._load(id)
        if intended is None:
            raise ChangeRefused(f"there is no change {id}", "`hermes learning list` shows them all")
        return intended


def _key(kind: ChangeKind, name: str, entry: str) -> str:
    """What a marker is about: a skill by name, a note by its words."""
    return f"{kind}:{name if kind == 'skill' else ' '.join(entry.lower().split())}"


def _status(proposal: Proposal, author: Author) -> ChangeStatus:
    """Skills start as candidates; notes are active when they rest on the user's own words."""
    if proposal.kind == "skill" or author.conversation is None:
        return "candidate"
    words = set(proposal.entry_after.lower().split())
    said = set(" ".join(author.conversation.said).lower().split())
    return "active" if not words or len(words & said) * 2 >= len(words) else "candidate"


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
