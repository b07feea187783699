"""What a run comes to: the facts its outcome, its reward and the worth of skills are computed from.

A pure fold of the run's events, and of the one message that follows it in its session. What a
checkpoint did is not part of it; its evaluation is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from typing import Any, Literal

import msgspec

from agent import procedures
from agent.checks import checks_hidden_in, checks_in
from agent.events import (
    Answered,
    CheckpointFinished,
    ModelReplied,
    RunEnd,
    RunFinished,
    RunJudged,
    RunStarted,
    SkillRef,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from agent.learning.judgement import Verdict, verdict
from memory.outcomes.recovery import Tried, invalid, recovered

OWNER = "owner"

_BLOCK = re.compile(r'^<skill name="([^"]+)"[^\n]*>\n(.*?)\n</skill>$', re.MULTILINE | re.DOTALL)

Side = Literal["with", "without", ""]
"""Offered, withheld, or neither: the owner or the model brought the skill in otherwise."""


class Use(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one run had to do with one version of a skill. `followed`: later shell commands carried
    out its own, see `agent.procedures.followed`."""

    name: str
    version: str
    side: Side = ""
    loaded: bool = False
    followed: bool = False


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run. `end` is empty while it works. `passed`, `failed`: the events with the last result
    of each check. `words`: what the owner's words said of it, in event `words_at`; `judged`: by
    /good or /bad. `evaluated`: the last evaluation's outcome; `claims`: the lessons of its
    evaluations, `borne_out`: those that name calls which were made. `asked`: the answer ends
    with a question. Counts: `turns` replies of the model, `calls` started, `invalid`, `errors` and
    those `recovered` (see `memory.outcomes.recovery`), `tokens` of its own requests, `corrections`
    by the owner while it worked or right after."""

    end: RunEnd | Literal[""] = ""
    end_at: int = 0
    model: str = ""
    first: str = ""
    passed: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    words: Verdict | Literal[""] = ""
    words_at: int = 0
    judged: Literal["good", "bad", ""] = ""
    judged_at: int = 0
    evaluated: Literal["success", "partial", "failure", "unknown", ""] = ""
    evaluated_at: int = 0
    claims: int = 0
    borne_out: int = 0
    asked: bool = False
    turns: int = 0
    calls: int = 0
    invalid: int = 0
    errors: int = 0
    recovered: int = 0
    tokens: int = 0
    corrections: int = 0
    uses: tuple[Use, ...] = ()


class _Run:
    """The fold of one run's events."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.tried: list[Tried] = []
        self.open: dict[str, ToolStarted] = {}
        self.checks: dict[str, tuple[int, bool]] = {}
        self.failing: set[str] = set()
        self.verification: list[str] = []
        self.uses: dict[SkillRef, Use] = {}
        self.loads: list[tuple[SkillRef, int, str]] = []
        self.commands: list[str] = []
        self.answer = ""

    def count(self, name: str, by: int = 1) -> None:
        self.facts[name] = self.facts.get(name, 0) + by

    def load(self, ref: SkillRef, instructions: str) -> None:
        self.uses[ref] = msgspec.structs.replace(
            self.uses.get(ref, Use(ref.name, ref.version)), loaded=True
        )
        self.loads.append((ref, len(self.commands), instructions))
        self.verification += procedures.verification_in(instructions)

    def result(self) -> Facts:
        for ref, since, instructions in self.loads:
            if procedures.followed(instructions, self.commands[since:]):
                self.uses[ref] = msgspec.structs.replace(self.uses[ref], followed=True)
        return Facts(
            **self.facts,
            passed=tuple(sorted({at for at, good in self.checks.values() if good})),
            failed=tuple(sorted({at for at, good in self.checks.values() if not good})),
            asked=self.answer.rstrip().endswith(("?", "？")),
            invalid=invalid(self.tried),
            errors=sum(one.status in ("failed", "invalid") for one in self.tried),
            recovered=recovered(self.tried),
            uses=tuple(self.uses.values()),
        )


def facts_of(events: Iterable[Stored]) -> Facts:
    """The facts of one run from its events, in order; others are passed over."""
    run = _Run()
    for stored in events:
        step = _STEPS.get(type(stored.event))
        if step is not None:
            step(run, stored.event, stored.seq)
    return run.result()


def _started(run: _Run, event: RunStarted, seq: int) -> None:
    run.facts["model"] = event.model


def _spoke(run: _Run, event: UserSpoke, seq: int) -> None:
    named = {ref.name for ref in event.loaded}
    sides: tuple[tuple[Side, tuple[SkillRef, ...]], ...]
    sides = (("with", event.offered), ("without", event.withheld))
    for side, refs in sides:
        for ref in refs:
            # Asked for by name it is loaded for certain, so there is nothing to compare it with.
            if ref.name not in named:
                run.uses.setdefault(ref, Use(ref.name, ref.version, side))
    blocks = _blocks(event.preface)
    for ref in event.loaded:
        run.load(ref, blocks.get(ref.name, ""))
    if not event.steering:
        run.facts.setdefault("first", event.text)
    elif event.principal == OWNER:
        _judge(run, verdict(event.text, asked=run.answer.rstrip().endswith("?")), seq)


