"""How many tokens a model server really reads: asked in the ways its software tells it.

The OpenAI API has no field for it. Some servers add one to the model's card; Ollama, LM Studio
and llama.cpp answer on paths of their own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.providers.chat_json import count_of, decode, encode, mapping, text_of
from agent.providers.web import Web
from hermes_home.errors import ProviderError

_SERVED = ("max_model_len", "context_length", "context_window", "max_context_length")
_NUM_CTX = re.compile(r"^\s*num_ctx\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens; 0 = not told. served: what the server reads. trained: what the model could read."""

    served: int = 0
    trained: int = 0


def window_of_card(card: dict[str, Any]) -> Window:
    """What an entry of `/v1/models` tells about its model."""
    served = next((count for key in _SERVED if (count := count_of(card.get(key)))), 0)
    meta = mapping(card.get("meta"))
    return Window(served or count_of(meta.get("n_ctx")), count_of(meta.get("n_ctx_train")))


async def native_windows(root: Web, models: Sequence[str]) -> dict[str, Window]:
    """What Ollama, LM Studio or llama.cpp at `root` (without /v1) tells, by model."""
    told = await asyncio.gather(*(ask(root, models) for ask in (_ollama, _lmstudio, _llamacpp)))
    return {model: window for windows in told for model, window in windows.items()}


async def _ollama(root: Web, models: Sequence[str]) -> dict[str, Window]:
    running = (await _json(root, "api/ps")).get("models")
    if not isinstance(running, list):
        return {}
    served = {_named(card): count_of(card.get("context_length")) for card in map(mapping, running)}
    shown = await asyncio.gather(*(_json(root, "api/show", {"model": name}) for name in models))
    return {
        name: Window(served.get(name) or _num_ctx(card), _trained(card))
        for name, card in zip(models, shown, strict=True)
    }


async def _lmstudio(root: Web, models: Sequence[str]) -> dict[str, Window]:
    cards = (await _json(root, "api/v0/models")).get("data")
    return {
        _named(card): Window(
            count_of(card.get("loaded_context_length")), count_of(card.get("max_context_length"))
        )
        for card in map(mapping, cards if isinstance(cards, list) else [])
        if _named(card) in models
    }


async def _llamacpp(root: Web, models: Sequence[str]) -> dict[str, Window]:
    settings = mapping((await _json(root, "props")).get("default_generation_settings"))
    served = count_of(settings.get("n_ctx"))
    return {model: Window(served) for model in models[:1]} if served else {}


async def _json(root: Web, path: str, question: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object the server answers with, or {} when it is another kind of server."""
    try:
        asked = root.fetch(path) if question is None else root.post(path, encode(question))
        async with asked as answer:
            return mapping(decode(await answer.rest())) if answer.status == 200 else {}
    except (ProviderError, ValueError):
        return {}


def _named(card: dict[str, Any]) -> str:
    return text_of(card.get("name")) or text_of(card.get("id"))


def _num_ctx(card: dict[str, Any]) -> int:
    """The window which a model's own Ollama parameters set."""
    found = _NUM_CTX.search(text_of(card.get("parameters")))
    return int(found[1]) if found else 0


def _trained(card: dict[str, Any]) -> int:
    about = mapping(card.get("model_info"))
    lengths = (value for key, value in about.items() if key.endswith(".context_length"))
    return next(map(count_of, lengths), 0)
