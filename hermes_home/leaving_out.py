"""Imports without what they would only like to have."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def leaving_out(*names: str) -> Iterator[None]:
    """What is imported meanwhile finds these modules as if they were not installed, except those
    that are loaded already."""
    modules: dict[str, Any] = sys.modules
    absent = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del modules[name]
