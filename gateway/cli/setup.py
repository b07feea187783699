"""`hermes setup`: find or name a model, try it, save it."""

from __future__ import annotations

import asyncio
import os
import sys

from agent.providers.discovery import LocalServer, find_local
from agent.providers.endpoints import ENDPOINTS
from gateway.cli import endpoint, menu
from gateway.cli.arguments import Arguments
from gateway.cli.output import note
from hermes_home.errors import HermesError, UsageError

OTHERS = (
    "a service with a key (OpenRouter, OpenAI, …)",
    "another address",
    "the built-in offline model",
)


def main(arguments: Arguments) -> int:
    if arguments.on("offline"):
        return _save(arguments.home, "offline")
    if arguments.on("base-url"):
        return _given(arguments)
    if set(arguments.options) - {"profile"}:
        raise UsageError("the endpoint is missing", "hermes setup --base-url U --model M")
    menu.need_terminal("hermes setup --base-url U --model M --key-env NAME, or --offline")
    return _asked(arguments.home)


def _given(arguments: Arguments) -> int:
    """Everything by flags: nothing asks."""
    url, key = arguments.text("base-url"), _key(arguments)
    known = key or endpoint.key_for(arguments.home, url)
    models = [model.id for model in asyncio.run(endpoint.models_of(url, known))]
    model = arguments.text("model") or (models[0] if len(models) == 1 else "")
    if not model:
        raise UsageError("which model?", f"--model names one of: {', '.join(models) or '…'}")
    if models and model not in models:
        note(f"{url} does not list {model!r}; it has {', '.join(models[:10])}")
    if problem := asyncio.run(endpoint.trial(url, model, known)):
        note(f"saved, but in a trial: {problem}")
    return _save(arguments.home, "openai_chat", model, url, key)


def _key(arguments: Arguments) -> str:
    """The key to be saved, from the variable or the stream that the flags name."""
    if arguments.on("key"):
        if arguments.text("key") != "-":
            raise UsageError(
                "a key on the command line is seen by others", "--key - reads standard input"
            )
        return sys.stdin.readline().strip()
    if arguments.on("key-env"):
        name = arguments.text("key-env")
        if not os.environ.get(name):
            raise UsageError(f"{name} is not set in the environment", "export it first")
        return os.environ[name]
    return ""


def _save(home: str, provider: str, model: str = "", url: str = "", key: str = "") -> int:
    endpoint.save(home, provider, model, url, key)
    print(f"model: {model} at {url}" if url else "model: the built-in one, offline")
    return 0


def _asked(home: str) -> int:
    print("Looking for model servers on this machine …")
    servers = [server for server in asyncio.run(find_local()) if server.models]
    found = [(server, model.id) for server in servers for model in server.models]
    choices = [f"{model} ({server.name}{_window(server, model)})" for server, model in found]
    choice = menu.choose("Which model should do the work?", [*choices, *OTHERS])
    if choice is None:
        return 1
    if choice < len(found):
        server, model = found[choice]
        return _tried(home, server.base_url, model, "")
    others = (_service, _address, lambda home: _save(home, "offline"))
    return others[choice - len(found)](home)


def _window(server: LocalServer, model: str) -> str:
    window = next((known.window for known in server.models if known.id == model), 0)
    return f", {window:,} tokens" if window else ""


def _service(home: str) -> int:
    services = [known for known in ENDPOINTS if known.key]
    choice = menu.choose("Which service?", [f"{known.name}: {known.note}" for known in services])
    return 1 if choice is None else _with_key(home, services[choice].base_url)


def _address(home: str) -> int:
    url = menu.ask("the endpoint's address, with /v1")
    return _with_key(home, url) if url else 1


def _with_key(home: str, url: str) -> int:
    key, name = "", endpoint.key_name(url)
    if name and not endpoint.key_for(home, url):
        key = menu.secret(f"{name} (not shown; Enter for none)")
    models = asyncio.run(endpoint.models_of(url, key or endpoint.key_for(home, url)))
    if models:
        choice = menu.choose("Which model?", [model.id for model in models])
        return 1 if choice is None else _tried(home, url, models[choice].id, key)
    model = menu.ask("the model's id")
    return _tried(home, url, model, key) if model else 1


def _tried(home: str, url: str, model: str, key: str) -> int:
    print("Trying it with one tool call …")
    problem: HermesError | None = asyncio.run(
        endpoint.trial(url, model, key or endpoint.key_for(home, url))
    )
    if problem is not None:
        note(str(problem))
        if menu.ask("save it all the same? [y/N]").lower() not in ("y", "yes"):
            return 1
    return _save(home, "openai_chat", model, url, key)
