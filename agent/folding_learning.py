"""What the events of self-evaluation and of learning change in a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.events import (
    ChangeDecided,
    ChangeIntended,
    ChangeMade,
    CheckpointFinished,
    CheckpointStarted,
)
from agent.messages import Message
from agent.state import Checkpoint

if TYPE_CHECKING:
    from agent.conversation import Conversation


def _checkpoint_started(c: Conversation, event: CheckpointStarted, seq: int, run: str) -> None:
    again = c.checkpoint if c.checkpoint and c.checkpoint.number == event.number else None
    crashes, changes = (again.crashes, again.changes) if again else (0, [])
    numbers = tuple(call.number for call in c.listed)
    opening = Message("user", event.text)
    c.checkpoint = Checkpoint(event.number, event.due, numbers, [opening], changes, crashes)
    c.last_due = max(c.last_due, event.due)
    c.checkpoints = max(c.checkpoints, event.number)
    if c.run is not None and again is None:
        c.run.checkpoints += 1


def _checkpoint_finished(c: Conversation, event: CheckpointFinished, seq: int, run: str) -> None:
    c.checkpoint = None
    c.last_evaluation = event.evaluation or c.last_evaluation
    if event.status != "cancelled":
        c.evaluated = c.started
        c.listed = []
        c.said_since = []
    if c.run is not None:
        c.progressed()
        c.run.mended = c.run.judged = False


def _change_intended(c: Conversation, event: ChangeIntended, seq: int, run: str) -> None:
    c.proposals[seq] = event
    if event.status == "proposed":
        # Its words are not the owner's yet, so they are not told among what the owner knows.
        c.announcements.append(f"change {seq} is proposed to the owner: {event.kind} {event.name}")


def _change_made(c: Conversation, event: ChangeMade, seq: int, run: str) -> None:
    intended = c.proposals.get(event.id)
    if intended is None:
        return
    c.announcements.append(_change_text(intended))
    if c.checkpoint is not None and intended.checkpoint == c.checkpoint.number:
        c.checkpoint.changes.append(event.id)


def _change_decided(c: Conversation, event: ChangeDecided, seq: int, run: str) -> None:
    intended = c.proposals.get(event.id)
    if intended is None:
        return
    if event.status == "active":
        c.announcements.append(f"approved: {_change_text(intended)}")
    elif intended.status == "proposed":
        c.announcements.append(f"change {event.id} is {event.status} by the owner")
    else:
        c.announcements.append(f"{event.status}: {_change_text(intended)}")


def _change_text(event: ChangeIntended) -> str:
    if event.kind == "skill":
        return f"skill {event.name} ({event.action})"
    words = event.entry_after or event.entry_before
    return f"note ({event.action}): {words}"


STEPS: dict[type, Callable[..., None]] = {
    CheckpointStarted: _checkpoint_started,
    CheckpointFinished: _checkpoint_finished,
    ChangeIntended: _change_intended,
    ChangeMade: _change_made,
    ChangeDecided: _change_decided,
}
