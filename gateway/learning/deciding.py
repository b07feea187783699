"""The owner's word on a learned change, from whichever door it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent.learning.door import OWNER
from gateway.learning import forgetting
from hermes_home.errors import UsageError

if TYPE_CHECKING:
    from gateway.app import App

VERBS = ("undo", "redo", "approve", "reject", "forget", "purge")


async def decide(app: App, id: int, verb: str) -> int:
    """Carry it out; the id of the change that was meant. What was forgotten comes back by undo.
    Everything is on disk when this returns."""
    if verb not in VERBS:
        raise UsageError(f"a change can be {', '.join(VERBS)}")
    hidden = app.journal.masks.covers(id)
    if verb == "forget":
        id = await forgetting.forget(app, id)
    elif verb == "purge":
        id = await forgetting.purge_words(app, id)
    elif verb == "undo" and hidden:
        await forgetting.remember(app, id)
    else:
        door = app.door
        verbs = {"undo": door.undo, "redo": door.redo, "approve": door.approve}
        await verbs.get(verb, door.reject)(id, OWNER)
    await app.history.flush()
    await asyncio.to_thread(app.library.refresh)
    return id
