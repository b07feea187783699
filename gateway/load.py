"""Opens what a table names as "module:name", so that heavy modules are imported when used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
