"""The loop: run(context, inbox, emit). Inputs in, events out; no disk, database or channel.

What to do next is read from the conversation alone, so a run that a crash cut short goes on at
the step where it was.
"""

from __future__ import annotations

import asyncio

from agent import calls, checkpoint, compaction
from agent.attention import Stopped, attend
from agent.context import Context
from agent.events import (
    Answered,
    AnyEvent,
    Emit,
    ModelAsked,
    ModelReplied,
    ModelRetried,
    RunEnd,
    RunFinished,
    TextStreamed,
    UserSpoke,
)
from agent.inbox import Inbox
from agent.providers.base import Delta
from hermes_home.errors import BudgetError, ProviderError


async def run(context: Context, inbox: Inbox, emit: Emit) -> None:
    """Work until the agent rests. The worker has stored RunStarted, and at a restart RunResumed.

    Every end is a RunFinished with its reason; only an unexpected error is raised.
    """

    async def record(event: AnyEvent) -> int:
        seq = await emit(event)
        if not event.transient:
            context.conversation.apply(event, seq, context.run)
        return seq

    try:
        await _work(context, inbox, record)
        if checkpoint.due_at_end(context):
            await checkpoint.evaluate(context, inbox, record, due=0)
        await _finish(context, record, "blocked" if _blocked(context) else "done")
    except Stopped as stopped:
        inbox.drop(stopped.stop)
        await calls.cut_short(context.conversation, record, stopped.stop.reason)
        await _finish(context, record, "stopped", stopped.stop.reason, stopped.stop.id)
    except BudgetError as error:
        await _finish(context, record, "limit", str(error))
    except ProviderError as error:
        await _finish(context, record, "failed", _provider_problem(error))


async def _work(context: Context, inbox: Inbox, record: Emit) -> None:
    """One step after the other until the model has nothing more to do."""
    conversation = context.conversation
    while True:
        if conversation.unanswered:
            await calls.answer_all(context, inbox, record)
            continue
        if stop := inbox.stop():
            raise Stopped(stop)
        if conversation.checkpoint is not None or checkpoint.due(context):
            if compaction.overflows(context):
                await compaction.shorten(context, inbox, record, "a checkpoint would not fit")
            await checkpoint.evaluate(context, inbox, record, due=conversation.started)
            continue
        if conversation.run and conversation.run.turns and not conversation.needs_reply:
            await _answer(context, record)  # also when somebody has said more meanwhile
        await _take_inputs(context, inbox, record)
        if conversation.needs_reply:
            await _take_turn(context, inbox, record)
        elif await _rest(context, inbox, record):
            return


async def _take_inputs(context: Context, inbox: Inbox, record: Emit) -> None:
    for said in inbox.steering():
        framed = await context.frame(said)
        await record(
            UserSpoke(
                input=said.id,
                text=said.text,
                quoted=said.quoted,
                preface=framed.preface,
                tail=framed.tail,
                principal=said.principal,
                steering=bool(context.conversation.run and context.conversation.run.turns),
                files=said.files,
                offered=framed.offered,
                withheld=framed.withheld,
                loaded=framed.loaded,
            )
        )


async def _take_turn(context: Context, inbox: Inbox, record: Emit) -> None:
    _check_limits(context)
    if compaction.needed(context):
        await compaction.shorten(context, inbox, record, "the context window is nearly full")
    try:
        await _ask_model(context, inbox, record)
    except ProviderError as error:
        if error.kind != "too_long" or not compaction.possible(context):
            raise
        await compaction.shorten(context, inbox, record, "the model said the request is too long")
        await _ask_model(context, inbox, record)


def _check_limits(context: Context) -> None:
    context.meter.check()
    turns = context.conversation.run.turns if context.conversation.run else 0
    if turns >= context.max_turns:
        raise BudgetError(
            f"this run made {turns} model replies, the most a run may make",
            "Say `continue` to go on, or raise agent.max_turns.",
        )


async def _ask_model(context: Context, inbox: Inbox, record: Emit) -> None:
    request = context.request()
    await record(ModelAsked(messages=len(request.messages)))

    async def show(delta: Delta) -> None:
        if delta.retry:
            await record(ModelRetried(reason=delta.retry, wait=delta.wait))
        else:
            await record(TextStreamed(text=delta.text, reasoning=delta.reasoning))

    reply = await attend(inbox, context.provider.reply(request, show))
    context.meter.add(reply.usage)
    await record(
        ModelReplied(
            text=reply.text,
            reasoning=reply.reasoning,
            tool_calls=calls.unique_ids(reply.tool_calls, context.conversation.calls),
            usage=reply.usage,
            model=reply.model,
            finish=reply.finish,
        )
    )


async def _rest(context: Context, inbox: Inbox, record: Emit) -> bool:
    """The model has said its last word, unless something came in meanwhile."""
    await _answer(context, record)
    await asyncio.sleep(0)
    return not inbox.has_steering()


async def _answer(context: Context, record: Emit) -> None:
    """Its last words are an answer, once."""
    state = context.conversation.run
    if state is not None and not state.answered:
        last = context.conversation.messages[-1] if context.conversation.messages else None
        await record(Answered(text=last.text if last else ""))


def _blocked(context: Context) -> bool:
    """A call was denied, and no call that came after it succeeded."""
    return context.conversation.run is not None and context.conversation.run.denied


def _provider_problem(error: ProviderError) -> str:
    unreachable = error.kind in ("connection", "timeout", "auth", "overloaded", "server", "rate")
    return f"model unreachable: {error}" if unreachable else str(error)


async def _finish(
    context: Context, record: Emit, reason: RunEnd, error: str = "", input: str = ""
) -> None:
    state = context.conversation.run
    if state is None:
        return
    await record(
        RunFinished(
            reason=reason,
            error=error,
            input=input,
            tool_calls=state.calls,
            checkpoints=state.checkpoints,
            usage=state.usage,
        )
    )
