"""Where a learned change came from: computed from its session's events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.calls import brief
from agent.events import (
    ChangeIntended,
    CheckpointFinished,
    Evaluation,
    Lesson,
    RunStarted,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from memory.outcomes.facts import session_facts
from memory.outcomes.outcome import Result, outcome_of
from memory.trajectory import arguments_from

SAID_CHARS = 300
ABOUT = ("command", "path", "query", "pattern", "name")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One call that a lesson rests on: its number in the session, what it was, how it ended."""

    number: int
    what: str
    end: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """said: the last words before the change. outcome: of the run it was made in, None while that
    goes on. lessons: what the self-evaluation that made it says it is for. evidence: the calls
    those rest on."""

    said: str = ""
    outcome: Result | None = None
    lessons: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def source_of(events: Sequence[Stored], id: int, change: ChangeIntended) -> Source:
    """`events`: all of the session that change `id` was made in, in order."""
    said, run = "", ""
    for stored in events:
        if stored.seq > id:
            break
        if isinstance(stored.event, RunStarted):
            run = stored.run
        elif isinstance(stored.event, UserSpoke):
            said = stored.event.text
    facts = session_facts(events).get(run)
    lessons = _lessons(events, change)
    numbers = sorted({number for lesson in lessons for number in lesson.evidence})
    return Source(
        _shortened(" ".join(said.split())),
        outcome_of(facts) if facts else None,
        tuple(lesson.text for lesson in lessons),
        tuple(_calls(events, numbers)),
    )


def _about(arguments: str) -> str:
    """What a call was about: its command, path or query; else its arguments."""
    values = arguments_from(arguments)
    named = (values.get(name) for name in ABOUT) if isinstance(values, dict) else ()
    return next((value for value in named if isinstance(value, str)), brief(arguments))


def _lessons(events: Iterable[Stored], change: ChangeIntended) -> list[Lesson]:
    """The lessons for which a self-evaluation wrote notes or skills like this one."""
    for stored in events:
        event = stored.event
        if isinstance(event, CheckpointFinished) and event.number == change.checkpoint:
            evaluation = event.evaluation or Evaluation("", "", "", "unknown")
            return [lesson for lesson in evaluation.lessons if lesson.keep == change.kind]
    return []


def _calls(events: Iterable[Stored], numbers: Sequence[int]) -> Iterable[Evidence]:
    started = {one.event.number: one.event for one in events if isinstance(one.event, ToolStarted)}
    ended = {one.event.call_id: one.event for one in events if isinstance(one.event, ToolFinished)}
    for number in numbers:
        if number and (call := started.get(number)):
            end = ended.get(call.call_id)
            exits = f"exit {end.exit}" if end and end.exit is not None else ""
            what = f"{call.name} {_about(call.arguments)}"
            yield Evidence(number, what, exits or (end.status if end else "not ended"))


def _shortened(said: str) -> str:
    return said if len(said) <= SAID_CHARS else said[: SAID_CHARS - 1] + "…"
