"""A session as steps, computed from its events whenever it is asked for; never a second record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from agent.conversation import Conversation
from agent.events import (
    ChangeIntended,
    ChangeMade,
    CheckpointFinished,
    CheckpointStarted,
    ModelReplied,
    PromptChanged,
    RunJudged,
    RunStarted,
    SessionOpened,
    SessionRenamed,
    Stored,
    ToolFinished,
    UserSpoke,
)
from agent.messages import Usage
from memory.outcomes.facts import facts_of, session_facts
from memory.outcomes.outcome import Outcome, deciding, outcome_of
from memory.outcomes.reward import Reward, session_reward
from memory.redaction import Redactor

SCHEMA_VERSION = 1

_SKILL = re.compile(r'^<skill name="([^"]+)"', re.MULTILINE)


class Call(msgspec.Struct):
    """One tool call. arguments: an object, or the model's text if it is none. observation: what
    the model was told, None if the call has no result. error: how it failed, None if it did not."""

    id: str
    name: str
    arguments: dict[str, Any] | str
    observation: str | None = None
    error: str | None = None


class Step(msgspec.Struct):
    """One message of a person or of the model; the results of its calls belong to it."""

    step: int
    role: Literal["user", "assistant"]
    text: str
    thought: str = ""
    tool_calls: list[Call] = msgspec.field(default_factory=list)


class Verdict(msgspec.Struct):
    """What somebody said of a run when it was over: the owner, or a task's `verifier`."""

    good: bool
    by: str
    reason: str = ""


class Trajectory(msgspec.Struct):
    """One session. Times are ISO 8601 in UTC; `task` is what the person said first. `outcome` is
    that of the run that speaks for the session, `reward` that of all of them. `verdict`: the last
    one. `prompt`: what a batch knows of it, its id among that."""

    task: str = ""
    session: str = ""
    title: str = ""
    schema_version: int = SCHEMA_VERSION
    model: str = ""
    started_at: str = ""
    ended_at: str = ""
    outcome: Outcome = "unknown"
    reward: Reward | None = None
    verdict: Verdict | None = None
    usage: dict[str, int] = msgspec.field(default_factory=dict)
    skills: list[str] = msgspec.field(default_factory=list)
    checkpoints: list[dict[str, Any]] = msgspec.field(default_factory=list)
    system: str = ""
    tools: list[Any] = msgspec.field(default_factory=list)
    prompt_version: str = ""
    trajectory: list[Step] = msgspec.field(default_factory=list)
    prompt: dict[str, Any] = msgspec.field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As dicts and lists, ready for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def trajectory(events: Sequence[Stored], blob: Callable[[str], str]) -> Trajectory:
    """What one session's events come to, in the order of the journal. `blob` gives the text that
    a name stands for. Checkpoints are no steps: the conversation goes on as if they had not been.
    """
    fold = _Fold()
    for stored in events:
        function = _FOLDS.get(type(stored.event))
        if function:
            function(fold, stored.event)
    result = fold.result
    if events:
        result.session = events[0].session
        result.started_at, result.ended_at = _time(events[0].at), _time(events[-1].at)
        runs = list(session_facts(events).values()) or [facts_of(events)]
        result.outcome = outcome_of(deciding(runs)).outcome
        result.reward = session_reward(runs)
    if fold.prompt is not None:
        result.system = blob(fold.prompt.system)
        result.tools = json.loads(blob(fold.prompt.tools))
        result.prompt_version = fold.prompt.prompt_version
    result.usage = {
        "prompt": fold.usage.prompt,
        "completion": fold.usage.completion,
        "cached": fold.usage.cached,
        "total": fold.usage.total,
    }
    return result


class _Fold:
    """A trajectory that grows event by event."""

    def __init__(self) -> None:
        self.result = Trajectory()
        self.usage = Usage()
        self.prompt: SessionOpened | PromptChanged | None = None
        self.calls: dict[str, Call] = {}
        self.intended: ChangeIntended | None = None

    def add(self, role: Literal["user", "assistant"], text: str) -> Step:
        step = Step(len(self.result.trajectory) + 1, role, text)
        self.result.trajectory.append(step)
        return step

    def use(self, skill: str) -> None:
        if skill and skill not in self.result.skills:
            self.result.skills.append(skill)


def _prompt(fold: _Fold, event: SessionOpened | PromptChanged) -> None:
    fold.prompt = event
    if isinstance(event, SessionOpened):
        fold.result.title = event.title


def _renamed(fold: _Fold, event: SessionRenamed) -> None:
    fold.result.title = event.title


