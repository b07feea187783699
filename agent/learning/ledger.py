"""What the journal says of learned changes: which of them stand, and what the owner has refused."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Protocol

from agent.events import (
    AnyEvent,
    ChangeDecided,
    ChangeIntended,
    ChangeKind,
    ChangeMade,
    ChangeStatus,
    Forgotten,
)


class About(Protocol):
    """What a change is about, planned or journalled."""

    @property
    def kind(self) -> ChangeKind: ...
    @property
    def name(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def entry_before(self) -> str: ...
    @property
    def entry_after(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Known:
    """A change without its texts. things: the files or the entries it is about."""

    status: ChangeStatus
    marker: str
    things: frozenset[str]
    paths: tuple[str, ...]
    by_owner: bool
    undoes: int
    approves: int
    forgets: int


class Ledger:
    """Folded from the change events, first those of the journal and then each new one.

    pending: the change that was intended last, if it is not made; 0 = none. The door makes one at
    a time, so an earlier one never happened. owed: decisions that follow from a change that was
    made, and are not journalled yet. refused: why the learner may not do something, by its marker.
    waits: the proposals that wait for the owner, by theirs.
    """

    def __init__(self) -> None:
        self.pending = 0
        self.owed: dict[int, ChangeStatus] = {}
        self._known: dict[int, _Known] = {}
        self._status: dict[int, ChangeStatus] = {}
        self._standing: dict[str, list[int]] = {}
        self._writers: dict[int, int] = {}
        self._latest: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.waits: dict[str, int] = {}
        self._undoers: dict[int, int] = {}
        self._removals: dict[int, int] = {}
        self.forgotten: set[int] = set()

    def take(self, seq: int, event: AnyEvent) -> None:
        """Fold one event; kinds that are not about changes are passed over."""
        if isinstance(event, ChangeIntended):
            self._intended(seq, event)
        elif isinstance(event, ChangeMade) and event.id in self._known:
            self._made(event.id, self._known[event.id])
        elif isinstance(event, ChangeDecided) and event.id in self._known:
            self._decided(event.id, event.status)
        elif isinstance(event, Forgotten) and event.id in self._known:
            self._forgotten(event.id, off=event.off)

    def status(self, id: int) -> ChangeStatus | None:
        """None: there is no such change, or it never happened."""
        return self._status.get(id)

    def refusal(self, marker: str) -> str:
        """Why the learner may not do this; empty if it may."""
        return self.refused.get(marker, "")

    def waiting(self, marker: str) -> int:
        """The proposal of this that waits for the owner; 0 = none."""
        return self.waits.get(marker, 0)

    def wrote(self, kind: ChangeKind, entry: str) -> int:
        """The standing change that brought this note; 0 = none, it was written by hand."""
        ids = self._standing.get(f"{kind} {_plain(entry)}", ())
        return self.root(ids[-1]) if ids else 0

    def candidate(self, kind: ChangeKind, entry: str) -> int:
        """The change that wrote this note, if its use is not shown yet; 0 = none."""
        ids = self._standing.get(f"{kind} {_plain(entry)}", ())
        return next((id for id in reversed(ids) if self._status.get(id) == "candidate"), 0)

    def candidates(self, kind: ChangeKind) -> list[int]:
        """The changes of this kind whose use is not shown yet."""
        found = (id for id, status in self._status.items() if status == "candidate")
        return [id for id in found if self._known[id].marker.startswith(f"{kind} ")]

    def writer(self, id: int) -> int:
        """The change that wrote what `id` asked for: itself, unless it was proposed first."""
        return self._writers.get(id, id)

    def root(self, id: int) -> int:
        """What a change carries out, if that was proposed or made before; else itself."""
        while id in self._known and self._known[id].approves:
            id = self._known[id].approves
        return id

    def undoer(self, id: int) -> int:
        """The change that last took back what `id` asked for; 0 = none."""
        return self._undoers.get(self.writer(id), 0)

    def removal(self, id: int) -> int:
        """The standing change that took what `id` wrote out of the files, to have it forgotten."""
        return self._removals.get(id, 0)

    def undone_before(self, id: int) -> list[int]:
        """Undone changes that came before `id` and are about the same things, oldest first."""
        things = self._known[id].things
        return sorted(
            other
            for other, known in self._known.items()
            if other < id and self._status.get(other) == "undone"
            if not known.approves and known.things & things
        )

    def later(self, id: int) -> list[int]:
        """Standing changes that came after `id` and are about the same things, newest first."""
        things = self._known[id].things
        found = {other for thing in things for other in self._standing.get(thing, ())}
        return sorted((other for other in found if other > id), reverse=True)

    def latest(self, path: str) -> int:
        """The last change that wrote this file; 0 = none."""
        return self._latest.get(path, 0)

    # -- one function per kind of event --------------------------------------------------------

    def _intended(self, id: int, event: ChangeIntended) -> None:
        self._known[id] = _Known(
            event.status,
            marker_of(event),
            _things(event),
            tuple(file.path for file in event.files),
            event.actor == "owner",
            event.undoes,
            event.approves,
            event.forgets,
        )
        proposed = event.status == "proposed"
        self.pending = 0 if proposed else id
        if proposed:
            self._status[id] = "proposed"
            self.waits[self._known[id].marker] = id

    def _made(self, id: int, change: _Known) -> None:
        self.pending = 0
        self._status[id] = change.status
        self._latest |= dict.fromkeys(change.paths, id)
        if change.undoes:
            self._undoers[change.undoes] = id
            self._undone(change.undoes)
            return
        if change.forgets:
            self._removals[change.forgets] = id
        for thing in change.things:
            self._standing.setdefault(thing, []).append(id)
        if change.approves:
            self._writers[change.approves] = id
            self.owed[change.approves] = "active"
        if change.by_owner and not change.forgets:
            self.refused.pop(change.marker, None)

    def _undone(self, id: int) -> None:
        change = self._known[id]
        for thing in change.things:
            self._standing[thing].remove(id)
        self.owed[id] = "undone"
        if change.approves:
            self.owed[change.approves] = "undone"
        self._removals.pop(change.forgets, None)

    def _forgotten(self, id: int, *, off: bool) -> None:
        marker, status = self._known[id].marker, self._status.get(id)
        if not off:
            self.forgotten.add(id)
            self.refused[marker] = f"the owner wants this forgotten (change {id})"
            return
        self.forgotten.discard(id)
        self.refused.pop(marker, None)
        if status in ("undone", "rejected"):
            self.refused[marker] = f"the owner has {status} this (change {id})"

    def _decided(self, id: int, status: ChangeStatus) -> None:
        self.owed.pop(id, None)
        self._status[id] = status
        marker = self._known[id].marker
        if self.waits.get(marker) == id:
            del self.waits[marker]
        if status in ("undone", "rejected"):
            self.refused[marker] = f"the owner has {status} this (change {id})"
        else:
            self.refused.pop(marker, None)


def marker_of(change: About) -> str:
    """What a refusal is about: a skill by name, archiving it apart; a note by its words."""
    if change.kind == "skill":
        return f"skill {change.name}{' archived' if change.action == 'archive' else ''}"
    if change.entry_after:
        return f"{change.kind} {_plain(change.entry_after)}"
    return f"{change.kind} without {_plain(change.entry_before)}"


def _things(event: ChangeIntended) -> frozenset[str]:
    if event.kind == "skill":
        return frozenset(file.path for file in event.files)
    entries = (event.entry_before, event.entry_after)
    return frozenset(f"{event.kind} {_plain(entry)}" for entry in entries if entry)


def _plain(entry: str) -> str:
    """The words of a note, without case, spacing and final stop."""
    return " ".join(unicodedata.normalize("NFKC", entry).casefold().split()).rstrip(".!。")
