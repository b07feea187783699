"""The owner's word on a learned change, from whichever door it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from agent.learning.door import OWNER
from gateway.learning import forgetting, learned
from gateway.learning.change_text import WRITING
from hermes_home.errors import UsageError

if TYPE_CHECKING:
    from gateway.app import App

VERBS = ("undo", "redo", "approve", "reject", "forget", "purge")


async def decided(app: App, id: int, verb: str) -> dict[str, Any]:
    """Carry it out; the change that was meant, as learned.change tells it. `activated`: the files
    that come into use by it, where earlier changes of the skill waited too."""
    row = await learned.short(app, id)
    waiting = app.upkeep.states.of(row["name"]).waiting if row["kind"] == "skill" else ()
    meant = await decide(app, id, verb)
    row = await learned.change(app, meant)
    active = verb in WRITING and app.upkeep.states.of(row["name"]).state == "active"
    if not waiting or not active or row["action"] == "archive":
        return row
    return {**row, "activated": learned.written_since(app, sorted({*waiting, meant}))}


async def decide(app: App, id: int, verb: str) -> int:
    """Carry it out; the id of the change that was meant: of one that made another again, that
    other. What was forgotten comes back by undo. Everything is on disk when this returns."""
    if verb not in VERBS:
        raise UsageError(f"a change can be {', '.join(VERBS)}")
    hidden = app.journal.masks.covers(id)
    if verb == "forget":
        id = await forgetting.forget(app, id)
    elif verb == "purge":
        id = await forgetting.purge_words(app, id)
    elif verb == "undo" and hidden:
        await forgetting.remember(app, id)
    elif verb == "undo":
        await app.door.undo(id, OWNER)
    else:
        door = app.door
        verbs = {"redo": door.redo, "approve": door.approve, "reject": door.reject}
        id = (await verbs[verb](id, OWNER)).id
    await app.history.flush()
    await asyncio.to_thread(app.library.refresh)
    return id
