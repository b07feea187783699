"""The chat-completions provider on a real connection: how answers end, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from agent.messages import ToolCall
from agent.providers.openai_chat import OpenAIChat
from hermes_home.errors import ProviderError
from tests.chatting import (
    KEY,
    Screen,
    ask,
    delta,
    ended,
    provider,
    refused,
    request,
    streamed,
)
from tests.model_answers import Answer, event
from tests.model_server import ModelServer

pytestmark = pytest.mark.anyio


async def test_a_server_may_answer_without_streaming(model_server: ModelServer) -> None:
    screen = Screen()
    call = {"id": "a", "name": "shell", "arguments": {"x": 1}}
    answer = {"stream": False, "content": "so", "reasoning": "hm", "tool_calls": [call]}
    reply = await ask(model_server, answer, screen=screen)
    assert (reply.text, reply.reasoning, screen.text()) == ("so", "hm", "so")
    assert reply.tool_calls == (ToolCall("a", "shell", '{"x": 1}'),)


async def test_done_may_be_missing(model_server: ModelServer) -> None:
    reply = await ask(model_server, streamed(delta(content="hi"), delta("stop")))
    assert reply.text == "hi"


async def test_the_last_event_may_lack_its_empty_line(model_server: ModelServer) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1}
    last = event({"choices": [], "usage": usage}).rstrip("\n")
    reply = await ask(model_server, streamed(delta("stop", content="hi"), last))
    assert reply.usage.prompt == 9


async def test_a_break_after_the_reply_is_whole_loses_only_the_counts(
    model_server: ModelServer,
) -> None:
    answer = {"raw_chunks": [delta("stop", content="hi"), 'data: {"usa'], "close_after": 2}
    screen = Screen()
    reply = await ask(model_server, answer, screen=screen)
    assert reply.text == "hi"
    assert reply.usage.estimated
    assert not screen.retries()


async def test_comments_and_chunks_without_choices_are_passed_over(
    model_server: ModelServer,
) -> None:
    odd = [": PROCESSING\n\n", event({}), event({"choices": []}), event({"choices": [None]})]
    reply = await ask(model_server, ended(*odd, delta(content="hi"), delta(tool_calls="x")))
    assert (reply.text, reply.tool_calls) == ("hi", ())


@pytest.mark.parametrize(
    "usage",
    [
        {
            "prompt_tokens": 90,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 64},
        },
        {"prompt_tokens": 90, "completion_tokens": 5, "prompt_cache_hit_tokens": 64},
        {"prompt_tokens": 90, "completion_tokens": 5, "cached_tokens": 64},
    ],
)
async def test_usage_with_cached_tokens(model_server: ModelServer, usage: dict[str, Any]) -> None:
    found = (await ask(model_server, {"content": "hi", "usage": usage})).usage
    assert (found.prompt, found.completion, found.cached) == (90, 5, 64)
    assert not found.estimated


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": "many"}])
async def test_missing_usage_is_estimated(model_server: ModelServer, usage: Any) -> None:
    reply = await ask(model_server, {"content": "x" * 40, "usage": usage})
    assert reply.usage.estimated
    assert reply.usage.completion == 10
    assert reply.usage.prompt == len(model_server.requests[0].raw) // 4


async def test_one_connection_serves_many_requests(model_server: ModelServer) -> None:
    model_server.script = [{"content": "hi"}] * 5
    screen = Screen()
    async with provider(model_server, screen) as chat:
        for _ in range(5):
            await chat.reply(request(), screen.show)
    assert model_server.connections == 1


# -- refusals -------------------------------------------------------------------------------------


def problem(message: str, **more: Any) -> dict[str, Any]:
    return {"message": message, **more}


@pytest.mark.parametrize(
    ("status", "error", "kind", "retryable"),
    [
        (401, problem("Incorrect API key"), "auth", False),
        (403, problem("not allowed"), "auth", False),
        (400, problem("API key not valid. Please pass a valid API key."), "auth", False),
        (402, problem("Payment Required"), "quota", False),
        (429, problem("Slow down", code="rate_limit_exceeded"), "rate", True),
        (429, problem("You exceeded your quota", code="insufficient_quota"), "quota", False),
        (429, problem("Request too large for x on tokens per min"), "too_long", False),
        (429, problem("Too many tokens, please wait"), "rate", True),
        (404, problem("model 'x' not found"), "bad_request", False),
        (400, problem("maximum context length is 4096 tokens"), "too_long", False),
        (400, problem("no", code="context_length_exceeded"), "too_long", False),
        (400, problem("no", type="exceed_context_size_error"), "too_long", False),
        (413, "Payload Too Large", "too_long", False),
        (400, problem("x does not support tools"), "bad_request", False),
        (422, problem("unprocessable"), "bad_request", False),
        (408, "late", "timeout", True),
        (500, problem("oops"), "server", True),
        (500, problem("the request exceeds the available context size"), "too_long", False),
        (502, "<html>bad gateway</html>", "server", True),
        (503, problem("Loading model"), "overloaded", True),
        (529, problem("Overloaded"), "overloaded", True),
        (301, "moved", "bad_request", False),
    ],
)
async def test_refusals_have_a_kind_and_say_what_to_do(
    model_server: ModelServer, status: int, error: Any, kind: str, retryable: bool
) -> None:
    answer = {"status": status, "error": error, "headers": {"Retry-After": "0"}}
    found = await refused(model_server, *[answer] * 4)
    assert (found.kind, found.retryable) == (kind, retryable)
    assert f"127.0.0.1:{model_server.port}" in found.message
    assert found.hint
    expected = {"timeout": 2}.get(kind, 4) if retryable else 1
    assert len(model_server.requests) == expected


async def test_the_key_is_taken_out_of_what_the_endpoint_says(model_server: ModelServer) -> None:
    found = await refused(model_server, {"status": 401, "error": f"wrong key {KEY}"})
    assert "wrong key [key]" in found.message


async def test_a_missing_key_is_told_apart_from_a_wrong_one(model_server: ModelServer) -> None:
    model_server.script = [{"status": 401, "error": "no"}]
    chat = OpenAIChat("test", model_server.url)
    with pytest.raises(ProviderError, match="none is set"):
        await chat.reply(request(), Screen().show)
    await chat.close()
    assert "authorization" not in model_server.requests[0].headers


async def test_a_key_with_a_line_break_is_refused_without_showing_it() -> None:
    chat = OpenAIChat("test", "http://127.0.0.1:9/v1", "sk-a\nb")
    with pytest.raises(ProviderError) as caught:
        await chat.reply(request(), Screen().show)
    assert caught.value.kind == "auth"
    assert "sk-a" not in str(caught.value)


async def test_stream_options_are_left_out_where_they_are_refused(
    model_server: ModelServer,
) -> None:
    refusal = {"status": 422, "error": "extra field: stream_options"}
    reply = await ask(model_server, refusal, {"content": "hi"})
    assert reply.text == "hi"
    assert "stream_options" not in model_server.requests[1].body


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"error": {"message": "Rate limit reached", "code": 429}}, "rate"),
        ({"error": {"message": "Provider is overloaded"}}, "overloaded"),
        ({"error": "something"}, "server"),
        ({"object": "error", "message": "the prompt exceeds max_model_len"}, "too_long"),
    ],
)
async def test_an_error_inside_a_stream_is_one(
    model_server: ModelServer, told: dict[str, Any], kind: str
) -> None:
    answer = streamed(delta(content="hal"), event(told))
    assert (await refused(model_server, *[answer] * 4)).kind == kind


async def test_an_error_event_is_one(model_server: ModelServer) -> None:
    answer = streamed(delta(content="hal"), 'event: error\ndata: {"message": "no balance"}\n\n')
    assert (await refused(model_server, *[answer] * 4)).kind == "server"


@pytest.mark.parametrize(
    "broken",
    [
        {"raw_chunks": []},
        streamed(delta(content="hal")),
        streamed(delta(content="hal"), 'data: {"choi'),
        streamed("data: nonsense\n\n"),
        streamed("data: [1]\n\n"),
        streamed('{"choices": ['),
        streamed(" "),
    ],
)
async def test_a_reply_that_is_none_is_asked_for_again(
    model_server: ModelServer, broken: Answer
) -> None:
    screen = Screen()
    reply = await ask(model_server, broken, {"content": "hello"}, screen=screen)
    assert reply.text == "hello"
    assert len(screen.retries()) == 1


async def test_a_web_page_instead_of_an_answer_is_not_asked_for_again(
    model_server: ModelServer,
) -> None:
    found = await refused(model_server, {"raw_chunks": ["<!doctype html><html>"]})
    assert (found.kind, found.retryable) == ("bad_reply", False)
    assert "model.base_url" in found.hint