def _judged(fold: _Fold, event: RunJudged) -> None:
    fold.result.verdict = Verdict(event.good, event.by, event.reason)


def _run_started(fold: _Fold, event: RunStarted) -> None:
    fold.result.model = event.model


def _spoke(fold: _Fold, event: UserSpoke) -> None:
    fold.result.task = fold.result.task or event.text
    # The words as the model got them, with what was rendered around them.
    conversation = Conversation()
    conversation.apply(event)
    fold.add("user", conversation.messages[-1].text)
    for skill in _SKILL.findall(event.preface):
        fold.use(skill)


def _replied(fold: _Fold, event: ModelReplied) -> None:
    fold.usage += event.usage
    if event.purpose != "run":
        return
    step = fold.add("assistant", event.text)
    step.thought = event.reasoning
    for asked in event.tool_calls:
        call = Call(asked.id, asked.name, arguments_from(asked.arguments))
        step.tool_calls.append(call)
        fold.calls[asked.id] = call


def _finished(fold: _Fold, event: ToolFinished) -> None:
    call = fold.calls.get(event.call_id)
    if call is None or event.checkpoint:
        return
    call.observation = event.text
    if event.status != "ok":
        call.error = f"{event.status}, exit {event.exit}" if event.exit else event.status
    elif call.name == "skill_view" and isinstance(call.arguments, dict):
        fold.use(str(call.arguments.get("name", "")))


def _checkpoint_started(fold: _Fold, event: CheckpointStarted) -> None:
    started = {
        "number": event.number,
        "due": event.due,
        "after_step": len(fold.result.trajectory),
        "status": "open",
        "evaluation": None,
        "changes": [],
    }
    checkpoints = fold.result.checkpoints
    # After a crash the same one is begun again.
    if checkpoints and checkpoints[-1]["number"] == event.number:
        started["changes"] = checkpoints.pop()["changes"]
    checkpoints.append(started)


def _checkpoint_finished(fold: _Fold, event: CheckpointFinished) -> None:
    for checkpoint in fold.result.checkpoints:
        if checkpoint["number"] == event.number:
            checkpoint["status"] = event.status
            checkpoint["evaluation"] = msgspec.to_builtins(event.evaluation)


def _change_intended(fold: _Fold, event: ChangeIntended) -> None:
    fold.intended = event


def _change_made(fold: _Fold, event: ChangeMade) -> None:
    """The door makes one change at a time, so it is the one intended last."""
    made, checkpoints = fold.intended, fold.result.checkpoints
    if made is not None and checkpoints and made.checkpoint == checkpoints[-1]["number"]:
        about = {"kind": made.kind, "name": made.name, "action": made.action}
        checkpoints[-1]["changes"].append({"id": event.id, **about, "status": made.status})


_FOLDS: dict[type, Callable[[_Fold, Any], None]] = {
    ChangeIntended: _change_intended,
    ChangeMade: _change_made,
    SessionOpened: _prompt,
    PromptChanged: _prompt,
    SessionRenamed: _renamed,
    RunStarted: _run_started,
    UserSpoke: _spoke,
    ModelReplied: _replied,
    ToolFinished: _finished,
    CheckpointStarted: _checkpoint_started,
    CheckpointFinished: _checkpoint_finished,
    RunJudged: _judged,
}


def arguments_from(text: str) -> dict[str, Any] | str:
    """A call's arguments as an object; the text itself if it is not plain JSON of one."""
    try:
        value = json.loads(text or "{}", parse_constant=_refuse)
        # Lone surrogates and numbers out of range would not survive being written again.
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) and encoded else text


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def redacted(trajectory: Trajectory, redactor: Redactor) -> Trajectory:
    """The same without secrets, for whatever leaves the home."""
    clean, text = redactor.value, redactor.text
    said = trajectory.verdict
    steps = [
        Step(
            s.step, s.role, text(s.text), text(s.thought), [_clean(c, clean) for c in s.tool_calls]
        )
        for s in trajectory.trajectory
    ]
    return msgspec.structs.replace(
        trajectory,
        task=text(trajectory.task),
        title=text(trajectory.title),
        verdict=said and msgspec.structs.replace(said, reason=text(said.reason)),
        checkpoints=clean(trajectory.checkpoints),
        system=text(trajectory.system),
        tools=clean(trajectory.tools),
        trajectory=steps,
    )


def _clean(call: Call, clean: Callable[[Any], Any]) -> Call:
    return msgspec.structs.replace(
        call,
        name=clean(call.name),
        arguments=clean(call.arguments),
        observation=clean(call.observation),
    )
