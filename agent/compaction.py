"""Making a long conversation shorter: old tool output by reference, then one summary.

Each is a logged break of the prefix. Nothing is lost: the journal keeps every event.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence

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
SUMMARY_LINE = "[summary of the conversation so far]"
SECONDS = 120.0
OUTPUT_CHARS = 1000
"""Tool output longer than this is shown by reference once it is old."""
ORDERS_CHARS = 8000
"""The most of the user's own words that a summary repeats verbatim; the newest win."""
RELIEF = 0.75
"""What is shortened gets shorter by at least a quarter, or it would soon be shortened again."""
CALLS = 60
"""Calls that a summary lists if the model wrote none."""
CHARS_PER_TOKEN = 4
CHECKPOINT_TOKENS = 3000
"""Room a checkpoint needs for its message and what it writes."""
SUMMARY_TOKENS = 2000
"""The most room that is left to the model for writing a summary."""

_INSTRUCTIONS = f"""\
{FIRST_LINE}
The conversation is about to be shortened to your answer plus the last messages. Write what is
needed to go on: the goal, decisions and corrections, what is done (as done), what failed and why,
the state of files and commands, what is open and the next step. Keep paths, commands and numbers
exact. The user's own words are kept beside it. At most 400 words, no tool calls."""


def tokens(context: Context) -> int:
    """An estimate of the next request: the last one as counted by the model, and what is new.
    Servers that count nothing, or leave out what they had cached, are not believed."""
    conversation = context.conversation
    sizes = [message.size for message in conversation.messages]
    known, seen = conversation.context_tokens, conversation.context_messages
    counted = known + sum(sizes[seen:]) // CHARS_PER_TOKEN
    guessed = (_fixed(context) + sum(sizes)) // CHARS_PER_TOKEN
    return counted if known and counted > guessed // 2 else guessed


def _fixed(context: Context) -> int:
    """Characters that every request of the session begins with."""
    return len(context.system) + len(context.tools)


def _room(context: Context) -> int:
    """Characters for all messages together, below the threshold."""
    room = context.window * context.compaction.threshold * CHARS_PER_TOKEN - _fixed(context)
    return max(0, int(room))


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
        if tokens(context) < context.window * context.compaction.threshold * RELIEF:
            return
    kept = _kept(context)
    words = await _summary(context, inbox, record)
    summary = _compose(context, words, kept)
    await record(ConversationCompacted(reason=reason, summary=summary, kept=kept))


def _kept(context: Context) -> int:
    """How many messages at the end stay: at most the protected ones, never half of a call, and
    not so many that they fill more than three eighths of the room. What the model has not read
    yet stays in any case, unless it fills the room by itself."""
    messages = context.conversation.messages
    room = _room(context) * 3 // 8
    kept = size = 0
    for number, message in enumerate(reversed(messages), start=1):
        size += message.size
        if number > context.compaction.protect_last_n or size > room:
            break
        if message.role != "tool":
            kept = number
    unread = _unread(messages)
    fits = sum(message.size for message in messages[len(messages) - unread :]) <= room * 2
    return max(kept, unread) if fits else kept


def _unread(messages: Sequence[Message]) -> int:
    """How many messages at the end the model has not answered: its last calls and all since."""
    for number, message in enumerate(reversed(messages), start=1):
        if message.role == "assistant":
            return number
    return len(messages)


def _old_outputs(context: Context) -> dict[str, str]:
    """Calls with long output that is old, each with the file that holds the whole of it."""
    conversation = context.conversation
    old = conversation.messages[: len(conversation.messages) - _kept(context)]
    return {
        message.call_id: conversation.calls[message.call_id].file or context.store(message.text)
        for message in old
        if message.role == "tool" and len(message.text) > OUTPUT_CHARS
    }


async def _summary(context: Context, inbox: Inbox, record: Emit) -> str:
    """The model's summary; empty if it fails, takes too long or could not read it all."""
    answer = min(SUMMARY_TOKENS, context.window // 8)
    if tokens(context) + answer > context.window:
        return ""
    request = context.request("compaction", [Message("user", _INSTRUCTIONS)])
    await record(ModelAsked(purpose="compaction", messages=len(request.messages)))
    try:
        context.meter.check()
        async with asyncio.timeout(SECONDS):
            reply = await attend(inbox, context.provider.reply(request, _silently))
    except (ProviderError, BudgetError, TimeoutError):
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


# -- the message that stands for the old ones ---------------------------------------------------


_ORDERS = "The user's own words, oldest first:\n"


def _compose(context: Context, words: str, kept: int) -> str:
    """Whatever the model made of it, the user's words are kept by code, and so is what rode with
    the first message. Takes at most half of the room."""
    conversation, share = context.conversation, _room(context) // 8
    old = conversation.messages[: len(conversation.messages) - kept]
    frame = _frame(old[0].text)
    parts = [
        SUMMARY_LINE,
        _cut(words, share) or _without_words(old, share),
        _ORDERS + _orders(conversation.said, share),
        _cut(_skills(conversation), share),
        frame if len(frame) <= share else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _without_words(old: Sequence[Message], share: int) -> str:
    """What the code can tell by itself: the summary before this one, and the last calls."""
    before = old[0].text
    told = ""
    if before.startswith(SUMMARY_LINE):
        told = before.removeprefix(SUMMARY_LINE).partition(_ORDERS)[0].strip()
    lines = [f"- {call.name} {brief(call.arguments)}" for m in old for call in m.tool_calls]
    done = "\n".join(lines[-CALLS:]) or "- nothing yet"
    return f"{_cut(told, share // 2)}\n\nWhat was done last:\n{done[-share // 2 :]}".strip()


def _skills(conversation: Conversation) -> str:
    """The skills that were loaded: their text is gone, their names are not."""
    run = conversation.run
    named = [*(run.started.options.skills if run else ()), *_viewed(conversation)]
    names = ", ".join(dict.fromkeys(named))
    return f"Skills that were loaded; skill_view loads them again: {names}" if names else ""


def _viewed(conversation: Conversation) -> Iterator[str]:
    for call in conversation.calls.values():
        if call.name == "skill_view" and call.status == "ok":
            yield str(json.loads(call.arguments).get("name", ""))


def _orders(said: Sequence[str], share: int) -> str:
    """The user's words; if they are too many, the newest of them."""
    lines: list[str] = []
    room = min(ORDERS_CHARS, share)
    for text in reversed(said):
        line = _cut(f"- {text}", room)
        room -= len(line) + 1
        lines.append(line)
        if room < 100:
            break
    if len(lines) < len(said):
        lines.append("- …")
    return "\n".join(reversed(lines))


def _frame(first: str) -> str:
    """The block with date, workspace and notes at the end of the first message."""
    at = first.rfind("<context>\n")
    return first[at:] if at >= 0 and first.endswith("</context>") else ""


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"
