"""Finding local servers, listing models, and trying a model with one real tool call."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from agent.providers.discovery import LocalModel, context_window, find_local, list_models
from agent.providers.endpoints import ENDPOINTS, LOCAL, endpoint_at, endpoint_named
from agent.providers.openai_chat import OpenAIChat
from agent.providers.round_trip import RoundTrip, try_round_trip
from hermes_home.errors import ProviderError
from tests.model_answers import Answer
from tests.model_server import ModelServer

pytestmark = pytest.mark.anyio


def ollama() -> ModelServer:
    shown = {
        "set:latest": {
            "parameters": "stop x\nnum_ctx                        8192",
            "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
        },
        "loaded:latest": {"model_info": {"qwen3.context_length": 40960}},
    }
    running = [{"name": "loaded:latest", "context_length": 4096}]
    return ModelServer(
        models=[{"id": name, "owned_by": "library"} for name in ("set:latest", "loaded:latest")],
        routes={
            "/api/ps": {"models": running},
            "/api/show": lambda body: shown.get(body["model"]),
        },
    )


def lmstudio() -> ModelServer:
    cards = [
        {"id": "idle", "state": "not-loaded", "max_context_length": 32768},
        {"id": "busy", "loaded_context_length": 4096, "max_context_length": 131072},
    ]
    return ModelServer(
        models=[{"id": "idle"}, {"id": "busy"}], routes={"/api/v0/models": {"data": cards}}
    )


def vllm() -> ModelServer:
    return ModelServer(models=[{"id": "org/model", "max_model_len": 16384}])


def llamacpp() -> ModelServer:
    return ModelServer(
        models=[{"id": "model.gguf", "meta": {"n_ctx_train": 131072}}],
        routes={"/props": {"default_generation_settings": {"n_ctx": 4096}}},
    )


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_servers_are_found_with_their_models_and_windows() -> None:
    with ExitStack() as stack:
        made = {"ollama": ollama(), "lmstudio": lmstudio(), "vllm": vllm(), "llamacpp": llamacpp()}
        servers = {name: stack.enter_context(server) for name, server in made.items()}
        found = await find_local(10, {name: server.port for name, server in servers.items()})
    assert {one.name: one.base_url for one in found} == {n: s.url for n, s in servers.items()}
    assert {one.name: one.models for one in found} == {
        "ollama": (
            LocalModel("set:latest", 8192, 131072),
            LocalModel("loaded:latest", 4096, 40960),
        ),
        "lmstudio": (LocalModel("idle", 0, 32768), LocalModel("busy", 4096, 131072)),
        "vllm": (LocalModel("org/model", 16384, 0),),
        "llamacpp": (LocalModel("model.gguf", 4096, 131072),),
    }


async def test_what_is_no_model_server_is_not_found(silent_port: int) -> None:
    with (
        ModelServer(routes={"/v1/models": {"hello": "world"}}) as other,
        ModelServer(routes={"/v1/models": "<html></html>"}) as page,
        ModelServer(routes={"/v1/models": None}) as nothing,
        socket.socket() as closed,
    ):
        closed.bind(("127.0.0.1", 0))
        ports = {"a": other.port, "b": page.port, "c": nothing.port, "d": silent_port}
        assert await find_local(0.5, ports | {"e": closed.getsockname()[1]}) == []


async def test_models_of_an_endpoint_are_listed_in_its_order() -> None:
    cards: list[dict[str, Any]] = [{"id": "b", "context_length": 10}, {"id": "a"}, {"name": "?"}]
    with ModelServer(models=cards) as server:
        assert await list_models(server.url + "/", "key") == [LocalModel("b", 10), LocalModel("a")]


async def test_an_endpoint_that_lists_nothing_says_so() -> None:
    with ModelServer(routes={"/v1/models": None}) as server:
        with pytest.raises(ProviderError, match="404"):
            await list_models(server.url)
    with pytest.raises(ProviderError, match="cannot be reached"):
        await list_models(server.url)


async def test_the_window_of_one_model() -> None:
    with ollama() as first, vllm() as second, ModelServer() as third:
        assert await context_window(first.url, "loaded:latest") == 4096
        assert await context_window(second.url, "org/model") == 16384
        assert await context_window(third.url, "scripted") == 0


def test_endpoints_are_found_by_name_and_address() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    for endpoint in ENDPOINTS:
        assert endpoint_named(endpoint.name) is endpoint
        assert endpoint_at(endpoint.base_url + "/") is endpoint
        assert endpoint.key or endpoint in LOCAL
    assert endpoint_at("http://127.0.0.1:1/v1") is None


# -- the round trip -------------------------------------------------------------------------------

CALL = {"name": "read_meter", "arguments": {"meter": "cellar"}}


def reader(number: int, body: dict[str, Any]) -> Answer:
    """A model that does what it should: it calls the tool, then tells its result."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return {"content": f"The meter shows {int(last['content']):,}."}
    return {"tool_calls": [CALL]}


async def tried(script: Any) -> tuple[RoundTrip, ModelServer]:
    async def at_once(seconds: float) -> None:
        """No test waits."""

    with ModelServer(script) as server:
        provider = OpenAIChat("test", server.url, sleep=at_once)
        result = await try_round_trip(provider, "small")
        await provider.close()
    return result, server


async def test_a_model_that_calls_and_answers_is_fit() -> None:
    result, server = await tried(reader)
    assert (result.ok, result.problem, result.hint) == (True, "", "")
    assert result.seconds > 0
    assert [len(one.body["messages"]) for one in server.requests] == [2, 4]
    assert server.prefix_breaks() == []


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([{"content": "The meter shows 12."}], "without calling"),
        ([{"content": json.dumps(CALL)}], "as text"),
        ([{"content": "Well", "finish": "length"}], "output limit"),
        ([{"content": "", "reasoning": "I should read it"}], "only reasoning"),
        ([{"content": ""}], "empty reply"),
        ([{"tool_calls": [{"name": "other", "arguments": {}}]}], "'other'"),
        ([{"tool_calls": [{"name": "read_meter", "arguments": "{"}]}], "not usable"),
        ([{"tool_calls": [CALL]}, {"content": "I do not know."}], "does not use"),
        ([{"tool_calls": [CALL]}, {"tool_calls": [CALL]}], "again"),
        ([{"tool_calls": [CALL]}, {"content": "", "finish": "length"}], "cut off"),
        ([{"status": 404, "error": "no such model"}], "no such model"),
        ([{"status": 400, "error": "small does not support tools"}], "does not support tools"),
    ],
)
async def test_a_model_that_is_not_fit_is_told_why(answers: list[Answer], problem: str) -> None:
    result, _ = await tried(answers)
    assert not result.ok
    assert re.search(problem, result.problem)
    assert result.hint
