"""`hermes config`: get and explain read the files; set goes through the daemon."""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.output import show_json, table
from gateway.cli.start import connect
from hermes_home.explain import Explanation
from hermes_home.explain import explain as explained
from hermes_home.paths import Home
from hermes_home.settings import all_keys, load_settings


def _home(arguments: Arguments) -> Home:
    return Home(Path(arguments.home))


def get(arguments: Arguments) -> int:
    settings = load_settings(_home(arguments), os.environ)
    if key := arguments.word(0):
        value = _explanation(arguments, key).value
        if arguments.on("json"):
            show_json(value)
        else:
            print(written(value))
        return 0
    values = {key: reduce(getattr, key.split("."), settings) for key in all_keys()}
    if arguments.on("json"):
        show_json(values)
    else:
        print("\n".join(f"{key}: {written(value)}" for key, value in values.items()))
    return 0


def explain(arguments: Arguments) -> int:
    """One key, all of a section, or all there are."""
    key = arguments.word(0)
    inside = [one for one in all_keys() if not key or one.startswith(f"{key}.")]
    if not inside:
        explanation = _explanation(arguments, key)
        if arguments.on("json"):
            show_json(_row(explanation))
        else:
            print("\n".join(_lines(explanation)))
        return 0
    rows = [_row(_explanation(arguments, one)) for one in inside]
    if arguments.on("json"):
        show_json(rows)
    else:
        table(
            [[row["key"], written(row["value"]), row["source"], row["meaning"]] for row in rows],
            ["key", "value", "from", "meaning"],
        )
    return 0


def set_value(arguments: Arguments) -> int:
    key, value = arguments.words
    with connect(arguments.home) as wire:
        answer = wire.ask("PUT", "/api/config", {"key": key, "value": value})
    if arguments.on("json"):
        show_json(answer)
    else:
        print(f"{answer['key']} is {answer['value']}, {answer['applies']}")
    return 0


def _explanation(arguments: Arguments, key: str) -> Explanation:
    return explained(_home(arguments), os.environ, key)


def _row(explanation: Explanation) -> dict[str, Any]:
    return {
        "key": explanation.key,
        "value": explanation.value,
        "source": explanation.source,
        "meaning": explanation.meaning,
        "type": explanation.type,
        "default": explanation.default,
    }


def _lines(explanation: Explanation) -> list[str]:
    return [
        f"{explanation.key}: {written(explanation.value)}",
        f"  from     {explanation.source}",
        f"  default  {written(explanation.default)}",
        f"  takes    {explanation.type}",
        f"  {explanation.meaning}",
    ]


def written(value: Any) -> str:
    """A value as it may be given to `config set`."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
