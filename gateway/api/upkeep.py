"""The curator, and the owner's rights over what was learned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from agent.events import ChangeKind, Right
from agent.learning.door import OWNER
from agent.learning.proposal import Proposal
from gateway import reports
from gateway.api.bodies import body
from gateway.api.doors import Door
from gateway.app import App
from gateway.learning import learned
from gateway.load import load
from hermes_home.errors import UsageError
from skills.archived import Archived
from skills.overlays import keeping, resetting
from skills.sharing.installing import installed_from_elsewhere


class CuratorOrder(msgspec.Struct, forbid_unknown_fields=True):
    action: Literal["run", "pause", "resume"]


class RightOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`name`: a skill's name, or the id of a change, for what that change wrote."""

    name: str
    right: Right
    on: bool = True


async def show_curator(request: Request) -> JSONResponse:
    return JSONResponse(request.app.state.app.curator.status())


async def order_curator(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    action = (await body(request, CuratorOrder)).action
    if action == "run":
        await app.curator.run("owner")
        await app.history.flush()
    else:
        await app.curator.pause(on=action == "pause")
    return JSONResponse(app.curator.status())


async def set_right(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    order = await body(request, RightOrder)
    kind, name = await _meant(app, order.name)
    await app.door.set_right(kind, name, order.right, on=order.on)
    held = sorted(app.door.rights.held(kind, name))
    return JSONResponse({"kind": kind, "name": name, "rights": held})


async def archive(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    change = await app.writer.archive(request.path_params["name"], OWNER)
    await app.history.flush()
    return JSONResponse(await learned.change(app, change.id))


async def restore(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    name, archived, others = await app.curator.restore(request.path_params["name"])
    await app.history.flush()
    return JSONResponse(
        {
            "name": name,
            "state": app.upkeep.states.of(name).state,
            "archived": _put_away(archived) if archived else None,
            "others": list(map(_put_away, others)),
        }
    )


def _put_away(archived: Archived) -> dict[str, object]:
    """`folder`: its name in skills/.archive."""
    return {"change": archived.id, "folder": archived.place.name, "own": archived.own}


async def show_overlay(request: Request) -> JSONResponse:
    """Of a skill that was installed from elsewhere: against its source of now."""
    app: App = request.app.state.app
    await asyncio.to_thread(app.library.refresh)
    name = request.path_params["name"]
    if installed_from_elsewhere(app.home, name):
        private = request.query_params.get("allow_private") == "1"
        compared = load("gateway.sharing.renewing:compared")
        return JSONResponse(await compared(app, name, private=private))
    return JSONResponse(await asyncio.to_thread(reports.overlay, app, name))


async def reset(request: Request) -> JSONResponse:
    """Take a copy of a bundled skill away."""
    app: App = request.app.state.app
    name = request.path_params["name"]
    return await _changed(app, lambda: resetting(app.home, app.library, name))


async def keep(request: Request) -> JSONResponse:
    """Stay with a copy of a bundled skill, whatever that says now."""
    app: App = request.app.state.app
    name = request.path_params["name"]
    return await _changed(app, lambda: keeping(app.home, app.library, name))


async def _changed(app: App, plan: Callable[[], Proposal]) -> JSONResponse:
    change = await app.door.apply(plan, OWNER)
    await asyncio.to_thread(app.library.refresh)
    await app.history.flush()
    return JSONResponse(await learned.change(app, change.id))


async def _meant(app: App, name: str) -> tuple[ChangeKind, str]:
    """The skill or note a person means."""
    if not name.isdigit():
        return "skill", reports.required(app, name).name
    intended = app.intent((await learned.short(app, int(name)))["id"])
    assert intended is not None  # the index lists no other ids
    if intended.kind == "skill":
        return "skill", intended.name
    entry = intended.entry_after
    if not entry or entry not in app.notes.entries(intended.kind):
        raise UsageError(
            f"the note that change {name} wrote does not stand any more",
            "`hermes memory history` shows what became of it.",
        )
    return intended.kind, entry


ROUTES = [
    Door("GET", "/api/curator", show_curator),
    Door("POST", "/api/curator", order_curator, takes=CuratorOrder),
    Door("POST", "/api/rights", set_right, takes=RightOrder),
    Door("POST", "/api/skills/{name}/archive", archive),
    Door("POST", "/api/skills/{name}/restore", restore),
    Door(
        "GET",
        "/api/skills/{name}/diff",
        show_overlay,
        query={"allow_private": "1 = its source may be on this machine or in a private network"},
    ),
    Door("POST", "/api/skills/{name}/reset", reset),
    Door("POST", "/api/skills/{name}/keep", keep),
]
