"""What the chat-completions provider asks for again, how long after, and how it is stopped."""

from __future__ import annotations

import asyncio
import socket

import pytest

from agent.providers.base import Delta
from agent.providers.openai_chat import OpenAIChat
from agent.providers.web import Patience
from hermes_home.errors import ProviderError
from tests.chatting import (
    Screen,
    ask,
    delta,
    provider,
    refused,
    request,
)
from tests.model_answers import Answer
from tests.model_server import ModelServer

pytestmark = pytest.mark.anyio


async def test_a_broken_stream_is_repeated_and_voids_what_was_shown(
    model_server: ModelServer,
) -> None:
    screen = Screen()
    broken = {"raw_chunks": [delta(content="half an an")], "close_after": 1}
    reply = await ask(model_server, broken, {"content": "whole"}, screen=screen)
    assert reply.text == "whole"
    void = next(i for i, one in enumerate(screen.deltas) if one.retry)
    assert "".join(one.text for one in screen.deltas[:void]) == "half an an"
    assert "".join(one.text for one in screen.deltas[void:]) == "whole"
    assert model_server.requests[0].raw == model_server.requests[1].raw


async def test_waits_double_and_are_told_before_they_begin(model_server: ModelServer) -> None:
    screen = Screen()
    await refused(model_server, *[{"status": 500}] * 4, screen=screen)
    assert [one.wait for one in screen.deltas] == screen.waits
    assert [
        base <= wait <= 1.25 * base for base, wait in zip([0.5, 1, 2], screen.waits, strict=True)
    ]
    assert all(reason for reason in screen.retries())


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7.25),
        ({"retry-after-ms": "1500"}, 1.5, 1.75),
        ({"x-ratelimit-reset-requests": "1m0s", "x-ratelimit-reset-tokens": "250ms"}, 0.25, 0.5),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "12s",
                "x-ratelimit-remaining-tokens": "80",
                "x-ratelimit-reset-tokens": "1s",
            },
            12,
            12.25,
        ),
        ({}, 5, 6.25),
    ],
)
async def test_the_wait_that_is_asked_for_is_kept(
    model_server: ModelServer, headers: dict[str, str], low: float, high: float
) -> None:
    screen = Screen()
    limited = {"status": 429, "error": "slow", "headers": headers}
    await ask(model_server, limited, {"content": "hi"}, screen=screen)
    assert low <= screen.waits[0] <= high


async def test_a_long_wait_is_told_instead_of_waited(model_server: ModelServer) -> None:
    screen = Screen()
    limited = {"status": 429, "error": "slow", "headers": {"Retry-After": "900"}}
    found = await refused(model_server, limited, screen=screen)
    assert found.retry_after == 900
    assert found.retryable
    assert "15 min" in found.message
    assert screen.waits == []


async def test_nobody_at_the_address(unused_port: int) -> None:
    screen = Screen()
    chat = OpenAIChat("test", f"http://127.0.0.1:{unused_port}/v1", sleep=screen.sleep)
    with pytest.raises(ProviderError) as caught:
        await chat.reply(request(), screen.show)
    assert (caught.value.kind, len(screen.waits)) == ("connection", 3)
    assert "hermes setup" in caught.value.hint
    await chat.close()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("address", ["127.0.0.1/v1", "http://[::1/v1", "", "http://x:port/v1"])
async def test_an_address_that_is_none(address: str) -> None:
    chat = OpenAIChat("test", address)
    with pytest.raises(ProviderError) as caught:
        await chat.reply(request(), Screen().show)
    assert not caught.value.retryable
    assert "model.base_url" in caught.value.message


@pytest.mark.parametrize(
    "silent",
    [{"delay": 30}, {"content": "hello", "stall_after": 0}, {"content": "hello", "stall_after": 2}],
)
async def test_a_silent_server_times_out(model_server: ModelServer, silent: Answer) -> None:
    screen = Screen()
    model_server.script = [silent, silent]
    patience = Patience(first=0.1, between=0.1)
    async with provider(model_server, screen, patience=patience) as chat:
        with pytest.raises(ProviderError) as caught:
            await chat.reply(request(), screen.show)
    assert caught.value.kind == "timeout"
    assert len(screen.waits) == 1


async def test_the_environment_proxy_is_not_used_for_this_machine(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port}")
    assert (await ask(model_server, {"content": "hi"})).text == "hi"


async def test_cancelling_closes_the_connection_at_once(model_server: ModelServer) -> None:
    shown = asyncio.Event()

    async def show(delta: Delta) -> None:
        shown.set()

    model_server.script = [{"content": "hello", "stall_after": 2}, {"content": "next"}]
    async with provider(model_server, Screen()) as chat:
        asked = asyncio.create_task(chat.reply(request(), show))
        async with asyncio.timeout(30):
            await shown.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await asyncio.to_thread(model_server.client_left.wait, 10)
        assert (await chat.reply(request(), show)).text == "next"


async def test_an_error_while_showing_closes_the_connection(model_server: ModelServer) -> None:
    async def show(delta: Delta) -> None:
        raise RuntimeError("the screen is gone")

    model_server.script = [{"content": "hello", "stall_after": 2}]
    async with provider(model_server, Screen()) as chat:
        with pytest.raises(RuntimeError):
            await chat.reply(request(), show)
        assert await asyncio.to_thread(model_server.client_left.wait, 10)
