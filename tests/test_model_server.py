"""The tests' model server: its script, its checkpoints, and its prefix meter can find a fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.messages import Message, ToolCall
from agent.providers.base import Delta, Reply, Request
from agent.providers.openai_chat import OpenAIChat
from tests.model_server import CHECKPOINT, ModelServer, calls

pytestmark = pytest.mark.anyio

MARK = Message("user", f"{CHECKPOINT}\nStop and evaluate.")


async def unseen(delta: Delta) -> None:
    """Nobody watches."""


async def ask(server: ModelServer, *messages: Message, system: str = "s") -> Reply:
    chat = OpenAIChat("test", server.url)
    reply = await chat.reply(Request("m", system, b"[]", messages), unseen)
    await chat.close()
    return reply


def exchange(call_id: str) -> tuple[Message, Message]:
    call = ToolCall(call_id, "shell", "{}")
    return Message("assistant", "", (call,)), Message("tool", "ok", call_id=call_id)


async def test_calls_stand_where_the_request_says() -> None:
    with ModelServer(calls(3, "shell", lambda i: {"n": i}, parallel=2)) as server:
        messages = [Message("user", "go")]
        seen: list[Any] = []
        for _ in range(2):
            reply = await ask(server, *messages)
            again = await ask(server, *messages)
            assert [c.arguments for c in reply.tool_calls] == [
                c.arguments for c in again.tool_calls
            ]
            seen.append([json.loads(call.arguments)["n"] for call in reply.tool_calls])
            messages.append(Message("assistant", "", reply.tool_calls))
            messages += [Message("tool", "ok", call_id=call.id) for call in reply.tool_calls]
        assert seen == [[0, 1], [2]]
        assert (await ask(server, *messages)).text == "done"
        messages += [Message("assistant", "done"), Message("user", "once more")]
        assert len((await ask(server, *messages)).tool_calls) == 2


async def test_checkpoints_are_evaluated_and_counted_apart() -> None:
    go = Message("user", "go")
    with ModelServer([{"content": "one"}, {"content": "two"}]) as server:
        await ask(server, go)
        reply = await ask(server, go, *exchange("a"), MARK)
        assert [call.name for call in reply.tool_calls] == ["evaluate"]
        assert reply.tool_calls[0].parsed()["outcome"] == "success"
        after = (Message("assistant", "", reply.tool_calls), Message("tool", "ok"))
        assert (await ask(server, go, *exchange("a"), MARK, *after)).tool_calls == ()
        assert (await ask(server, go, *exchange("a"))).text == "two"
        assert server.checkpoints == 1
        assert [one.kind for one in server.requests] == ["run", "checkpoint", "checkpoint", "run"]
        assert server.prefix_breaks() == []
        assert server.checkpoint_prefix_ok()


async def test_checkpoints_can_be_scripted() -> None:
    look = {"tool_calls": [{"name": "skill_view", "arguments": {"name": "x"}}]}
    with ModelServer(checkpoint=[look]) as server:
        first = await ask(server, Message("user", "go"), MARK)
        second = await ask(server, Message("user", "go"), MARK)
    assert [first.tool_calls[0].name, second.tool_calls[0].name] == ["skill_view", "evaluate"]


async def test_prefix_meter_finds_a_changed_system_text_and_a_changed_message() -> None:
    go = Message("user", "go")
    with ModelServer() as server:
        await ask(server, go)
        await ask(server, go, *exchange("a"))
        await ask(server, go, *exchange("b"))
        await ask(server, go, *exchange("b"), *exchange("c"), system="t")
        await ask(server, go, *exchange("b"), *exchange("c"), Message("user", "x"), system="t")
        assert server.prefix_breaks() == [2, 3]


async def test_prefix_meter_tells_sessions_apart_and_allows_a_repeated_request() -> None:
    with ModelServer() as server:
        for text in ("one", "two", "one"):
            await ask(server, Message("user", text))
        await ask(server, Message("user", "two"), *exchange("a"))
        assert server.prefix_breaks() == []


@pytest.mark.parametrize("fault", ["before", "after", "none at all"])
async def test_prefix_meter_finds_a_checkpoint_that_does_not_fit(fault: str) -> None:
    go, first, other = Message("user", "go"), exchange("a"), exchange("b")
    with ModelServer() as server:
        await ask(server, go, *(other if fault == "before" else first))
        if fault != "none at all":
            await ask(server, go, *first, MARK)
        await ask(server, go, *(other if fault == "after" else first), *exchange("c"))
        assert not server.checkpoint_prefix_ok()
