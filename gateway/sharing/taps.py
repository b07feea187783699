"""The sources one has named: the setting `skills.taps`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.sharing.sources.table import open_source
from gateway.sharing.ways import ways
from hermes_home.errors import UsageError

if TYPE_CHECKING:
    from gateway.app import App

KEY = "skills.taps"


def taps(app: App) -> list[str]:
    return list(app.settings.skills.taps)


async def add(app: App, address: str) -> list[str]:
    """UsageError if it is one already, or no source takes it; nothing is asked there."""
    known = taps(app)
    if address in known:
        raise UsageError(f"{address} is a tap already")
    open_source(address, ways(app, app.home.run, private=False))
    return await _set(app, [*known, address])


async def remove(app: App, address: str) -> list[str]:
    """UsageError if it is none."""
    known = taps(app)
    if address not in known:
        there = ", ".join(known) or "there are none"
        raise UsageError(f"{address} is no tap", f"The taps: {there}.")
    return await _set(app, [one for one in known if one != address])


async def _set(app: App, addresses: list[str]) -> list[str]:
    quoted = ", ".join(json.dumps(one, ensure_ascii=False) for one in addresses)
    await app.set_setting(KEY, f"[{quoted}]")
    return taps(app)
