"""Settings of another program's home: those that mean the same here and are not set yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from agent.providers.endpoints import endpoint_named
from gateway.moving.classes import Outcome
from hermes_home.config_edit import keys_set
from hermes_home.errors import HermesError

if TYPE_CHECKING:
    from gateway.app import App

SAME = {
    "agent.max_turns": "agent.max_turns",
    "timezone": "timezone",
    "memory.memory_char_limit": "memory.memory_chars",
    "memory.user_char_limit": "memory.user_chars",
    "skills.external_dirs": "skills.extra_roots",
    "compression.threshold": "compaction.threshold",
    "compression.protect_last_n": "compaction.protect_last_n",
}
"""Their key: ours."""
_MODEL = ("model", "provider", "base_url")
_NO_SETTING = ("_config_version",)


async def bring(app: App, folder: Path, *, dry: bool) -> list[Outcome]:
    path = folder / "config.yaml"
    if not path.exists():
        return []
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = f"it cannot be read: {' '.join(str(error).split())[:200]}"
        return [Outcome("settings", "config.yaml", "skipped", reason)]
    flat = _flat(tree) if isinstance(tree, dict) else {}
    outcomes = await _bring_model(app, flat, dry=dry)
    for key, value in flat.items():
        if key in _NO_SETTING or key.split(".")[0] in _MODEL:
            continue
        if key in SAME:
            outcomes.append(await _set(app, key, {SAME[key]: _written(value)}, dry=dry))
        else:
            outcomes.append(Outcome("settings", key, "skipped", "there is no such setting here"))
    return outcomes


async def _bring_model(app: App, flat: dict[str, Any], *, dry: bool) -> list[Outcome]:
    """Model, provider and address belong together: all of them or none."""
    given = {key: str(value) for key, value in flat.items() if key.split(".")[0] in _MODEL}
    model = next((given[key] for key in ("model.default", "model.name", "model.model", "model")
                  if given.get(key)), "")  # fmt: skip
    if not model:
        return []
    provider = given.get("model.provider") or given.get("provider", "")
    url = given.get("model.base_url") or given.get("base_url", "")
    endpoint = endpoint_named(provider)
    if not url and endpoint is not None:
        url = endpoint.base_url
    if not url:
        reason = f"its address is not known here ({provider or 'no provider'}): hermes setup"
        return [Outcome("settings", "model", "skipped", reason)]
    if app.settings.model.provider != "offline":
        return [Outcome("settings", "model", "skipped", "you have chosen a model here")]
    wanted = {"model.default": model, "model.base_url": url, "model.provider": "openai_chat"}
    return [await _set(app, "model", wanted, dry=dry, over=True)]


async def _set(
    app: App, name: str, wanted: dict[str, str], *, dry: bool, over: bool = False
) -> Outcome:
    """`over`: also what is set here already."""
    told = ", ".join(f"{key} = {value}" for key, value in wanted.items())
    try:
        already = sorted(wanted.keys() & keys_set(app.home))
        if already and not over:
            return Outcome("settings", name, "skipped", f"{already[0]} is set here already")
        if dry:
            return Outcome("settings", name, "found", told)
        for key, value in wanted.items():
            await app.set_setting(key, value)
    except HermesError as error:
        return Outcome("settings", name, "skipped", error.message)
    return Outcome("settings", name, "imported", told)


def _flat(tree: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Every leaf by its dotted key."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        elif value not in (None, "", [], {}):
            found[f"{prefix}{name}"] = value
    return found


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
