"""The state of every skill that was ever learned or moved, folded from the journal.

A skill the agent writes, or changes, is a candidate; what the owner writes or approves is active;
undoing a change puts the skill back into the state it had before, taking a copy of a bundled skill
away, or an installed one out, makes it one the journal does not know. Skills the journal does not
know are active: they came with the program, or by the owner's hand; one he installs is active too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.events import (
    AnyEvent,
    ChangeDecided,
    ChangeIntended,
    ChangeMade,
    SkillMoved,
    SkillState,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A skill's state, who put it there (agent, owner, evidence, curator) and why, and since when
    (seconds since the epoch). `learned`: the agent wrote it or changed it, so the rules may move
    it. `waiting`: the changes made since it was last active, oldest first, which become active
    with it."""

    state: SkillState = "active"
    by: str = ""
    reason: str = ""
    learned: bool = False
    since: float = 0.0
    waiting: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    name: str
    action: str
    actor: str
    undoes: int
    approves: int


_UNKNOWN = Standing()


class States:
    """Fold events with `take`, first those of the journal and then each new one."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}
        self._changes: dict[int, _Change] = {}
        self._before: dict[int, Standing] = {}

    def take(self, seq: int, event: AnyEvent, at: float = 0.0) -> None:
        """Kinds that say nothing about skills are passed over. at: seconds since the epoch."""
        if isinstance(event, ChangeIntended) and event.kind == "skill":
            self._changes[seq] = _Change(
                event.name, event.action, event.actor, event.undoes, event.approves
            )
        elif isinstance(event, ChangeMade) and event.id in self._changes:
            self._made(event.id, self._changes[event.id], at)
        elif isinstance(event, ChangeDecided) and event.id in self._changes:
            self._decided(self._changes[event.id], event, at)
        elif isinstance(event, SkillMoved):
            self._set(event.name, event.state, event.by, event.reason, at)

    def of(self, name: str) -> Standing:
        return self._standing.get(name, _UNKNOWN)

    def named(self, *states: SkillState) -> list[str]:
        """The skills in one of these states, by name."""
        return sorted(name for name, one in self._standing.items() if one.state in states)

    def judged(self) -> bool:
        """Whether the rules may move any skill: one that was learned, and is in use."""
        return any(
            one.learned and one.state in ("candidate", "active") for one in self._standing.values()
        )

    def _made(self, id: int, change: _Change, at: float) -> None:
        before = self._before[id] = self.of(change.name)
        if change.undoes:
            standing = self._before.get(change.undoes, before)
            waiting = {*before.waiting, *standing.waiting} - {change.undoes}
            self._standing[change.name] = replace(standing, waiting=tuple(sorted(waiting)))
        elif change.action in ("reset", "uninstall"):
            self._standing.pop(change.name, None)
        elif change.action == "archive":
            self._set(change.name, "archived", change.actor, "archived", at)
        elif change.actor == "owner":
            self._set(change.name, "active", "owner", "the owner's word", at)
            approved = self._changes.get(change.approves)
            if approved is not None and approved.actor != "owner":
                self._mark_learned(change.name)
        else:
            self._set(change.name, "candidate", change.actor, f"{change.action} by the agent", at)
            self._mark_learned(change.name)
            self._wait(change.name, id)

    def _decided(self, change: _Change, event: ChangeDecided, at: float) -> None:
        if event.status == "active" and event.by == "owner" and change.action != "archive":
            self._set(change.name, "active", "owner", "approved by the owner", at)

    def _set(self, name: str, state: SkillState, by: str, reason: str, at: float) -> None:
        before = self.of(name)
        waiting = () if state == "active" else before.waiting
        self._standing[name] = Standing(state, by, reason, before.learned, at, waiting)

    def _wait(self, name: str, id: int) -> None:
        standing = self._standing[name]
        self._standing[name] = replace(standing, waiting=(*standing.waiting, id))

    def _mark_learned(self, name: str) -> None:
        self._standing[name] = replace(self._standing[name], learned=True)
