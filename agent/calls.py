"""Answering the calls of a reply: every call gets exactly one result, whatever happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Coroutine, Iterator, Sequence
from itertools import count
from typing import Any

from agent.attention import Stopped, attend
from agent.context import Context
from agent.conversation import Conversation
from agent.events import (
    ApprovalDecided,
    ApprovalRequested,
    CallEnd,
    Emit,
    QuestionAnswered,
    QuestionAsked,
    ToolFinished,
    ToolStarted,
)
from agent.inbox import Inbox
from agent.inputs import Answer, Decision
from agent.messages import ToolCall
from agent.policy import action_of
from agent.state import Call
from agent.tools.base import Tool
from hermes_home.errors import ToolError

REPEATS = 3
"""How often the very same call may fail, with nothing changed between, before it is refused."""


async def answer_all(context: Context, inbox: Inbox, record: Emit) -> None:
    """Answer every open call of the last reply, in order; calls that only read go side by side.

    When a message comes in meanwhile, what has not started is answered as skipped.
    """
    while pending := context.conversation.unanswered:
        if stop := inbox.stop():
            raise Stopped(stop)
        if inbox.has_steering():
            await _skip(record, pending, "the user said something; read it first")
            return
        batch = _batch(context, pending)
        # Of calls side by side none has its start folded before the next one is numbered.
        numbers = count(context.conversation.started + 1)
        answers = [_answer(context, inbox, record, call, numbers) for call in batch]
        await _together(answers)


async def cut_short(conversation: Conversation, record: Emit, reason: str) -> None:
    """Give every open call its result when the run ends now."""
    pending = conversation.unanswered
    for call in [call for call in pending if call.number]:
        await _finish(record, call, "interrupted", f"interrupted: {reason}; its effect is unknown")
    await _skip(record, [call for call in pending if not call.number], reason)


async def _skip(record: Emit, pending: Sequence[Call], reason: str) -> None:
    for call in pending:
        await _finish(record, call, "skipped", f"not run: {reason}")


def _batch(context: Context, pending: Sequence[Call]) -> list[Call]:
    """The next call, and the ones behind it if all of them only read."""
    batch: list[Call] = []
    for call in pending:
        tool = context.toolbox.get(call.name)
        if call.name == "ask" or tool is None or not tool.read_only:
            break
        batch.append(call)
    return batch or [pending[0]]


async def _together(answers: Sequence[Coroutine[None, None, None]]) -> None:
    """All of them to their end: none is cancelled between an event and its being folded."""
    results = await asyncio.gather(*answers, return_exceptions=True)
    for problem in results:
        if isinstance(problem, BaseException):
            raise problem


async def _answer(
    context: Context, inbox: Inbox, record: Emit, call: Call, numbers: Iterator[int]
) -> None:
    tool = context.toolbox.get(call.name)
    if tool is None:
        await _finish(record, call, "invalid", context.toolbox.unknown(call.name))
        return
    if call.number and not tool.read_only:
        text = "interrupted: the daemon stopped while this ran; its effect is unknown"
        await _finish(record, call, "interrupted", text)
        return
    try:
        arguments = context.toolbox.arguments(tool, ToolCall(call.id, call.name, call.arguments))
    except ToolError as error:
        await _finish(record, call, "invalid", str(error))
        return
    if _repeats(context, call):
        text = f"refused: this exact call failed {REPEATS} times; do something else, or say why not"
        await _finish(record, call, "denied", text)
    elif call.name == "ask":
        await _ask(context, inbox, record, call, arguments)
    elif refusal := await _refused(context, inbox, record, call, tool, arguments):
        status, text = refusal
        await _finish(record, call, status, text)
    else:
        if not call.number:
            await _start(record, call, next(numbers))
        await _execute(context, inbox, record, call, tool, arguments)


def _repeats(context: Context, call: Call) -> bool:
    """The last calls were this very one, and failed. One of another kind between them may have
    changed what it depends on; one that only reads cannot."""
    failed = 0
    for earlier in reversed(context.conversation.listed):
        if (earlier.name, earlier.arguments) == (call.name, call.arguments):
            if earlier.status != "failed":
                return False
            failed += 1
        elif not _only_reads(context, earlier):
            break
    return failed >= REPEATS


def _only_reads(context: Context, call: Call) -> bool:
    tool = context.toolbox.get(call.name)
    return tool is not None and tool.read_only


async def _refused(
    context: Context,
    inbox: Inbox,
    record: Emit,
    call: Call,
    tool: Tool,
    arguments: dict[str, Any],
) -> tuple[CallEnd, str] | None:
    """Pass the gate, asking the owner if it must be; what the model is told if it is closed."""
    where = context.call_context(call.id)
    conversation = context.conversation
    verdict = context.policy.judge(
        tool.effects(arguments, where),
        where,
        action=action_of(call.name, arguments),
        yolo=context.options.yolo,
        granted=frozenset(conversation.granted),
    )
    if verdict.kind == "allow":
        return None
    if verdict.kind == "deny" or context.options.headless:
        return "denied", f"denied: {verdict.reason}"
    if not call.requested:
        action = action_of(call.name, arguments)
        await record(
            ApprovalRequested(call_id=call.id, name=call.name, action=action, reason=verdict.reason)
        )
    return await _decided(inbox, record, call)


async def _decided(inbox: Inbox, record: Emit, call: Call) -> tuple[CallEnd, str] | None:
    """Wait for the owner. The wait is in the journal, so it may last over a restart."""
    while call.allowed is None:
        if inbox.has_steering():
            return "skipped", "not run: the owner said something instead of allowing it"
        reply = await attend(inbox, _reply(inbox, call.id))
        if isinstance(reply, Decision):
            await record(
                ApprovalDecided(
                    call_id=call.id,
                    allow=reply.allow,
                    by=reply.principal,
                    input=reply.id,
                    session=reply.session,
                    reason=reply.reason,
                )
            )
            if not reply.allow:
                why = f": {reply.reason}" if reply.reason else ""
                return "denied", f"denied by the owner{why}"
    return None if call.allowed else ("denied", "denied by the owner")


async def _reply(inbox: Inbox, call_id: str) -> Decision | Answer | None:
    """The owner's word on this call, or None when a message came instead."""
    while True:
        if reply := inbox.reply_to(call_id):
            return reply
        if inbox.has_steering():
            return None
        await inbox.change()


