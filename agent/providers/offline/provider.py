"""The built-in model as a provider. It keeps nothing: each reply follows from the messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from agent.messages import Message, ToolCall, Usage
from agent.providers.base import Delta, Reply, Request, Show
from agent.providers.offline.decide import Answer, decide
from agent.providers.offline.transcript import dumped

MODEL = "offline"
PIECE_CHARS = 48
CHARS_PER_TOKEN = 4


class Offline:
    """Follows explicit steps, goals with a check, and skills; says so when asked for more."""

    name = "offline"

    async def reply(self, request: Request, show: Show) -> Reply:
        answer = decide(request)
        for piece in _pieces(answer.text):
            await show(Delta(text=piece))
        calls = _calls(request.messages, answer)
        usage = _usage(request, answer.text, calls)
        finish = "tool_calls" if calls else "stop"
        return Reply(answer.text, "", calls, usage, MODEL, finish)

    async def close(self) -> None:
        """Nothing is open."""


def _pieces(text: str) -> Iterator[str]:
    """The text in a few pieces that end after a space."""
    position = 0
    while position < len(text):
        end = text.find(" ", position + PIECE_CHARS) + 1 or len(text)
        yield text[position:end]
        position = end


def _calls(messages: Sequence[Message], answer: Answer) -> tuple[ToolCall, ...]:
    """The calls with ids that are the same for the same conversation and differ within it."""
    if not answer.actions:
        return ()
    digest = sha256()
    for message in messages:
        digest.update(
            f"{message.role}\0{message.call_id}\0{message.text}\0".encode("utf-8", "replace")
        )
    prefix = digest.hexdigest()[:12]
    return tuple(
        ToolCall(f"call_{prefix}_{number}", action.tool, dumped(action.arguments))
        for number, action in enumerate(answer.actions, start=1)
    )


def _usage(request: Request, text: str, calls: Sequence[ToolCall]) -> Usage:
    """Estimated: about four characters make a token."""
    sent = len(request.system) + len(request.tools)
    for message in request.messages:
        sent += len(message.text) + sum(len(call.arguments) for call in message.tool_calls)
    made = len(text) + sum(len(call.name) + len(call.arguments) for call in calls)
    return Usage(sent // CHARS_PER_TOKEN, made // CHARS_PER_TOKEN + 1, estimated=True)
