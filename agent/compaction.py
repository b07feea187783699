"""Making a long conversation shorter: old tool output by reference, then one summary.

Each is a logged break of the prefix. Nothing is lost: the journal keeps every event.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.attention import attend
from agent.calls import brief
from agent.context import Context
from agent.conversation import Conversation
from agent.events import ConversationCompacted, Emit, ModelAsked, ModelReplied
from agent.inbox import Inbox
from agent.messages import Message
from agent.providers.base import Delta
from hermes_home.errors import BudgetError, ProviderError

FIRST_LINE = "[compaction]"
OUTPUT_CHARS = 1000
"""Tool output longer than this is shown by reference once it is old."""
ORDERS_CHARS = 8000
"""The most of the user's own words that a summary repeats verbatim; the newest win."""
CHARS_PER_TOKEN = 4
CHECKPOINT_TOKENS = 3000
"""Room a checkpoint needs for its message and what it writes."""

_INSTRUCTIONS = f"""\
{FIRST_LINE}
The conversation is about to be shortened to your answer plus the last messages. Write what is
needed to go on: the goal, decisions, what is done (as done), the state of files and commands, what
is open. No tool calls."""


def tokens(context: Context) -> int:
    """An estimate of the next request: the last one as counted by the model, and what is new."""
    conversation = context.conversation
    known, seen = conversation.context_tokens, conversation.context_messages
    if not known:
        known, seen = (len(context.system) + len(context.tools)) // CHARS_PER_TOKEN, 0
    new = conversation.messages[seen:]
    return known + sum(_chars(message) for message in new) // CHARS_PER_TOKEN


def _chars(message: Message) -> int:
    return len(message.text) + sum(len(call.arguments) + 40 for call in message.tool_calls)


def needed(context: Context) -> bool:
    return tokens(context) > context.window * context.compaction.threshold and possible(context)


def overflows(context: Context) -> bool:
    """A checkpoint's message and answer would not fit behind the conversation any more."""
    return tokens(context) + CHECKPOINT_TOKENS > context.window and possible(context)


def possible(context: Context) -> bool:
    """There is something old enough to be shortened."""
    return _kept(context) < len(context.conversation.messages)


async def shorten(context: Context, inbox: Inbox, record: Emit, reason: str) -> None:
    """Old output first; if that is not enough, everything old becomes one summary."""
    outputs = _old_outputs(context)
    if outputs:
        await record(ConversationCompacted(reason=reason, outputs=outputs))
        if not needed(context):
            return
    kept = _kept(context)
    old = context.conversation.messages[: len(context.conversation.messages) - kept]
    words = await _summary(context, inbox, record)
    summary = _compose(context.conversation, words, old)
    await record(ConversationCompacted(reason=reason, summary=summary, kept=kept))


def _kept(context: Context) -> int:
    """How many messages at the end stay: at most the protected ones, never half of a call, and
    not so many that they alone fill the window."""
    messages = context.conversation.messages
    room = context.window * context.compaction.threshold * CHARS_PER_TOKEN / 2
    kept = size = 0
    for number, message in enumerate(reversed(messages), start=1):
        size += _chars(message)
        if number > context.compaction.protect_last_n or size > room:
            break
        if message.role != "tool":
            kept = number
    return kept


def _old_outputs(context: Context) -> dict[str, str]:
    messages = context.conversation.messages
    old = messages[: len(messages) - _kept(context)]
    return {
        message.call_id: context.store(message.text)
        for message in old
        if message.role == "tool" and len(message.text) > OUTPUT_CHARS
    }


async def _summary(context: Context, inbox: Inbox, record: Emit) -> str:
    """The model's summary; if it fails, what the code can list by itself."""
    request = context.request("compaction", [Message("user", _INSTRUCTIONS)])
    await record(ModelAsked(purpose="compaction", messages=len(request.messages)))
    try:
        context.meter.check()
        reply = await attend(inbox, context.provider.reply(request, _silently))
    except (ProviderError, BudgetError):
        return ""
    context.meter.add(reply.usage)
    await record(
        ModelReplied(
            text=reply.text,
            reasoning=reply.reasoning,
            usage=reply.usage,
            model=reply.model,
            finish=reply.finish,
            purpose="compaction",
        )
    )
    return reply.text.strip()


async def _silently(delta: Delta) -> None:
    """A summary is not part of the talk."""


def _compose(conversation: Conversation, words: str, old: Sequence[Message]) -> str:
    """What stands for the old messages. The user's words and the calls are kept by code, whatever
    the model made of them."""
    parts = ["[summary of the conversation so far]"]
    if words:
        parts.append(words)
    else:
        parts.append("What was done:\n" + _done(old))
    parts.append("The user's own words, oldest first:\n" + _orders(conversation.said))
    return "\n\n".join(parts)


def _done(old: Sequence[Message]) -> str:
    lines = [f"- {call.name} {brief(call.arguments)}" for m in old for call in m.tool_calls]
    return "\n".join(lines[-60:]) or "- nothing yet"


def _orders(said: Sequence[str]) -> str:
    lines: list[str] = []
    room = ORDERS_CHARS
    for text in reversed(said):
        line = f"- {text}"
        if len(line) > room:
            lines.append(line[:room] + "…" if room > 200 else "- …")
            break
        room -= len(line)
        lines.append(line)
    return "\n".join(reversed(lines))
