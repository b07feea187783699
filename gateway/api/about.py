"""Health, status, settings, and stopping."""

from __future__ import annotations

import os

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway import reports
from gateway.api.bodies import body
from gateway.api.doors import Door
from hermes_home.version import VERSION


class Setting(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    value: str


class Stopping(msgspec.Struct, forbid_unknown_fields=True):
    restart: bool = False


async def health(request: Request) -> JSONResponse:
    app = request.app.state.app
    return JSONResponse(
        {"status": "ok", "version": VERSION, "pid": os.getpid(), "home": str(app.home.root)}
    )


async def status(request: Request) -> JSONResponse:
    return JSONResponse(await reports.status(request.app.state.app))


async def set_setting(request: Request) -> JSONResponse:
    app = request.app.state.app
    setting = await body(request, Setting)
    applies = await app.set_setting(setting.key, setting.value)
    return JSONResponse({"key": setting.key, "value": setting.value, "applies": applies})


async def stop(request: Request) -> JSONResponse:
    app = request.app.state.app
    app.ask_to_stop(restart=(await body(request, Stopping)).restart)
    return JSONResponse({"stopping": True}, 202)


ROUTES = [
    Door("GET", "/health", health),
    Door("GET", "/api/status", status),
    Door("PUT", "/api/config", set_setting, takes=Setting),
    Door("POST", "/api/daemon/stop", stop, takes=Stopping, status=202),
]
