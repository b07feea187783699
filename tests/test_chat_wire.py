"""What the chat-completions provider sends: valid for every server, a byte prefix of the next."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.messages import Message, ToolCall
from agent.providers import chat_wire
from tests.chatting import (
    KEY,
    TOOLS,
    ask,
    request,
)
from tests.model_server import ModelServer

pytestmark = pytest.mark.anyio


async def test_request_holds_system_tools_and_messages(model_server: ModelServer) -> None:
    await ask(model_server, {"content": "hello"})
    sent = model_server.requests[0]
    assert sent.body["messages"] == [
        {"role": "system", "content": "You are Hermes."},
        {"role": "user", "content": "hi"},
    ]
    assert sent.body["tools"] == json.loads(TOOLS)
    assert sent.body["stream_options"] == {"include_usage": True}
    assert sent.headers["authorization"] == f"Bearer {KEY}"


def test_tools_are_sent_byte_for_byte_and_left_out_when_there_are_none() -> None:
    odd = b'[ {"type" : "function", "function":{"name":"\xc3\xa9"}} ]'
    assert odd in chat_wire.body(request(tools=odd))
    assert b"tools" not in chat_wire.body(request(tools=b"[]"))


def test_a_longer_conversation_begins_with_the_bytes_of_the_shorter() -> None:
    messages = [
        Message("user", "do it — “now”\n\u2028\x00"),
        Message("assistant", "", (ToolCall("a", "shell", '{"command": "ls"}'),)),
        Message("tool", "x\ty", call_id="a"),
        Message("assistant", "done"),
        Message("user", "more"),
    ]
    for count in range(1, len(messages)):
        shorter = chat_wire.body(request(*messages[:count]))
        longer = chat_wire.body(request(*messages[: count + 1]))
        assert longer.startswith(shorter.removesuffix(b"]}") + b",")


def test_each_message_is_encoded_once() -> None:
    message = Message("user", "hi")
    first = chat_wire.body(request(message))
    message.wire["chat"] = b'"kept"'
    assert chat_wire.body(request(message)) == first.replace(
        b'{"role":"user","content":"hi"}', b'"kept"'
    )


def wire_of(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = json.loads(chat_wire.body(request(message)))["messages"][-1]
    return wire


@pytest.mark.parametrize("written", ['{"a":  1}', '{"b": "\\u00e9", "a": [1.50]}', "{}"])
def test_arguments_that_are_an_object_go_back_as_written(written: str) -> None:
    wire = wire_of(Message("assistant", "", (ToolCall("a", "shell", written),)))
    assert wire["tool_calls"][0]["function"]["arguments"] == written
    assert wire["content"] is None


@pytest.mark.parametrize("written", ["", " ", "[1]", '{"a": ', "ls -l", '"{}"', "{'a': 1}", "null"])
def test_other_arguments_go_back_inside_an_object(written: str) -> None:
    wire = wire_of(Message("assistant", "", (ToolCall("a", "shell", written),)))
    sent = json.loads(wire["tool_calls"][0]["function"]["arguments"])
    assert sent == ({"unreadable": written} if written.strip() else {})


def test_reasoning_is_never_sent_back() -> None:
    message = Message("assistant", "done", reasoning="my secret thought")
    assert wire_of(message) == {"role": "assistant", "content": "done"}


def test_an_empty_reply_is_sent_as_words_since_servers_refuse_empty_ones() -> None:
    assert wire_of(Message("assistant", "  "))["content"].strip()


def test_a_tool_name_the_model_made_up_is_sent_in_accepted_characters() -> None:
    wire = wire_of(Message("assistant", "", (ToolCall("a", "run shell!", "{}"),)))
    assert wire["tool_calls"][0]["function"]["name"] == "run_shell_"


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_any_text_becomes_valid_json(text: str, written: str) -> None:
    call = ToolCall("a", text, written)
    messages = [Message("user", text), Message("assistant", text, (call,)), Message("tool", text)]
    body = json.loads(chat_wire.body(request(*messages)))
    assert len(body["messages"]) == 4
    assert isinstance(
        json.loads(body["messages"][2]["tool_calls"][0]["function"]["arguments"]), dict
    )
