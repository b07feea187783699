"""Every kind of source. The first that knows an address takes it."""

from __future__ import annotations

from pathlib import Path

from gateway.load import load
from gateway.sharing.sources.base import Source
from gateway.sharing.ways import Ways
from hermes_home.errors import UsageError

SOURCES = {
    "official": "gateway.sharing.sources.official:opened",
    "folder": "gateway.sharing.sources.folder:opened",
    "git": "gateway.sharing.sources.git:opened",
    "archive": "gateway.sharing.sources.archive:opened",
    "wellknown": "gateway.sharing.sources.wellknown:opened",
}
"""A function each: (address, Ways) -> a Source, or None if the address is not of its kind."""


def open_source(address: str, ways: Ways) -> Source:
    """The place an address means; nothing is asked there yet."""
    address = address.strip()
    for target in SOURCES.values():
        source: Source | None = load(target)(address, ways) if address else None
        if source is not None:
            return source
    if address.startswith("/") and not Path(address.partition("#")[0]).exists():
        raise UsageError(f"there is no {address[:200]}", "check the path")
    raise UsageError(
        f"{address[:200]!r} is no place skills come from",
        "a folder, an archive, owner/repo[/path][@ref], a git address, a web server, official/NAME",
    )
