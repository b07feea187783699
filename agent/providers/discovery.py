"""Finding model servers on this machine, and what an endpoint serves; used when setting up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.providers.chat_json import decode, mapping, text_of
from agent.providers.endpoints import LOCAL
from agent.providers.faults import Target, bad_reply, refusal
from agent.providers.web import Patience, Web
from agent.providers.windows import Window, native_windows, window_of_card
from hermes_home.errors import ProviderError

_PATIENCE = Patience(connect=5.0, first=20.0, between=20.0)


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model and its window in tokens, 0 = not told. window: what the server reads of a prompt
    as it is set up now. trained: what the model could read."""

    id: str
    window: int = 0
    trained: int = 0


@dataclass(frozen=True, slots=True)
class LocalServer:
    name: str
    base_url: str
    models: tuple[LocalModel, ...]


async def find_local(
    timeout: float = 1.0, ports: Mapping[str, int] | None = None
) -> list[LocalServer]:
    """The model servers that answer on this machine within `timeout` seconds.

    ports: by server name; default are the usual ones of Ollama, LM Studio, vLLM and llama.cpp.
    """
    places = (
        {name: f"http://127.0.0.1:{port}/v1" for name, port in ports.items()}
        if ports is not None
        else {endpoint.name: endpoint.base_url for endpoint in LOCAL}
    )
    found = await asyncio.gather(*(_probe(name, url, timeout) for name, url in places.items()))
    return [server for server in found if server]


async def list_models(base_url: str, api_key: str = "") -> list[LocalModel]:
    """The models an endpoint offers, in its order. ProviderError: it cannot be asked."""
    web = Web(base_url, api_key, _PATIENCE)
    try:
        cards = await _cards(web, api_key)
        return [_model(card, {}) for card in cards]
    finally:
        await web.close()


async def context_window(base_url: str, model: str, api_key: str = "") -> int:
    """The tokens that the endpoint reads with `model`; 0 if it does not tell.

    Ollama and LM Studio tell it only once the model is loaded, so ask after a first request.
    """
    web, root = Web(base_url, api_key, _PATIENCE), Web(_root(base_url), "", _PATIENCE)
    try:
        cards = {text_of(card.get("id")): card for card in await _cards(web, api_key)}
        told = window_of_card(cards.get(model, {})).served
        if not told and base_url.startswith("http:"):
            told = (await native_windows(root, [model])).get(model, Window()).served
        return told
    finally:
        await web.close()
        await root.close()


async def _probe(name: str, base_url: str, timeout: float) -> LocalServer | None:
    web, root = Web(base_url), Web(_root(base_url))
    try:
        async with asyncio.timeout(timeout):
            cards = await _cards(web, "")
        windows = await _windows(root, cards, timeout)
        return LocalServer(name, base_url, tuple(_model(card, windows) for card in cards))
    except (ProviderError, TimeoutError):
        return None
    finally:
        await web.close()
        await root.close()


async def _windows(root: Web, cards: Sequence[dict[str, Any]], timeout: float) -> dict[str, Window]:
    try:
        async with asyncio.timeout(timeout):
            return await native_windows(root, [text_of(card.get("id")) for card in cards])
    except TimeoutError:
        return {}


async def _cards(web: Web, api_key: str) -> list[dict[str, Any]]:
    """The entries of `/models` that name a model."""
    target = Target(web.host, "", api_key)
    async with web.fetch("models") as answer:
        status, headers, body = answer.status, answer.headers, await answer.rest()
    if status != 200:
        raise refusal(target, status, headers, body)
    try:
        told = decode(body)
    except ValueError as error:
        raise bad_reply(target, "something that is not JSON", retryable=False) from error
    cards = told if isinstance(told, list) else mapping(told).get("data")
    if not isinstance(cards, list):
        raise bad_reply(target, "JSON without a list of models", retryable=False)
    return [card for card in map(mapping, cards) if text_of(card.get("id"))]


def _model(card: dict[str, Any], windows: Mapping[str, Window]) -> LocalModel:
    id, told = text_of(card.get("id")), window_of_card(card)
    native = windows.get(id, Window())
    return LocalModel(id, native.served or told.served, native.trained or told.trained)


def _root(base_url: str) -> str:
    return base_url.strip().rstrip("/").removesuffix("/v1")