async def _ask(
    context: Context, inbox: Inbox, record: Emit, call: Call, arguments: dict[str, Any]
) -> None:
    """A question parks the run until it is answered; a plain message is an answer too."""
    if context.options.headless:
        await _finish(record, call, "denied", "denied: nobody can be asked here; decide yourself")
        return
    if not call.asked:
        choices = tuple(str(choice) for choice in arguments.get("choices") or ())
        await record(
            QuestionAsked(call_id=call.id, question=str(arguments["question"]), choices=choices)
        )
    while call.reply is None:
        reply = await attend(inbox, _reply(inbox, call.id))
        if isinstance(reply, Answer):
            await record(QuestionAnswered(call_id=call.id, text=reply.text, input=reply.id))
        elif reply is None:
            await _finish(record, call, "ok", "The user answers in the next message.")
            return
    await _finish(record, call, "ok", call.reply)


async def _start(record: Emit, call: Call, number: int) -> None:
    await record(
        ToolStarted(call_id=call.id, name=call.name, arguments=call.arguments, number=number)
    )


async def _execute(
    context: Context,
    inbox: Inbox,
    record: Emit,
    call: Call,
    tool: Tool,
    arguments: dict[str, Any],
) -> None:
    """Run it and journal its end; its start is stored. A stop ends the call; its result is stored
    by whoever ends the run."""
    begun = context.clock()
    outcome = await attend(
        inbox, context.toolbox.execute(tool, arguments, context.call_context(call.id))
    )
    await record(
        ToolFinished(
            call_id=call.id,
            name=call.name,
            status="failed" if outcome.failed else "ok",
            text=outcome.text,
            file=outcome.file,
            exit=outcome.exit,
            seconds=round(context.clock() - begun, 3),
            loaded=outcome.loaded,
        )
    )


async def _finish(record: Emit, call: Call, status: CallEnd, text: str) -> None:
    await record(ToolFinished(call_id=call.id, name=call.name, status=status, text=text))


def unique_ids(calls: Sequence[ToolCall], taken: Collection[str]) -> tuple[ToolCall, ...]:
    """Some servers count calls from zero in every reply; a result belongs to exactly one call."""
    seen, unique = set(taken), []
    for call in calls:
        id, attempt = call.id, 1
        while id in seen:
            attempt += 1
            id = f"{call.id}-{attempt}"
        seen.add(id)
        unique.append(ToolCall(id, call.name, call.arguments))
    return tuple(unique)


def brief(arguments: str, limit: int = 200) -> str:
    """A call's arguments on one line, cut."""
    try:
        text = json.dumps(json.loads(arguments or "{}"), ensure_ascii=False)
    except ValueError:
        text = " ".join(arguments.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
