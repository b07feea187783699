"""Trials of skills: what one would replay, begin it, follow it, end it."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway.api.bodies import body
from gateway.api.doors import Door
from gateway.api.sessions import number
from gateway.app import App
from gateway.learning import trying
from hermes_home.errors import UsageError

CASES = 3
LONGEST_WAIT = 60


class NewTrial(msgspec.Struct, forbid_unknown_fields=True):
    """`budget`: tokens it may use; 0 = what `learning.budget` leaves for today."""

    cases: int = CASES
    budget: int = 0


async def plan(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    count = number(request, "cases", CASES)
    return JSONResponse(await trying.plan(app, request.path_params["name"], count))


async def begin(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    new = await body(request, NewTrial)
    if new.budget < 0:
        raise UsageError("a budget is a number of tokens")
    trial = await app.trials.start(request.path_params["name"], new.cases, new.budget)
    return JSONResponse(trying.report(trial), 201)


async def follow(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    trial = app.trials.find(request.path_params["id"])
    seconds = min(number(request, "wait", 0), LONGEST_WAIT)
    await app.trials.wait(trial, number(request, "steps", 0), seconds)
    return JSONResponse(trying.report(trial))


async def end(request: Request) -> JSONResponse:
    app: App = request.app.state.app
    trial = app.trials.find(request.path_params["id"])
    await app.trials.stop(trial)
    return JSONResponse(trying.report(trial))


ROUTES = [
    Door("GET", "/api/skills/{name}/trial", plan, query={"cases": "how many; else 3"}),
    Door("POST", "/api/skills/{name}/trial", begin, takes=NewTrial, status=201),
    Door(
        "GET",
        "/api/trials/{id}",
        follow,
        query={"steps": "those known", "wait": "seconds to wait for more; else none"},
    ),
    Door("DELETE", "/api/trials/{id}", end),
]
