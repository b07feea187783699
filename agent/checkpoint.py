"""The self-evaluation: after every 15th tool call, and at the end of a run that earned one.

It is the run's next request plus one message, and a conversation of its own from there. What it
wants to keep it writes with the same note and skill tools as any run.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from agent.attention import Stopped, attend
from agent.calls import unique_ids
from agent.checkpoint_text import message
from agent.compaction import CHECKPOINT_TOKENS
from agent.context import Context
from agent.events import (
    CallEnd,
    CheckpointFinished,
    CheckpointStarted,
    Emit,
    Evaluation,
    Lesson,
    ModelAsked,
    ModelReplied,
    ToolFinished,
    ToolStarted,
)
from agent.inbox import Inbox
from agent.messages import ToolCall
from agent.providers.base import Delta, Provider
from agent.state import Checkpoint
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.schema import tool
from hermes_home.errors import BudgetError, ProviderError, ToolError

TOOLS = ("evaluate", "skill_manage", "skill_view", "skills_search", "memory")
REPLIES = 8
REPLY_SECONDS = 300.0
"""For one reply and its calls: enough for a page from a model that writes ten words a second."""
SECONDS = 900.0
"""For all of them."""
END_CALLS = 5
"""Calls since the last evaluation that make the end of a run worth one."""


def due(context: Context) -> bool:
    """The count of calls passed a multiple since the last checkpoint, and nothing is open."""
    every = context.learning.checkpoint_every
    conversation = context.conversation
    if not context.learns or every < 1 or conversation.unanswered:
        return False
    return conversation.started // every > conversation.last_due // every


def due_at_end(context: Context) -> bool:
    """A run that mended something, or that the user judged, with enough calls behind it."""
    conversation = context.conversation
    state = conversation.run
    if not context.learns or context.learning.checkpoint_every < 1 or state is None:
        return False
    enough = conversation.started - conversation.evaluated >= END_CALLS
    return enough and (state.mended or state.judged)


async def evaluate(context: Context, inbox: Inbox, record: Emit, *, due: int) -> None:
    """Take one checkpoint. However it ends, the run goes on; only a stop is passed on."""
    opened = context.conversation.checkpoint
    end = asyncio.get_running_loop().time() + SECONDS
    await _close_calls(context, record, "the daemon stopped while this ran")
    if opened is not None and opened.crashes > 1:
        await _finish(record, opened.number, "failed", "the daemon stopped twice during it")
        return
    number = opened.number if opened else context.conversation.checkpoints + 1
    replies = REPLIES if context.meter.left(context.learning.budget) > 0 else 1
    text = await message(context, opened.changes if opened else [], replies)
    await record(
        CheckpointStarted(
            number=number,
            due=opened.due if opened else due,
            text=text,
            calls=tuple(call.id for call in context.conversation.listed),
        )
    )
    try:
        await _converse(context, inbox, record, number, end, replies)
    except Stopped:
        await _close_calls(context, record, "the user stopped the run")
        await _finish(record, number, "cancelled", "the user stopped the run")
        raise
    except TimeoutError:
        await _close_calls(context, record, "the checkpoint took too long")
        whole = asyncio.get_running_loop().time() >= end
        told = f"it took longer than {SECONDS:.0f} s"
        late = told if whole else f"a reply took longer than {REPLY_SECONDS:.0f} s"
        await _finish(record, number, "failed", late)
    except (ProviderError, BudgetError) as error:
        await _finish(record, number, "failed", error.message)


def _wanted(context: Context, inbox: Inbox) -> bool:
    """Somebody waits: with words for this run or, when it is at its end, for the next."""
    checkpoint = context.conversation.checkpoint
    at_end = checkpoint is not None and checkpoint.due == 0
    return inbox.has_steering() or (at_end and inbox.has_said())


async def _close_calls(context: Context, record: Emit, reason: str) -> None:
    """Every call of a checkpoint has a result too, also when the checkpoint ends early."""
    checkpoint = context.conversation.checkpoint
    if checkpoint is None:
        return
    for id, started in list(checkpoint.open.items()):
        status: CallEnd = "interrupted" if started else "skipped"
        name = _name_of(checkpoint, id)
        await record(
            ToolFinished(
                call_id=id, name=name, status=status, text=reason, checkpoint=checkpoint.number
            )
        )


def _name_of(checkpoint: Checkpoint, call_id: str) -> str:
    calls = (call for message in checkpoint.messages for call in message.tool_calls)
    return next((call.name for call in calls if call.id == call_id), "")


async def _converse(
    context: Context, inbox: Inbox, record: Emit, number: int, end: float, replies: int
) -> None:
    """Ask and execute until `evaluate` was called, the model rests, or it is cut short."""
    for further in range(replies):
        context.meter.check()
        deadline = min(end, asyncio.get_running_loop().time() + REPLY_SECONDS)
        calls = await _ask(context, inbox, record, number, deadline, further=further > 0)
        evaluation, hopeless = await _execute_all(context, inbox, record, number, calls, deadline)
        if evaluation is not None:
            await _finish(record, number, "done", "", _with_events(context, evaluation))
            return
        if hopeless:
            await _finish(record, number, "failed", hopeless)
            return
        if not calls:
            await _finish(record, number, "failed", "the model answered without `evaluate`")
            return
        if _wanted(context, inbox):
            await _finish(record, number, "cut", "a message came in")
            return
    if replies < REPLIES:
        await _finish(record, number, "cut", "today's learning.budget is used up: one reply")
        return
    await _finish(record, number, "failed", f"no `evaluate` in {REPLIES} replies")


async def _ask(
    context: Context,
    inbox: Inbox,
    record: Emit,
    number: int,
    deadline: float,
    *,
    further: bool,
) -> tuple[ToolCall, ...]:
    checkpoint = context.conversation.checkpoint
    extra = checkpoint.messages if checkpoint else []
    provider, model = _learner(context)
    request = replace(context.request("checkpoint", extra), model=model)
    await record(
        ModelAsked(purpose="checkpoint", messages=len(request.messages), checkpoint=number)
    )
    async with asyncio.timeout_at(deadline):
        reply = await attend(inbox, provider.reply(request, _silently))
    context.meter.add(reply.usage, "learning" if further else "first")
    taken = {*context.conversation.calls, *(c.id for m in extra for c in m.tool_calls)}
    calls = unique_ids(reply.tool_calls, taken)
    await record(
        ModelReplied(
            text=reply.text,
            reasoning=reply.reasoning,
            tool_calls=calls,
            usage=reply.usage,
            model=reply.model,
            finish=reply.finish,
            purpose="checkpoint",
            checkpoint=number,
            further=further,
        )
    )
    return calls


def _learner(context: Context) -> tuple[Provider, str]:
    """Who evaluates: the model set for it, if the conversation fits into its window."""
    other = context.learner
    room = context.conversation.context_tokens + CHECKPOINT_TOKENS
    if other is None or room > other.window:
        return context.provider, context.model
    return other.provider, other.model


async def _silently(delta: Delta) -> None:
    """A checkpoint's text is not part of the talk; its events are shown instead."""


