"""Replies of chat-completions servers, with the odd ways in which these stream them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events import ModelReplied, decode, encode
from agent.messages import Message, ToolCall
from agent.providers import chat_wire
from agent.providers.base import Delta, Reply
from agent.providers.chat_reply import ReplyPieces
from tests.chatting import (
    Screen,
    ask,
    delta,
    ended,
    piece,
    provider,
    request,
)
from tests.model_server import ModelServer

pytestmark = pytest.mark.anyio


async def test_text_is_shown_while_it_streams(model_server: ModelServer) -> None:
    screen = Screen()
    reply = await ask(model_server, {"content": "hello world"}, screen=screen)
    assert reply.text == screen.text() == "hello world"
    assert len(screen.deltas) == 2
    assert reply.finish == "stop"
    assert reply.model == "scripted"


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
async def test_reasoning_of_its_own_field_is_kept_apart(
    model_server: ModelServer, key: str
) -> None:
    screen = Screen()
    answer = ended(delta(**{key: "let me "}), delta(**{key: "see"}), delta(content="hello"))
    reply = await ask(model_server, answer, screen=screen)
    assert (reply.text, reply.reasoning) == ("hello", "let me see")
    assert screen.text(reasoning=True) == "let me see"


async def test_reasoning_given_as_content_parts_is_kept_apart(model_server: ModelServer) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thought, {"type": "text", "text": "yes"}]
    reply = await ask(model_server, ended(delta(content=parts)))
    assert (reply.text, reply.reasoning) == ("yes", "hm")


def taken(*texts: str) -> tuple[Reply, list[Delta]]:
    """What becomes of a reply whose text comes in these pieces."""
    pieces = ReplyPieces()
    shown = [d for text in texts for d in pieces.feed({"choices": [{"delta": {"content": text}}]})]
    shown += pieces.close()
    return pieces.reply(request(), b""), shown


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>a < b</think>\n\nyes", "a < b", "yes"),
        ("\n <think>\nhm\n</think>yes", "hm", "yes"),
        ("<thinking>hm</thinking>yes", "hm", "yes"),
        ("<think></think>\n<think>hm</think>yes", "hm", "yes"),
        ("<think>never closed", "never closed", ""),
        ("<think>a</thi", "a</thi", ""),
        ("  plain", "", "  plain"),
        ("<thin", "", "<thin"),
        ("<b>bold</b>", "", "<b>bold</b>"),
        ("say <think>x</think>", "", "say <think>x</think>"),
    ],
)
def test_inline_reasoning_is_kept_apart_in_any_pieces(
    text: str, reasoning: str, answer: str
) -> None:
    for pieces in ([text], list(text)):
        reply, shown = taken(*pieces)
        assert (reply.reasoning, reply.text) == (reasoning, answer)
        assert "".join(d.text for d in shown if not d.reasoning) == answer


def test_reasoning_whose_opening_tag_was_in_the_prompt_is_kept_apart() -> None:
    reply, _ = taken("I think so.\n</think>\n\nyes")
    assert (reply.reasoning, reply.text) == ("I think so.", "yes")


@pytest.mark.parametrize("text", ["the tag </think> ends it", "```\n</think>\n```\nlike this"])
def test_an_answer_about_the_tag_stays_whole(text: str) -> None:
    reply, _ = taken(text)
    assert (reply.reasoning, reply.text) == ("", text)


async def test_halves_of_a_surrogate_pair_are_joined(model_server: ModelServer) -> None:
    halves = [delta(content="\ud83d"), delta(content="\ude00")]
    reply = await ask(model_server, ended(*halves))
    assert reply.text == "\U0001f600"


# -- tool calls -----------------------------------------------------------------------------------


async def called(server: ModelServer, *pieces: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    reply = await ask(
        server, ended(*(delta(tool_calls=list(one)) for one in pieces), finish="tool_calls")
    )
    assert reply.finish == "tool_calls"
    return [(call.id, call.name, call.arguments) for call in reply.tool_calls]


async def test_parallel_calls_are_put_together_by_index(model_server: ModelServer) -> None:
    assert await called(
        model_server,
        [piece("", index=0, id="a", name="shell"), piece("", index=1, id="b", name="todo")],
        [piece('{"x"', index=0), piece('{"y"', index=1)],
        [piece(":2}", index=1), piece(":1}", index=0)],
    ) == [("a", "shell", '{"x":1}'), ("b", "todo", '{"y":2}')]


async def test_an_id_may_come_late(model_server: ModelServer) -> None:
    assert await called(
        model_server, [piece('{"x"', index=0, name="shell")], [piece(":1}", index=0, id="late")]
    ) == [("late", "shell", '{"x":1}')]


async def test_index_may_start_again_for_each_call(model_server: ModelServer) -> None:
    assert await called(
        model_server,
        [piece('{"x":', index=0, id="a", name="shell")],
        [piece("1}", index=0)],
        [piece("{}", index=0, id="b", name="shell")],
    ) == [("a", "shell", '{"x":1}'), ("b", "shell", "{}")]


async def test_index_and_id_may_be_missing(model_server: ModelServer) -> None:
    calls = await called(
        model_server, [piece('{"x":1}', name="shell")], [piece('{"x":2}', id="", name="shell")]
    )
    assert [call[1:] for call in calls] == [("shell", '{"x":1}'), ("shell", '{"x":2}')]


async def test_whole_calls_with_one_index_and_no_id_are_two(model_server: ModelServer) -> None:
    calls = await called(
        model_server,
        [piece('{"x":1}', index=0, name="shell")],
        [piece('{"x":2}', index=0, name="shell")],
    )
    assert [call[2] for call in calls] == ['{"x":1}', '{"x":2}']


async def test_each_piece_may_repeat_name_and_id(model_server: ModelServer) -> None:
    assert await called(
        model_server,
        [piece('{"x"', index=0, id="a", name="shell")],
        [piece(":1}", index=0, id="a", name="shell")],
        [piece('{"x":1}', index=0, id="a", name="shell")],
    ) == [("a", "shell", '{"x":1}')]


async def test_each_piece_may_bring_another_id_when_the_name_came_once(
    model_server: ModelServer,
) -> None:
    assert await called(
        model_server,
        [piece('{"x"', index=0, id="a", name="shell")],
        [piece(":1}", index=0, id="other")],
    ) == [("a", "shell", '{"x":1}')]


async def test_arguments_may_be_an_object_or_null(model_server: ModelServer) -> None:
    calls = await called(
        model_server,
        [piece({"x": 1}, index=0, id="a", name="shell")],
        [{"index": 1, "id": "b", "function": {"name": "todo", "arguments": None}}],
    )
    assert calls == [("a", "shell", '{"x":1}'), ("b", "todo", "")]


async def test_empty_and_repeated_ids_become_unique_and_stay_the_same(
    model_server: ModelServer,
) -> None:
    made = [piece("{}", index=i, id=id, name="shell") for i, id in enumerate(["", "a", "a", ""])]
    answer = ended(delta(tool_calls=made))
    first = await ask(model_server, answer)
    second = await ask(model_server, answer, answer)
    ids = [call.id for call in first.tool_calls]
    assert len(set(ids)) == 4
    assert all(ids)
    assert ids[1] == "a"
    assert first.tool_calls == second.tool_calls


async def test_an_id_used_earlier_in_the_session_is_replaced(model_server: ModelServer) -> None:
    earlier = Message("assistant", "", (ToolCall("call_0", "shell", "{}"),))
    answer = Message("tool", "ok", call_id="call_0")
    again = {"id": "call_0", "name": "shell", "arguments": {}}
    model_server.script = [{"tool_calls": [again]}]
    screen = Screen()
    async with provider(model_server, screen) as chat:
        reply = await chat.reply(request(Message("user", "hi"), earlier, answer), screen.show)
    assert reply.tool_calls[0].id not in ("", "call_0")


async def test_calls_with_finish_stop_count_as_tool_calls(model_server: ModelServer) -> None:
    call = {"name": "shell", "arguments": {}}
    reply = await ask(model_server, {"tool_calls": [call], "finish": "stop"})
    assert reply.finish == "tool_calls"


async def test_a_call_cut_by_the_length_limit_is_left_out(model_server: ModelServer) -> None:
    whole = {"id": "a", "name": "shell", "arguments": '{"x":1}'}
    cut = {"id": "b", "name": "shell", "arguments": '{"command":"rm -rf /tmp/x'}
    reply = await ask(model_server, {"tool_calls": [whole, cut], "finish": "length"})
    assert [call.id for call in reply.tool_calls] == ["a"]
    assert reply.finish == "length"


_words = st.sampled_from(
    ["", "a", "<think>", "</think>", "{}", '{"x":', "stop", "length", "\ud83d"]
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | _words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries({}, optional={"function": inner, "name": inner, "arguments": inner})
        | st.fixed_dictionaries({}, optional={"index": inner, "id": inner, "text": inner})
        | st.fixed_dictionaries({}, optional={"type": st.just("thinking"), "thinking": inner})
    ),
    max_leaves=6,
)
_deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": _values,
        "reasoning": _values,
        "tool_calls": st.lists(_values, max_size=3) | _values,
    },
)
_choices = st.fixed_dictionaries(
    {}, optional={"delta": _deltas | _values, "finish_reason": _values}
)
_chunks = st.fixed_dictionaries(
    {}, optional={"choices": st.lists(_choices, max_size=2) | _values, "usage": _values}
)


@given(st.lists(_chunks, max_size=6))
def test_no_chunk_is_odd_enough_to_break_a_reply(chunks: list[dict[str, Any]]) -> None:
    pieces = ReplyPieces()
    for chunk in chunks:
        pieces.feed(chunk)
    pieces.close()
    reply = pieces.reply(request(), b"sent")
    assert len({call.id for call in reply.tool_calls}) == len(reply.tool_calls)
    assert chat_wire.body(request(Message("assistant", reply.text, reply.tool_calls)))
    stored = ModelReplied(
        text=reply.text, reasoning=reply.reasoning, tool_calls=reply.tool_calls, usage=reply.usage
    )
    assert decode(encode(stored)) == stored
