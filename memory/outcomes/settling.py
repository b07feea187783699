"""What becomes of notes once it is known how their run came out, or their owner took back what
they rest on. A pure function of a session's events and of how its changes stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from agent.conversation import Conversation
from agent.events import ChangeDecided, ChangeIntended, Stored
from agent.learning.lessons import drops, weigh
from agent.learning.sayings import unsure
from memory.outcomes.facts import Facts, session_facts
from memory.outcomes.outcome import Result, outcome_of

GROUNDS = {
    "judged": "the owner judged its run good",
    "checks": "the checks of its run passed",
    "words": "the owner accepted its run",
}
"""The grounds of an outcome that prove a note; the model's own judgement is none."""


class Decision(NamedTuple):
    """What is to become of change `id`: proved, or taken back."""

    id: int
    status: Literal["active", "undone"]
    reason: str


def settle(events: Sequence[Stored], status: Callable[[int], str | None]) -> list[Decision]:
    """What the end of a run or the owner's last words decide about a session's notes."""
    notes = list(_notes(events))
    if not notes:
        return []
    conversation = Conversation.replay(events)
    facts = session_facts(events)
    decided: list[Decision] = []
    for id, run, entry in notes:
        standing = status(id)
        if standing in ("active", "candidate") and drops(entry, conversation):
            decided.append(Decision(id, "undone", "the owner took it back"))
        elif standing == "candidate" and (ground := _proved(facts.get(run), conversation)):
            if weigh(entry, conversation) == "open":
                decided.append(Decision(id, "active", ground))
    return decided


def _notes(events: Sequence[Stored]) -> Iterator[tuple[int, str, str]]:
    """Each note the agent wrote and the owner has not decided: its change, run and words."""
    owned = {
        stored.event.id
        for stored in events
        if isinstance(stored.event, ChangeDecided) and stored.event.by == "owner"
    }
    for stored in events:
        event = stored.event
        if not isinstance(event, ChangeIntended) or event.kind == "skill" or event.undoes:
            continue
        if event.actor == "agent" and event.entry_after and stored.seq not in owned:
            yield stored.seq, stored.run, event.entry_after


def _proved(facts: Facts | None, conversation: Conversation) -> str:
    """Why the outcome of a run proves its notes; empty if it does not."""
    if facts is None:
        return ""
    result: Result = outcome_of(facts)
    hesitant = result.ground == "words" and unsure(conversation.own[-1] if conversation.own else "")
    if result.outcome != "success" or hesitant:
        return ""
    return GROUNDS.get(result.ground, "")
