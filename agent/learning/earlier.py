"""Changes made before: which of them may be decided on, and how each is planned again or back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agent.events import ChangeIntended, ChangeKind, ChangeStatus, FileChange
from agent.learning.change_files import ChangeFiles
from agent.learning.ledger import Ledger
from agent.learning.proposal import Plan, Proposal
from hermes_home.errors import ChangeRefused

Load = Callable[[int], ChangeIntended | None]
"""Reads a journalled change by its id."""


class Earlier:
    """Plans from the journal, and from what is on disk now. Nothing is written."""

    def __init__(self, load: Load, ledger: Ledger, files: ChangeFiles) -> None:
        self._load = load
        self._ledger = ledger
        self._files = files
        self._forward: dict[ChangeKind, Plan] = {}
        self._backward: dict[ChangeKind, Plan] = {}

    def by_entry(self, kind: ChangeKind, again: Plan, reverse: Plan) -> None:
        """Changes of this kind are planned by entry rather than by whole files."""
        self._forward[kind], self._backward[kind] = again, reverse

    def known(self, id: int) -> tuple[ChangeIntended, ChangeStatus]:
        """A change the owner may decide on, and how it stands; else ChangeRefused."""
        status = self._ledger.status(id)
        if status is None:
            raise ChangeRefused(f"there is no change {id}", "`hermes learning list` shows them all")
        intended = self.intent(id)
        if hidden := self._ledger.forgotten & {id, intended.forgets}:
            raise ChangeRefused(
                f"change {id} is forgotten", f"To have it back: learning undo {max(hidden)}"
            )
        if not intended.files:
            raise ChangeRefused(f"the words of change {id} were purged", "Nothing is left of them.")
        return intended, status

    def intent(self, id: int) -> ChangeIntended:
        intended = self._load(id)
        assert intended is not None  # the journal keeps every change
        return intended

    def again(self, id: int, intended: ChangeIntended) -> Proposal:
        """What was proposed, as it would be written now."""
        plan = self._forward.get(intended.kind)
        proposal = plan(intended) if plan else _of(intended, self._files.again(intended.files))
        return replace(proposal, approves=id)

    def redo(self, id: int, intended: ChangeIntended, asked: int) -> Proposal:
        """What was undone, byte for byte if nothing was written since; `asked`: the change that
        the owner named, which may carry out this one."""
        undo = self._load(self._ledger.undoer(id))
        try:
            if undo is not None:
                proposal = self._reversed(undo, changed=False)
                return replace(proposal, action=intended.action, approves=id)
        except ChangeRefused:
            pass  # something was written since: the change is planned anew
        try:
            return self.again(id, intended)
        except ChangeRefused as error:
            first = ", ".join(map(str, self._ledger.undone_before(id)))
            raise ChangeRefused(
                f"change {asked} cannot be made again: {error.message}",
                f"Redo {first} first." if first else error.hint,
            ) from error

    def reverse(self, id: int, asked: int) -> Proposal:
        """A change taken back; `asked`: the one the owner named, which `id` wrote."""
        intended, later = self.intent(id), self._ledger.later(id)
        try:
            proposal = self._reversed(intended, changed=bool(later))
        except ChangeRefused as error:
            roots = dict.fromkeys(map(self._ledger.root, later))
            first = ", ".join(map(str, roots))
            raise ChangeRefused(
                f"change {asked} cannot be undone: {error.message}",
                f"Undo {first} first." if first else error.hint,
            ) from error
        return replace(proposal, action="undo", undoes=id)

    def _reversed(self, intended: ChangeIntended, *, changed: bool) -> Proposal:
        if plan := self._backward.get(intended.kind):
            return plan(intended)
        if changed:
            raise ChangeRefused("its files were changed again")
        return _of(intended, self._files.reverse(intended.files))


def _of(intended: ChangeIntended, files: tuple[FileChange, ...]) -> Proposal:
    return Proposal(intended.kind, intended.name, intended.action, files)
