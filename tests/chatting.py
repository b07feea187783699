"""What the tests of the chat-completions provider share: asking, and odd streams to answer with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.messages import Message
from agent.providers.base import Delta, Reply, Request
from agent.providers.openai_chat import OpenAIChat
from hermes_home.errors import ProviderError
from tests.model_answers import Answer, event
from tests.model_server import ModelServer

KEY = "sk-very-secret-key"
TOOLS = b'[{"type":"function","function":{"name":"shell","parameters":{"type":"object"}}}]'


@dataclass
class Screen:
    """What was shown, and how long the provider wanted to wait."""

    deltas: list[Delta] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def show(self, delta: Delta) -> None:
        self.deltas.append(delta)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def text(self, *, reasoning: bool = False) -> str:
        return "".join(d.text for d in self.deltas if d.reasoning == reasoning)

    def retries(self) -> list[str]:
        return [delta.retry for delta in self.deltas if delta.retry]


def request(*messages: Message, tools: bytes = TOOLS) -> Request:
    return Request("test-model", "You are Hermes.", tools, messages or (Message("user", "hi"),))


@asynccontextmanager
async def provider(server: ModelServer, screen: Screen, **more: Any) -> AsyncIterator[OpenAIChat]:
    made = OpenAIChat("test", server.url, KEY, sleep=screen.sleep, **more)
    try:
        yield made
    finally:
        await made.close()


async def ask(server: ModelServer, *answers: Answer, screen: Screen | None = None) -> Reply:
    """The reply to one request which the server answers like this."""
    screen = screen or Screen()
    server.script = list(answers)
    async with provider(server, screen) as chat:
        return await chat.reply(request(), screen.show)


async def refused(
    server: ModelServer, *answers: Answer, screen: Screen | None = None
) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(server, *answers, screen=screen)
    assert KEY not in str(caught.value)
    return caught.value


def delta(finish: str | None = None, **delta: Any) -> str:
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def piece(arguments: Any = None, **fields: Any) -> dict[str, Any]:
    """A piece of a tool call; name goes into its function."""
    function = {"name": fields.pop("name")} if "name" in fields else {}
    function |= {"arguments": arguments} if arguments is not None else {}
    return {**fields, "function": function}


def streamed(*chunks: str) -> Answer:
    """These events, one byte at a time."""
    data = "".join(chunks).encode()
    return {"raw_chunks": [data[at : at + 1] for at in range(len(data))]}


def ended(*chunks: str, finish: str = "stop") -> Answer:
    return streamed(*chunks, delta(finish), "data: [DONE]\n\n")
