"""The owner's two rights over what was learned: a lock forbids every edit, a pin the archiving.

They bind every actor, the owner too: who wants to change a locked skill unlocks it first.
"""

from __future__ import annotations

import unicodedata

from agent.events import ChangeKind, Right, RightSet
from agent.learning.ledger import About

Thing = tuple[ChangeKind, str]


class Rights:
    """Folded from the journal, first what it holds and then each new event."""

    def __init__(self) -> None:
        self._held: dict[Thing, set[Right]] = {}

    def take(self, event: RightSet) -> None:
        held = self._held.setdefault(_thing(event.kind, event.name), set())
        if event.on:
            held.add(event.right)
        else:
            held.discard(event.right)

    def held(self, kind: ChangeKind, name: str) -> frozenset[Right]:
        """The rights over a skill by its name, over a note by its entry."""
        return frozenset(self._held.get(_thing(kind, name), ()))

    def refusal(self, change: About) -> str:
        """Why a change must not be made; empty if it may."""
        if change.kind == "skill":
            held = self.held("skill", change.name)
            if "lock" in held:
                return f"the skill {change.name} is locked"
            pinned = "pin" in held and change.action == "archive"
            return f"the skill {change.name} is pinned" if pinned else ""
        entry = change.entry_before
        if entry and "lock" in self.held(change.kind, entry):
            return f"the note {entry[:60]!r} is locked"
        return ""


def _thing(kind: ChangeKind, name: str) -> Thing:
    words = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return (kind, words)
