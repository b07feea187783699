"""A snapshot for a backup, and what comes from another program's home."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway.api.bodies import body
from gateway.api.doors import Door
from gateway.moving import snapshot
from gateway.moving.arrive import arrive


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    secrets: bool = False


async def take_snapshot(request: Request) -> JSONResponse:
    app = request.app.state.app
    secrets = (await body(request, Wanted)).secrets
    taken = await snapshot.take(app.home, app.history, app.door.lock, secrets=secrets)
    return JSONResponse(asdict(taken), 201)


class Arrival(msgspec.Struct, forbid_unknown_fields=True):
    origin: str
    dry_run: bool = False


async def take_in(request: Request) -> JSONResponse:
    """What a command has copied into run/."""
    app = request.app.state.app
    wanted = await body(request, Arrival)
    outcomes = await arrive(app, wanted.origin, dry=wanted.dry_run)
    return JSONResponse(
        [
            {"class": one.kind, "name": one.name, "status": one.status, "reason": one.reason}
            for one in outcomes
        ]
    )


ROUTES = [
    Door("POST", "/api/backup", take_snapshot, takes=Wanted, status=201),
    Door("POST", "/api/import", take_in, takes=Arrival),
]
