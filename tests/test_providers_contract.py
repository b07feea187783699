"""What every provider keeps to, whichever model is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from agent.messages import Message, ToolCall, Usage
from agent.providers.base import Delta, Provider, Reply, Request
from agent.providers.offline.provider import Offline
from agent.providers.openai_chat import OpenAIChat
from agent.providers.scripted import Scripted
from tests.model_server import ModelServer, calls

pytestmark = pytest.mark.anyio

TOOLS = (
    b'[{"type":"function","function":{"name":"shell","description":"Run a command.","parameters":'
    b'{"type":"object","properties":{"command":{"type":"string"}},"required":["command"]}}}]'
)
GREETING = Message("user", "hello")
TASK = Message("user", "Run `echo hello`.")


@contextmanager
def openai_chat() -> Iterator[Provider]:
    """Behind it: a model that runs the command of a task once, and answers in words."""
    task = calls(1, "shell", {"command": "echo hello"})

    def script(number: int, body: dict[str, object]) -> dict[str, object]:
        return task(number, body) if "echo" in str(body["messages"]) else {"content": "Hello."}

    with ModelServer(script) as server:
        yield OpenAIChat("openai_chat", server.url, "key")


@contextmanager
def scripted() -> Iterator[Provider]:
    def line(request: Request) -> Reply:
        usage = Usage(prompt=10, completion=2)
        if request.messages[-1] is not TASK:
            return Reply("Hello.", usage=usage)
        call = ToolCall(f"call_{len(request.messages)}", "shell", '{"command": "echo hello"}')
        return Reply("", tool_calls=(call,), usage=usage, finish="tool_calls")

    yield Scripted(line)


@contextmanager
def offline() -> Iterator[Provider]:
    yield Offline()


PROVIDERS: dict[str, Callable[[], AbstractContextManager[Provider]]] = {
    "openai_chat": openai_chat,
    "scripted": scripted,
    "offline": offline,
}


@pytest.fixture(params=list(PROVIDERS))
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    with PROVIDERS[request.param]() as made:
        yield made
        await made.close()


async def unseen(delta: Delta) -> None:
    """Nobody watches."""


def asking(*messages: Message) -> Request:
    return Request("model", "You are Hermes.", TOOLS, messages)


async def converse(provider: Provider, *messages: Message) -> list[Reply]:
    """Ask until nothing is called any more; each call is answered."""
    said = list(messages)
    replies: list[Reply] = []
    while not replies or (replies[-1].tool_calls and len(replies) < 5):
        reply = await provider.reply(asking(*said), unseen)
        replies.append(reply)
        said.append(Message("assistant", reply.text, reply.tool_calls))
        said += [Message("tool", "hello\n", call_id=call.id) for call in reply.tool_calls]
    return replies


async def test_it_has_a_name(provider: Provider) -> None:
    assert provider.name


async def test_what_is_shown_is_what_is_replied(provider: Provider) -> None:
    shown: list[Delta] = []

    async def show(delta: Delta) -> None:
        shown.append(delta)

    reply = await provider.reply(asking(GREETING), show)
    assert reply.text
    assert "".join(delta.text for delta in shown if not delta.reasoning) == reply.text
    assert not any(delta.retry for delta in shown)
    assert (reply.finish, reply.tool_calls) == ("stop", ())


async def test_usage_is_counted(provider: Provider) -> None:
    usage = (await provider.reply(asking(GREETING), unseen)).usage
    assert usage.prompt > 0
    assert usage.completion > 0
    assert 0 <= usage.cached <= usage.prompt


async def test_a_task_is_called_and_then_answered(provider: Provider) -> None:
    replies = await converse(provider, TASK)
    made = [call for reply in replies for call in reply.tool_calls]
    assert [call.name for call in made] == ["shell"]
    assert made[0].parsed()["command"] == "echo hello"
    assert [reply.finish for reply in replies] == ["tool_calls", "stop"]


async def test_call_ids_are_unique_in_a_session(provider: Provider) -> None:
    first = await converse(provider, TASK)
    said = [Message("assistant", reply.text, reply.tool_calls) for reply in first]
    id = said[0].tool_calls[0].id
    second = await converse(
        provider, TASK, said[0], Message("tool", "hello\n", call_id=id), said[1], TASK
    )
    ids = [call.id for reply in [*first, *second] for call in reply.tool_calls]
    assert all(ids)
    assert len(ids) == len(set(ids)) == 2


async def test_the_same_request_may_be_made_twice_at_once(provider: Provider) -> None:
    replies = await asyncio.gather(
        provider.reply(asking(GREETING), unseen), provider.reply(asking(GREETING), unseen)
    )
    assert replies[0].text == replies[1].text


async def test_a_cancelled_reply_leaves_the_provider_usable(provider: Provider) -> None:
    shown = asyncio.Event()

    async def stuck(delta: Delta) -> None:
        shown.set()
        await asyncio.Event().wait()

    asked = asyncio.create_task(provider.reply(asking(GREETING), stuck))
    async with asyncio.timeout(30):
        await shown.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await provider.reply(asking(GREETING), unseen)).text


async def test_closing_twice_is_closing_once(provider: Provider) -> None:
    await provider.close()
    await provider.close()
