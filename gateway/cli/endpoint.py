"""The model an owner uses: what is set, which key belongs to it, saving another one."""

from __future__ import annotations

import os
from pathlib import Path

from agent.providers.discovery import LocalModel, list_models
from agent.providers.endpoints import endpoint_at
from gateway.cli.start import connect
from hermes_home.errors import HermesError, ProviderError
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets, write_secret
from hermes_home.settings import ModelSettings, load_settings

DEFAULT_KEY = "OPENAI_API_KEY"
"""The secret of an endpoint that is not in the table."""
GONE = ("connection", "timeout", "auth")
"""Kinds of a ProviderError after which an endpoint is of no use."""


def current(home: str) -> ModelSettings:
    return load_settings(Home(Path(home)), os.environ).model


def key_name(base_url: str) -> str:
    """The secret's name for an endpoint; empty for a known one that needs none."""
    known = endpoint_at(base_url)
    return known.key if known else DEFAULT_KEY


def key_for(home: str, base_url: str) -> str:
    name = key_name(base_url)
    return load_secrets(Home(Path(home)), os.environ).get(name) if name else ""


async def models_of(base_url: str, key: str) -> list[LocalModel]:
    """What the endpoint offers; none if it does not tell. ProviderError if it cannot be used."""
    try:
        return await list_models(base_url, key)
    except ProviderError as error:
        if error.kind in GONE:
            raise
        return []


async def trial(base_url: str, model: str, key: str) -> HermesError | None:
    """What keeps this model from doing agent work, found by one tool call there and back."""
    from agent.providers.openai_chat import OpenAIChat
    from agent.providers.round_trip import try_round_trip

    provider = OpenAIChat("openai_chat", base_url, key)
    try:
        result = await try_round_trip(provider, model)
    finally:
        await provider.close()
    return None if result.ok else HermesError(result.problem, result.hint)


def save(home: str, provider: str, model: str = "", base_url: str = "", key: str = "") -> None:
    """On disk when this returns: the key in .env, the rest in config.yaml, by the daemon."""
    with connect(home) as wire:
        if key:
            write_secret(Home(Path(home)), key_name(base_url) or DEFAULT_KEY, key)
        settings = {"model.base_url": base_url, "model.default": model} if base_url else {}
        for name, value in {**settings, "model.provider": provider}.items():
            wire.ask("PUT", "/api/config", {"key": name, "value": value})
