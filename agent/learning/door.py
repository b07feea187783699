"""The one door for everything learned: checked, journalled, written, committed, undone.

Writers of notes and skills plan a proposal; the door decides its status and writes it. The intent
is stored before the rename, so that after a crash it is known who changed a file, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
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
    Forgotten,
    Noticed,
    Right,
    RightSet,
    Stored,
)
from agent.learning.change_files import ChangeFiles
from agent.learning.earlier import Earlier, Load
from agent.learning.file_parts import shortened
from agent.learning.grounds import asked_again, copied, earned, foreign
from agent.learning.ledger import Ledger, marker_of
from agent.learning.proposal import Plan, Proposal
from agent.learning.rights import Rights
from hermes_home.errors import ChangeRefused, HermesError, NotSaved
from hermes_home.history import History
from hermes_home.paths import Home

ATTEMPTS = 5
"""How often a change is planned anew because its file changed under it."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something. actor: `agent` (a run or checkpoint) or `owner` (a command, a hand
    edit), `curator`. `conversation` is where the words come from, for the origin check. `asks`: why
    the owner is to decide, whatever the mode; empty = he need not."""

    actor: str
    session: str = ""
    run: str = ""
    checkpoint: int = 0
    conversation: Conversation | None = None
    asks: str = ""


OWNER = Author("owner")


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


class Door:
    """Everything learned passes here, one change at a time.

    `load(id)` reads a journalled intent; `mode()` is the setting now, so that a live edit counts.
    """

    def __init__(
        self,
        home: Home,
        history: History,
        record: Record,
        load: Load,
        mode: Callable[[], Literal["auto", "suggest", "off"]],
    ) -> None:
        self.history = history
        self.lock = asyncio.Lock()
        self.rights = Rights()
        self._record = record
        self._load = load
        self._mode = mode
        self._ledger = Ledger()
        self._files = ChangeFiles(home, history)
        self._earlier = Earlier(load, self._ledger, self._files)
        self._same: dict[ChangeKind, Callable[[str, str], bool]] = {}

    def plans(
        self, kind: ChangeKind, *, again: Plan, reverse: Plan, same: Callable[[str, str], bool]
    ) -> None:
        """Changes of this kind are made again and undone by entry rather than by whole files.
        `same(entry, other)`: whether an entry says what another said, in lower case, in any words.
        """
        self._earlier.by_entry(kind, again, reverse)
        self._same[kind] = same

    def check(self, proposal: Proposal, author: Author) -> ChangeStatus:
        """The status this would get now; ChangeRefused if none. Nothing is stored."""
        return self._judge(proposal, author)[0]

    def status(self, id: int) -> ChangeStatus | None:
        """How a change stands; None if there is none."""
        return self._ledger.status(id)

    async def apply(self, plan: Callable[[], Proposal], author: Author) -> Change:
        """Plan, check, journal, write. Raises ChangeRefused and whatever `plan` raises.

        Once begun a change is carried through, also when the caller is cancelled.
        """
        return await asyncio.shield(self._apply(plan, author))

    async def undo(self, id: int, author: Author = OWNER) -> Change:
        """Take a change back while what it wrote still stands; leaves a marker for the learner."""
        intended, status = self._earlier.known(id)
        if status in ("proposed", "rejected"):
            raise ChangeRefused(f"change {id} was never written", "There is nothing to undo.")
        if status == "undone":
            raise ChangeRefused(
                f"change {id} is undone already", f"To make it again: learning redo {id}"
            )
        if intended.undoes:
            raise ChangeRefused(
                f"change {id} took back change {intended.undoes}",
                f"To make that again: learning redo {intended.undoes}",
            )
        written = self._ledger.writer(id)
        return await self.apply(lambda: self._earlier.reverse(written, id), author)

    async def redo(self, id: int, author: Author = OWNER) -> Change:
        """Make again what was undone: byte for byte, if its files were not changed since."""
        asked, id = id, self._ledger.root(id)
        intended, status = self._earlier.known(id)
        if status != "undone":
            back = intended.undoes
            hint = f"It took back change {back}: learning redo {back}" if back else ""
            stands = "" if asked == id else f"change {asked} carries out change {id}, which"
            raise ChangeRefused(f"{stands or f'change {id}'} is {status}, not undone", hint)
        await self.apply(lambda: self._earlier.redo(id, intended, asked), author)
        return Change(id, intended.kind, intended.name, intended.action, "active")

    async def approve(self, id: int, author: Author = OWNER) -> Change:
        """Write what was proposed, or taken back; make a candidate active."""
        intended, status = self._earlier.known(id)
        if status == "undone":
            return await self.redo(id, author)
        if status in ("proposed", "rejected"):
            await self.apply(lambda: self._earlier.again(id, intended), author)
        elif status == "candidate":
            await self._decide(id, "active", author)
        return Change(id, intended.kind, intended.name, intended.action, "active")

    async def reject(self, id: int, author: Author = OWNER) -> Change:
        """Refuse a proposed change for good; leaves a marker for the learner."""
        intended, status = self._earlier.known(id)
        if status in ("undone", "rejected"):
            raise ChangeRefused(f"change {id} is {status} already")
        if status != "proposed":
            raise ChangeRefused(f"change {id} is written already", f"Undo it: learning undo {id}")
        await self._decide(id, "rejected", author)
        return Change(id, intended.kind, intended.name, intended.action, "rejected")

    async def prove(self, id: int, reason: str) -> bool:
        """A candidate's use was shown by what happened; False if it is none any more."""
        async with self.lock:
            if self._ledger.status(id) != "candidate" or self._mode() != "auto":
                return False
            event = ChangeDecided(id=id, status="active", by="evidence", reason=reason)
            await self._store(event, self._earlier.intent(id).session, "")
            return True

    async def found_again(
        self, kind: ChangeKind, same: Callable[[str], bool], author: Author
    ) -> None:
        """Candidates that say the `same` as another session found by itself are proved."""
        conversation = author.conversation
        if conversation is None:
            return
        for id in self._ledger.candidates(kind):
            intended = self._earlier.intent(id)
            if intended.session in ("", author.session):
                continue
            entry = intended.entry_after
            if same(entry) and not copied(entry, conversation.sources):
                await self.prove(id, f"the session {author.session} found the same")

    async def forget(self, id: int, *, off: bool = False, purged: bool = False) -> int:
        """Store that the owner wants a change forgotten, or has it back; the event's number."""
        async with self.lock:
            return await self._store(Forgotten(id=id, off=off, purged=purged), "", "")

    def removal(self, id: int) -> int:
        """The change that took what `id` wrote out of the files to have it forgotten; 0 = none."""
        return self._ledger.removal(id)

    async def set_right(
        self, kind: ChangeKind, name: str, right: Right, *, on: bool, by: str = "owner"
    ) -> None:
        """Lock or pin something, or take that back; `name` is a skill's, or a note's entry."""
        async with self.lock:
            await self._store(RightSet(kind=kind, name=name, right=right, on=on, by=by), "", "")

    async def reconcile(self, events: Iterable[Stored]) -> None:
        """At the start: read back what was decided, and make whole what a crash left half said.

        A change that had reached a file is completed, journalled and committed for its author;
        one that had not never happened. What else differs from the last commit is the owner's.
        """
        for stored in events:
            self._take(stored.seq, stored.event)
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
        if reason := self.rights.refusal(proposal):
            order = "curator unpin" if "pinned" in reason else "learning unlock"
            raise ChangeRefused(
                reason, f"Only its owner can: hermes {order} {self._named(proposal)}"
            )
        if author.actor == "owner":
            return "active", ""
        mode = self._mode()
        if mode == "off":
            raise NotSaved("learning is off: nothing is written")
        marker = self._ledger.refusal(self._marker(proposal, self._ledger.refused))
        if marker and not asked_again(proposal, author):
            raise ChangeRefused(f"refused: {marker}; the owner decides otherwise, not you")
        if author.asks or mode == "suggest":
            return self._proposed(proposal), author.asks or "learning.mode is suggest"
        if words := foreign(proposal, author):
            reason = f"these words came from untrusted text: {words[0][:120]}"
            return self._proposed(proposal), reason
        unproved = self._ledger.candidate(proposal.kind, proposal.entry_before)
        status, reason = earned(proposal, author, unproved=unproved > 0)
        return (self._proposed(proposal) if status == "proposed" else status), reason

    def _named(self, proposal: Proposal) -> str:
        """What a command calls it: a skill by its name, a note by the change that wrote it."""
        if proposal.kind == "skill":
            return proposal.name
        return str(self._ledger.wrote(proposal.kind, proposal.entry_before) or "ID")

    def _proposed(self, proposal: Proposal) -> ChangeStatus:
        """A note is proposed once, however often it is thought of."""
        marker = self._marker(proposal, self._ledger.waits)
        waiting = proposal.kind != "skill" and self._ledger.waiting(marker)
        if waiting:
            raise ChangeRefused(f"change {waiting} proposes this already; the owner decides")
        return "proposed"

    def _marker(self, proposal: Proposal, known: Iterable[str]) -> str:
        """What this is called among the `known` markers: those of notes in other words are its."""
        own, same = marker_of(proposal), self._same.get(proposal.kind)
        if same is None or not proposal.entry_after or own in known:
            return own
        kind = f"{proposal.kind} "
        told = (one for one in known if one.startswith(kind))
        found = (one for one in told if same(proposal.entry_after, one.removeprefix(kind)))
        return next(found, own)

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
            files=self._kept(proposal),
            entry_before=proposal.entry_before,
            entry_after=proposal.entry_after,
            reason=reason,
            undoes=proposal.undoes,
            approves=proposal.approves,
            forgets=proposal.forgets,
            overlays=proposal.overlays,
        )
        id = await self._store(intended, author.session, author.run)
        if status != "proposed":
            if not await self._write(proposal.files, author):
                return None
            await self._made(id, intended, author)
            await self._settle(author)
        return Change(id, proposal.kind, proposal.name, proposal.action, status)

    async def _write(self, files: Sequence[FileChange], author: Author) -> bool:
        """Write the files; where the disk refuses, people are told by the program itself."""
        try:
            return self._files.write(files)
        except HermesError as error:
            told = f"not saved: {error.message}"
            if author.session:
                warning = Noticed(text=told, level="warning")
                await self._store(warning, author.session, author.run)
            raise NotSaved(told, error.hint) from error

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
        await self._store(event, self._earlier.intent(id).session, "")

    async def _store(self, event: AnyEvent, session: str, run: str) -> int:
        seq = await self._record(event, session, run)
        self._take(seq, event)
        return seq

    def _take(self, seq: int, event: AnyEvent) -> None:
        self._ledger.take(seq, event)
        if isinstance(event, RightSet):
            self.rights.take(event)

    def _kept(self, proposal: Proposal) -> tuple[FileChange, ...]:
        """The files as the journal keeps them: notes may be long and change by an entry at a time,
        skills may hold much, and what is no text."""
        if proposal.kind == "skill":
            return self._files.kept(proposal.files)
        return tuple(shortened(file) for file in proposal.files)

    def _record_commit(self, paths: Sequence[str], id: int, intended: ChangeIntended) -> None:
        reason = f"{intended.action} {intended.kind} {intended.name}".strip()
        self.history.record(
            paths, actor=intended.actor, reason=reason, session=intended.session, change=id
        )
