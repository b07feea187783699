"""Pairing: codes that let people in, and who was let in."""

from __future__ import annotations

import time
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway import reports
from gateway.api.bodies import body
from gateway.api.doors import Door, Row
from gateway.channels.table import CHANNELS
from hermes_home.errors import UsageError
from memory.grants import CODE_SECONDS, Grant

MOST_DAYS = 3650


class NewCode(msgspec.Struct, forbid_unknown_fields=True):
    platform: str
    role: Literal["owner", "guest"] = "guest"
    days: float = 0


async def new(request: Request) -> JSONResponse:
    """A one-time code; it is not told again."""
    app = request.app.state.app
    asked: NewCode = await body(request, NewCode)
    if asked.platform not in CHANNELS:
        known = ", ".join(sorted(CHANNELS))
        raise UsageError(f"there is no channel {asked.platform!r}", f"There are: {known}.")
    if not 0 <= asked.days <= MOST_DAYS:
        raise UsageError(f"days={asked.days:g}: from 0 (until revoked) to {MOST_DAYS}")
    code = await app.grants.new_code(asked.platform, asked.role, asked.days)
    live = any(row["name"] == asked.platform for row in app.hub.health())
    return JSONResponse(
        {
            "code": code,
            "platform": asked.platform,
            "role": asked.role,
            "days": asked.days,
            "expires": reports.stamp(time.time() + CODE_SECONDS),
            "enabled": live,
        },
        201,
    )


async def listing(request: Request) -> JSONResponse:
    """Everybody who was ever let in by a code."""
    return JSONResponse([_row(grant) for grant in request.app.state.app.grants.all()])


async def revoke(request: Request) -> JSONResponse:
    """From his next message on he is a stranger."""
    id = request.path_params["id"]
    grant = await request.app.state.app.grants.revoke(id)
    if grant is None:
        raise UsageError(f"there is no grant {id!r} that stands", "hermes pairing list shows them.")
    return JSONResponse(_row(grant))


def _row(grant: Grant) -> Row:
    over = grant.expires is not None and grant.expires < time.time()
    status = "revoked" if grant.revoked is not None else "expired" if over else "active"
    return {
        "id": grant.id,
        "platform": grant.platform,
        "account": grant.account,
        "sender": grant.sender,
        "name": grant.name,
        "role": grant.role,
        "status": status,
        "at": reports.stamp(grant.at),
        "expires": reports.stamp(grant.expires) if grant.expires is not None else "",
    }


ROUTES = [
    Door("GET", "/api/pairing", listing, gives=list[Row]),
    Door("POST", "/api/pairing", new, takes=NewCode, status=201),
    Door("DELETE", "/api/pairing/{id}", revoke),
]