async def _execute_all(
    context: Context,
    inbox: Inbox,
    record: Emit,
    number: int,
    calls: tuple[ToolCall, ...],
    deadline: float,
) -> tuple[Evaluation | None, str]:
    """Execute every call of one reply; the evaluation, if a valid one was among them, and why
    nothing more can be kept, if so."""
    evaluation: Evaluation | None = None
    hopeless = ""
    for call in calls:
        await record(
            ToolStarted(
                call_id=call.id, name=call.name, arguments=call.arguments, checkpoint=number
            )
        )
        async with asyncio.timeout_at(deadline):
            done = await attend(inbox, _execute(context, number, call))
        status, text = done.status, done.text
        evaluation, hopeless = done.evaluation or evaluation, done.hopeless or hopeless
        await record(
            ToolFinished(
                call_id=call.id, name=call.name, status=status, text=text, checkpoint=number
            )
        )
    return evaluation, hopeless


class _Done(NamedTuple):
    """What came of one call. `hopeless`: why no other will fare better."""

    status: CallEnd
    text: str
    evaluation: Evaluation | None = None
    hopeless: str = ""


async def _execute(context: Context, number: int, call: ToolCall) -> _Done:
    tool = context.toolbox.get(call.name)
    if call.name not in TOOLS or tool is None:
        return _Done("denied", f"denied: a checkpoint may only call {', '.join(TOOLS)}")
    try:
        arguments = context.toolbox.arguments(tool, call)
        if call.name == "evaluate":
            found = _evaluation(context, arguments)
            return _Done("ok", "Evaluated. The work goes on.", found)
    except ToolError as error:
        return _Done("invalid", str(error))
    outcome = await context.toolbox.execute(tool, arguments, context.call_context(call.id, number))
    status: CallEnd = "failed" if outcome.failed else "ok"
    return _Done(status, outcome.text, hopeless=outcome.text if outcome.hopeless else "")


def _evaluation(context: Context, arguments: dict[str, Any]) -> Evaluation:
    try:
        evaluation = msgspec.convert(arguments, Evaluation, from_attributes=True)
    except msgspec.ValidationError as error:
        raise ToolError(f"evaluate: {error}") from error
    checkpoint = context.conversation.checkpoint
    known = set(checkpoint.numbers) if checkpoint else set()
    unknown = sorted({n for lesson in evaluation.lessons for n in lesson.evidence} - known)
    if unknown:
        listed = f"#{min(known)} to #{max(known)}" if known else "none"
        raise ToolError(
            f"evaluate: evidence {unknown} names no call of this checkpoint",
            f"The calls are {listed}; call evaluate again.",
        )
    return evaluation


def _with_events(context: Context, evaluation: Evaluation) -> Evaluation:
    """The call numbers mapped to the journal ids of the calls."""
    ids = {call.number: call.event for call in context.conversation.listed}
    lessons = tuple(
        Lesson(lesson.text, lesson.evidence, lesson.keep, tuple(ids[n] for n in lesson.evidence))
        for lesson in evaluation.lessons
    )
    return msgspec.structs.replace(evaluation, lessons=lessons)


async def _finish(
    record: Emit,
    number: int,
    status: Literal["done", "failed", "cut", "cancelled"],
    reason: str,
    evaluation: Evaluation | None = None,
) -> None:
    await record(
        CheckpointFinished(number=number, status=status, reason=reason, evaluation=evaluation)
    )


# -- the tool -----------------------------------------------------------------------------------


class LessonArgument(msgspec.Struct):
    text: str
    evidence: list[int] = []
    keep: Literal["skill", "memory", "user", "none"] = "none"


async def evaluate_call(
    context: ToolContext,
    accomplished: str,
    worked: str,
    failed: str,
    outcome: Literal["success", "partial", "failure", "unknown"],
    lessons: Annotated[list[LessonArgument], "evidence: call numbers; keep: where you wrote it"],
) -> ToolResult:
    """Only when a self-evaluation checkpoint asks for it: its result, in few words."""
    raise ToolError("evaluate answers a self-evaluation checkpoint; there is none now")


def evaluation_tools() -> list[Tool]:
    return [tool(evaluate_call, name="evaluate", effects=lambda arguments, context: ())]