def _judge(run: _Run, said: Verdict | None, seq: int) -> None:
    if said == "corrected":
        run.count("corrections")
    if said is not None:
        run.facts.update(words=said, words_at=seq)


def _replied(run: _Run, event: ModelReplied, seq: int) -> None:
    if event.purpose in ("run", "compaction"):
        run.count("tokens", event.usage.total)
    if event.purpose == "run":
        run.count("turns")


def _tool_started(run: _Run, event: ToolStarted, seq: int) -> None:
    if event.checkpoint:
        return
    run.count("calls")
    run.open[event.call_id] = event
    # What was said before was said of other work.
    run.facts.pop("words", None)
    run.facts.pop("words_at", None)


def _tool_finished(run: _Run, event: ToolFinished, seq: int) -> None:
    if event.checkpoint:
        return
    begun = run.open.pop(event.call_id, None)
    arguments = begun.arguments if begun else ""
    command = _command(event.name, arguments)
    run.tried.append(Tried(event.name, arguments, command, event.status))
    if event.loaded is not None:
        run.load(event.loaded, event.text)
    if begun is None or not command:
        return
    run.commands.append(command)
    if event.status in ("ok", "failed") and event.exit is not None:
        _note_checks(run, command, event.status == "ok", seq)


def _note_checks(run: _Run, command: str, good: bool, seq: int) -> None:
    for name in checks_hidden_in(command, run.verification):
        run.checks.pop(name, None)  # it ran again, and nobody knows how it ended
    names = checks_in(command, run.verification)
    if good and command in run.failing or command in run.checks:
        names.append(command)
    if not good:
        run.failing.add(command)
    for name in names:
        run.checks[name] = (seq, good)


def _answered(run: _Run, event: Answered, seq: int) -> None:
    run.answer = event.text


def _evaluated(run: _Run, event: CheckpointFinished, seq: int) -> None:
    if event.evaluation is None:
        return
    lessons = event.evaluation.lessons
    run.facts.update(evaluated=event.evaluation.outcome, evaluated_at=seq)
    run.count("claims", len(lessons))
    run.count("borne_out", sum(bool(lesson.events) for lesson in lessons))


def _finished(run: _Run, event: RunFinished, seq: int) -> None:
    run.facts.update(end=event.reason, end_at=seq)


_STEPS: dict[type, Any] = {
    RunStarted: _started,
    UserSpoke: _spoke,
    ModelReplied: _replied,
    ToolStarted: _tool_started,
    ToolFinished: _tool_finished,
    Answered: _answered,
    CheckpointFinished: _evaluated,
    RunFinished: _finished,
}


def heard(facts: Facts, event: UserSpoke, seq: int) -> Facts:
    """The same with the first message that followed the run. Only the owner's words count, and not
    those he began the run with: he, or a job of his, asks for the same again."""
    again = event.text.strip() == facts.first.strip()
    said = verdict(event.text, asked=facts.asked) if event.principal == OWNER else None
    if said is None or again:
        return facts
    corrections = facts.corrections + (said == "corrected")
    return msgspec.structs.replace(facts, words=said, words_at=seq, corrections=corrections)


def judged(facts: Facts, event: RunJudged, seq: int) -> Facts:
    """The same with the owner's /good or /bad; the last one counts."""
    return msgspec.structs.replace(facts, judged="good" if event.good else "bad", judged_at=seq)


def session_facts(events: Iterable[Stored]) -> dict[str, Facts]:
    """The facts of every finished run of one session, by the run's id, in the order of their ends;
    what was said after a run included."""
    working: dict[str, list[Stored]] = {}
    found: dict[str, Facts] = {}
    last = ""
    for stored in events:
        event, run = stored.event, stored.run
        if isinstance(event, RunJudged) and event.run in found:
            found[event.run] = judged(found[event.run], event, stored.seq)
        elif isinstance(event, RunStarted) and run not in found:
            working.setdefault(run, [])
        elif isinstance(event, UserSpoke) and not event.steering and last:
            found[last] = heard(found[last], event, stored.seq)
            last = ""
        if run in working:
            working[run].append(stored)
            if isinstance(event, RunFinished):
                found[run] = facts_of(working.pop(run))
                last = run
    return found


def _command(tool: str, arguments: str) -> str:
    """What a call of the shell ran; '' for other tools."""
    if tool != "shell":
        return ""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return ""
    command = value.get("command") if isinstance(value, dict) else None
    return command if isinstance(command, str) else ""


def _blocks(preface: str) -> dict[str, str]:
    """The instructions of each skill in a preface, by its name."""
    return {unescape(name): body for name, body in _BLOCK.findall(preface)}
