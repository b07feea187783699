"""`hermes model`: show the model, list what its endpoint has, take another one."""

from __future__ import annotations

import asyncio
import sys

from gateway.cli import endpoint, menu
from gateway.cli.arguments import Arguments
from gateway.cli.output import show_json
from hermes_home.errors import UsageError


def main(arguments: Arguments) -> int:
    wanted = arguments.word(0)
    if wanted or arguments.on("provider") or arguments.on("base-url"):
        _change(arguments, wanted)
    elif arguments.on("list"):
        return _list(arguments)
    elif _may_choose(arguments):
        _choose(arguments)
    return _show(arguments)


def _may_choose(arguments: Arguments) -> bool:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return terminal and not arguments.on("json") and bool(endpoint.current(arguments.home).base_url)


def _show(arguments: Arguments) -> int:
    model = endpoint.current(arguments.home)
    if arguments.on("json"):
        show_json(
            {
                "provider": model.provider,
                "model": model.default,
                "base_url": model.base_url,
                "context_window": model.context_window,
            }
        )
    elif model.provider == "offline":
        print("the built-in model, offline; hermes setup finds another")
    else:
        print(f"{model.default} at {model.base_url} ({model.provider})")
    return 0


def _change(arguments: Arguments, wanted: str) -> None:
    now = endpoint.current(arguments.home)
    url = arguments.text("base-url", now.base_url)
    provider = arguments.text("provider") or ("offline" if not url else "openai_chat")
    if provider != "offline" and not url:
        raise UsageError("the endpoint is missing", "--base-url U, or hermes setup")
    endpoint.save(
        arguments.home, provider, wanted or now.default, url if provider != "offline" else ""
    )


def _names(arguments: Arguments) -> list[str]:
    url = arguments.text("base-url") or endpoint.current(arguments.home).base_url
    if not url:
        raise UsageError("the built-in model is the only one", "hermes setup names an endpoint")
    key = endpoint.key_for(arguments.home, url)
    return [model.id for model in asyncio.run(endpoint.models_of(url, key))]


def _list(arguments: Arguments) -> int:
    names = _names(arguments)
    if arguments.on("json"):
        show_json(names)
    else:
        print("\n".join(names))
    return 0


def _choose(arguments: Arguments) -> None:
    names = _names(arguments)
    chosen = menu.choose("Which model?", names) if names else None
    if chosen is not None:
        _change(arguments, names[chosen])
