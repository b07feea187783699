"""Skills of others: where they are, what they hold, installed, renewed and published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway.api.bodies import body
from gateway.api.doors import Door, Row
from gateway.load import load

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.sharing.desk import Desk


class Browse(msgspec.Struct, forbid_unknown_fields=True):
    """`source`: an address; "" = all taps and what ships. `words`: only skills that hold them."""

    source: str = ""
    words: str = ""
    allow_private: bool = False


class Fetch(msgspec.Struct, forbid_unknown_fields=True):
    """`names`: of skills there; `all`: every one."""

    source: str
    names: list[str] = []
    all: bool = False
    allow_private: bool = False


class Install(msgspec.Struct, forbid_unknown_fields=True):
    """`id`: of what was looked at."""

    id: str


class Names(msgspec.Struct, forbid_unknown_fields=True):
    """Installed skills; none named = all."""

    names: list[str] = []


class Check(Names, forbid_unknown_fields=True):
    """`edits`: the update that is meant, as it takes it; with `replace`, files you have changed are
    told as work too."""

    allow_private: bool = False
    edits: Literal["refuse", "keep", "replace"] = "refuse"


class Update(msgspec.Struct, forbid_unknown_fields=True):
    """`id`: of what a check found. `edits`: what becomes of files you have changed."""

    id: str
    edits: Literal["refuse", "keep", "replace"] = "refuse"


class Tap(msgspec.Struct, forbid_unknown_fields=True):
    source: str


class Publish(msgspec.Struct, forbid_unknown_fields=True):
    """`output`: a folder, for wellknown; `repository`, `branch`: for github. `do`: carry it out;
    with `commit` and `at` as they were answered before, only that very push."""

    name: str
    to: str
    output: str = ""
    repository: str = ""
    branch: str = ""
    allow_private: bool = False
    do: bool = False
    commit: str = ""
    at: int = 0


class Snapshot(msgspec.Struct, forbid_unknown_fields=True):
    file: str


def _desk(app: App) -> Desk:
    """Loaded when it is first asked for: most daemons never are."""
    desk: Desk = load("gateway.sharing.desk:Desk")(app)
    return desk


async def browse(request: Request) -> JSONResponse:
    asked = await body(request, Browse)
    desk = _desk(request.app.state.app)
    found = await desk.browse(asked.source, asked.words, private=asked.allow_private)
    return JSONResponse(found)


async def inspect(request: Request) -> JSONResponse:
    asked = await body(request, Fetch)
    wanted = load("gateway.sharing.desk:Wanted")(
        asked.source, asked.names, asked.all, asked.allow_private
    )
    return JSONResponse(await _desk(request.app.state.app).inspect(wanted))


async def install(request: Request) -> JSONResponse:
    asked = await body(request, Install)
    return JSONResponse(await _desk(request.app.state.app).install(asked.id), 201)


async def uninstall(request: Request) -> JSONResponse:
    name = request.path_params["name"]
    return JSONResponse(await _desk(request.app.state.app).uninstall(name))


async def check(request: Request) -> JSONResponse:
    asked = await body(request, Check)
    look = load("gateway.sharing.renewing:check")
    found = await look(
        request.app.state.app, asked.names, private=asked.allow_private, handling=asked.edits
    )
    return JSONResponse(found)


async def update(request: Request) -> JSONResponse:
    asked = await body(request, Update)
    renew = load("gateway.sharing.renewing:update")
    return JSONResponse(await renew(request.app.state.app, asked.id, asked.edits))


async def audit(request: Request) -> JSONResponse:
    asked = await body(request, Names)
    look = load("gateway.sharing.renewing:audit")
    return JSONResponse(await look(request.app.state.app, asked.names))


async def list_taps(request: Request) -> JSONResponse:
    return JSONResponse(load("gateway.sharing.taps:taps")(request.app.state.app))


async def add_tap(request: Request) -> JSONResponse:
    asked = await body(request, Tap)
    found = await load("gateway.sharing.taps:add")(request.app.state.app, asked.source)
    return JSONResponse(found, 201)


async def remove_tap(request: Request) -> JSONResponse:
    asked = await body(request, Tap)
    found = await load("gateway.sharing.taps:remove")(request.app.state.app, asked.source)
    return JSONResponse(found)


async def publish(request: Request) -> JSONResponse:
    asked = await body(request, Publish)
    wanted = {
        "output": asked.output,
        "repository": asked.repository,
        "branch": asked.branch,
        "private": asked.allow_private,
        "do": asked.do,
        "commit": asked.commit,
        "at": asked.at,
    }
    put = load("gateway.sharing.checking:publish")
    return JSONResponse(await put(request.app.state.app, asked.name, asked.to, wanted))


async def take_snapshot(request: Request) -> JSONResponse:
    asked = await body(request, Snapshot)
    take = load("gateway.sharing.snapshot:snapshot")
    return JSONResponse(await take(request.app.state.app, asked.file), 201)


ROUTES = [
    Door("POST", "/api/shared/browse", browse, takes=Browse),
    Door("POST", "/api/shared/inspect", inspect, takes=Fetch, gives=list[Row]),
    Door("POST", "/api/shared/install", install, takes=Install, status=201),
    Door("POST", "/api/shared/check", check, takes=Check, gives=list[Row]),
    Door("POST", "/api/shared/update", update, takes=Update),
    Door("POST", "/api/shared/audit", audit, takes=Names, gives=list[Row]),
    Door("GET", "/api/shared/taps", list_taps, gives=list[str]),
    Door("POST", "/api/shared/taps", add_tap, takes=Tap, gives=list[str], status=201),
    Door("DELETE", "/api/shared/taps", remove_tap, takes=Tap, gives=list[str]),
    Door("POST", "/api/shared/publish", publish, takes=Publish),
    Door("POST", "/api/shared/snapshot", take_snapshot, takes=Snapshot, status=201),
    Door("DELETE", "/api/shared/installed/{name}", uninstall),
]
