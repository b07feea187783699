"""The one door for everything learned: checked, journalled, written, committed, undone.

Writers of notes and skills plan a proposal; the door decides its status and writes it. The intent
is stored before the rename, so that after a crash it is known who changed a file, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from agent.change_files import ChangeFiles
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
from agent.ledger import Ledger, marker_of
from agent.origin import rests_on, tainted
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
    paths are relative to the home. `undoes` and `approves` name the change it takes back or carries
    out; the door fills them in."""

    kind: ChangeKind
    name: str
    action: str
    files: tuple[FileChange, ...]
    text: str = ""
    entry_before: str = ""
    entry_after: str = ""
    undoes: int = 0
    approves: int = 0


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
        self.history = history
        self.lock = asyncio.Lock()
        self._record = record
        self._load = load
        self._mode = mode
        self._ledger = Ledger()
        self._files = ChangeFiles(home, history)
        self._again: dict[ChangeKind, Plan] = {}
        self._reverse: dict[ChangeKind, Plan] = {}

    def plans(self, kind: ChangeKind, *, again: Plan, reverse: Plan) -> None:
        """Changes of this kind are made again and undone by entry rather than by whole files."""
        self._again[kind], self._reverse[kind] = again, reverse

    def check(self, proposal: Proposal, author: Author) -> None:
        """ChangeRefused if this would be refused now; nothing is stored."""
        self._judge(proposal, author)

    async def apply(self, plan: Callable[[], Proposal], author: Author) -> Change:
        """Plan, check, journal, write. Raises ChangeRefused and whatever `plan` raises.

        Once begun a change is carried through, also when the caller is cancelled.
        """
        return await asyncio.shield(self._apply(plan, author))

    async def undo(self, id: int, author: Author = OWNER) -> Change:
        """Take a change back while what it wrote still stands; leaves a marker for the learner."""
        intended, status = self._known(id)
        if status in ("proposed", "rejected"):
            raise ChangeRefused(f"change {id} was never written", "There is nothing to undo.")
        if status == "undone":
            raise ChangeRefused(
                f"change {id} is undone already", f"To make it again: learning approve {id}"
            )
        if intended.undoes:
            raise ChangeRefused(
                f"change {id} took back change {intended.undoes}",
                f"To make that again: learning approve {intended.undoes}",
            )
        written = self._ledger.writer(id)
        return await self.apply(lambda: self._plan_reverse(written), author)

    async def approve(self, id: int, author: Author = OWNER) -> Change:
        """Write what was proposed, or taken back; make a candidate active."""
        intended, status = self._known(id)
        if status in ("proposed", "rejected", "undone"):
            await self.apply(lambda: self._plan_again(id, intended), author)
        elif status == "candidate":
            await self._decide(id, "active", author)
        return Change(id, intended.kind, intended.name, intended.action, "active")

    async def reject(self, id: int, author: Author = OWNER) -> Change:
        """Refuse a proposed change for good; leaves a marker for the learner."""
        intended, status = self._known(id)
        if status in ("undone", "rejected"):
            raise ChangeRefused(f"change {id} is {status} already")
        if status != "proposed":
            raise ChangeRefused(f"change {id} is written already", f"Undo it: learning undo {id}")
        await self._decide(id, "rejected", author)
        return Change(id, intended.kind, intended.name, intended.action, "rejected")

    async def reconcile(self, events: Iterable[Stored]) -> None:
        """At the start: read back what was decided, and make whole what a crash left half said.

        A change that had reached a file is completed, journalled and committed for its author;
        one that had not never happened. What else differs from the last commit is the owner's.
        """
        for stored in events:
            self._ledger.take(stored.seq, stored.event)
        pending = self._load(self._ledger.pending) if self._ledger.pending else None
        if pending is not None and self._files.complete(pending.files):
            await self._made(self._ledger.pending, pending, Author(pending.actor, pending.session))
        await self._settle(OWNER)
        await self.commit(await self.history.dirty())

    async def commit(self, paths: Iterable[str], actor: str = "owner") -> None:
        """Queue files that may have changed, not in the middle of a change: each for the author
        of its last change if it is as that left it, else as edited by hand, by `actor`."""
        async with self.lock:
            for path in paths:
                id = self._ledger.latest(path)
                intended = self._load(id) if id else None
                if intended is not None and self._files.hold(path, intended.files):
                    self._record_commit([path], id, intended)
                else:
                    self.history.record([path], actor=actor, reason="edited by hand")

    # -- one change -----------------------------------------------------------------------------

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

    def _judge(self, proposal: Proposal, author: Author) -> tuple[ChangeStatus, str]:
        """The status a change gets, or ChangeRefused. The owner's own changes are active."""
        if author.actor == "owner":
            return "active", ""
        mode = self._mode()
        if mode == "off":
            raise ChangeRefused("learning is off: nothing is written")
        if marker := self._ledger.refusal(marker_of(proposal)):
            raise ChangeRefused(f"refused: {marker}; the owner decides otherwise, not you")
        if mode == "suggest":
            return "proposed", "learning.mode is suggest"
        if foreign := tainted(proposal.text, _sources(proposal, author)):
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
            undoes=proposal.undoes,
            approves=proposal.approves,
        )
        id = await self._store(intended, author.session, author.run)
        if status != "proposed":
            if not self._files.write(proposal.files):
                return None
            await self._made(id, intended, author)
            await self._settle(author)
        return Change(id, proposal.kind, proposal.name, proposal.action, status)

    async def _made(self, id: int, intended: ChangeIntended, author: Author) -> None:
        await self._store(ChangeMade(id=id), author.session, author.run)
        self._record_commit([file.path for file in intended.files], id, intended)

    async def _settle(self, author: Author) -> None:
        """What became of other changes because of the one just made."""
        for id, status in list(self._ledger.owed.items()):
            await self._decide(id, status, author)

    async def _decide(self, id: int, status: ChangeStatus, author: Author) -> None:
        words = {"active": "approved", "undone": "undone", "rejected": "rejected"}
        reason = f"{words.get(status, status)} by the {author.actor}"
        event = ChangeDecided(id=id, status=status, by=author.actor, reason=reason)
        await self._store(event, self._intent(id).session, "")

    async def _store(self, event: AnyEvent, session: str, run: str) -> int:
        seq = await self._record(event, session, run)
        self._ledger.take(seq, event)
        return seq

    # -- changes made before --------------------------------------------------------------------

    def _known(self, id: int) -> tuple[ChangeIntended, ChangeStatus]:
        status = self._ledger.status(id)
        if status is None:
            raise ChangeRefused(f"there is no change {id}", "`hermes learning list` shows them all")
        return self._intent(id), status

    def _intent(self, id: int) -> ChangeIntended:
        intended = self._load(id)
        assert intended is not None  # the journal keeps every change
        return intended

    def _plan_again(self, id: int, intended: ChangeIntended) -> Proposal:
        plan = self._again.get(intended.kind)
        proposal = plan(intended) if plan else _of(intended, self._files.again(intended.files))
        return replace(proposal, approves=id)

    def _plan_reverse(self, id: int) -> Proposal:
        intended, later = self._intent(id), self._ledger.later(id)
        try:
            proposal = self._reversed(intended, changed=bool(later))
        except ChangeRefused as error:
            first = ", ".join(str(other) for other in later)
            raise ChangeRefused(
                f"change {id} cannot be undone: {error.message}",
                f"Undo {first} first." if first else error.hint,
            ) from error
        return replace(proposal, action="undo", undoes=id)

    def _reversed(self, intended: ChangeIntended, *, changed: bool) -> Proposal:
        if plan := self._reverse.get(intended.kind):
            return plan(intended)
        if changed:
            raise ChangeRefused("its files were changed again")
        return _of(intended, self._files.reverse(intended.files))

    def _record_commit(self, paths: Sequence[str], id: int, intended: ChangeIntended) -> None:
        reason = f"{intended.action} {intended.kind} {intended.name}".strip()
        self.history.record(
            paths, actor=intended.actor, reason=reason, session=intended.session, change=id
        )


def _sources(proposal: Proposal, author: Author) -> list[tuple[bool, str]]:
    """Where words may come from. What the files said already was let in before."""
    known = [(True, file.before) for file in proposal.files if file.before]
    return known + (author.conversation.sources if author.conversation else [])


def _status(proposal: Proposal, author: Author) -> ChangeStatus:
    """Skills start as candidates; notes are active when they rest on the user's own words."""
    if proposal.kind == "skill" or author.conversation is None:
        return "candidate"
    return "active" if rests_on(proposal.entry_after, author.conversation.said) else "candidate"


def _of(intended: ChangeIntended, files: tuple[FileChange, ...]) -> Proposal:
    return Proposal(intended.kind, intended.name, intended.action, files)
