"""What a provider is: an adapter from our messages to one model API and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.events import Purpose
from agent.messages import Message, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class Request:
    """One model request.

    tools: the JSON array of function schemas, sent byte for byte. messages: without the system
    message. A later request of the same session starts with the same system, tools and messages.
    seed: 0 = none is asked for.
    """

    model: str
    system: str
    tools: bytes
    messages: Sequence[Message]
    purpose: Purpose = "run"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole model reply. `finish`: stop, tool_calls, length or filter."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a reply while it streams, or (`retry`) word that the pieces so far are void."""

    text: str = ""
    reasoning: bool = False
    retry: str = ""
    wait: float = 0.0


Show = Callable[[Delta], Awaitable[None]]


class Provider(Protocol):
    """An adapter to one model API.

    `reply` streams to `show`, retries what is worth retrying, and raises ProviderError. It is
    cancelled to stop it, and leaves nothing behind when it is.
    """

    name: str

    async def reply(self, request: Request, show: Show) -> Reply: ...

    async def close(self) -> None: ...
