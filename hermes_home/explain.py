"""What a setting is: its value, where the value comes from, and what it means."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache, reduce
from typing import Any, get_type_hints

from hermes_home.paths import Home
from hermes_home.schema import options, unknown_key
from hermes_home.secrets import load_secrets
from hermes_home.settings import Settings, check_settings, parse_config, read_config
from hermes_home.yaml_text import Section

_SECRET_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


@dataclass(frozen=True, slots=True)
class Explanation:
    """source: `default`, `config.yaml line N`, `.env` or `environment`. type: what is accepted."""

    key: str
    value: Any
    source: str
    meaning: str
    type: str
    default: Any


def explain(home: Home, environment: Mapping[str, str], key: str) -> Explanation:
    """A setting by its dotted key, or a secret by its name (without its value). SettingsError if
    there is no such key or the file is wrong."""
    if _SECRET_NAME.fullmatch(key):
        return _explain_secret(home, environment, key)
    known = options(Settings)
    if key not in known:
        raise unknown_key(key, known)
    text = read_config(home)
    value = reduce(getattr, key.split("."), check_settings(text, home, environment))
    line = line_of(parse_config(text, home), key)
    return Explanation(
        key,
        value,
        f"config.yaml line {line}" if line else "default",
        _meanings()[key],
        known[key].accepts,
        known[key].default,
    )


def line_of(tree: Section, key: str) -> int:
    """The 1-based line on which a dotted key stands; 0 if it does not."""
    *sections, name = key.split(".")
    for section in sections:
        entry = tree.entries.get(section)
        if entry is None or not isinstance(entry.node, Section):
            return 0
        tree = entry.node
    return tree.entries[name].key.line + 1 if name in tree.entries else 0


def _explain_secret(home: Home, environment: Mapping[str, str], name: str) -> Explanation:
    secrets = load_secrets(home, environment)
    return Explanation(
        name,
        "set" if secrets.get(name) else "not set",
        secrets.source(name) or "default",
        "A secret. The environment comes first, then .env; its value is never shown.",
        "text",
        "not set",
    )


@cache
def _meanings() -> Mapping[str, str]:
    """The texts below the fields of the settings classes, by dotted key."""
    return dict(_meanings_in(Settings, ""))


def _meanings_in(kind: type, prefix: str) -> Iterator[tuple[str, str]]:
    texts = _field_texts(kind)
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _meanings_in(hint, f"{prefix}{name}.")
        else:
            yield prefix + name, texts[name]


def _field_texts(kind: type) -> dict[str, str]:
    (node,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(node, ast.ClassDef)
    texts = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                texts[name] = " ".join(text.split())
    return texts
