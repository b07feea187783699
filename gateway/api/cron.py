"""Recurring work: jobs, what became of their due times, and the owner's inbox."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway.api.bodies import body
from gateway.api.doors import Door, Row
from gateway.api.sessions import number
from gateway.cron.job import Job
from hermes_home.errors import UsageError

MOST_WAIT = 25
"""Seconds one request may wait for an occurrence to be final."""
NEXT = 5
"""Due times that are shown of one job."""


class NewJob(msgspec.Struct, forbid_unknown_fields=True):
    schedule: str
    prompt: str = ""
    name: str = ""
    script: str = ""
    tz: str = ""
    misfire: Literal["once", "skip", "all"] = "once"
    deliver: str = ""
    skills: tuple[str, ...] = ()
    model: str = ""
    provider: str = ""
    workspace: str = ""


class JobChanges(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is left out stays as it is. `before` and `text`: the whole file, as it was and as it
    is to be; then nothing else is taken."""

    schedule: str | None = None
    prompt: str | None = None
    script: str | None = None
    tz: str | None = None
    misfire: Literal["once", "skip", "all"] | None = None
    deliver: str | None = None
    skills: tuple[str, ...] | None = None
    model: str | None = None
    provider: str | None = None
    workspace: str | None = None
    enabled: bool | None = None
    before: str | None = None
    text: str | None = None


class Seen(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[int]


async def _cron(request: Request) -> Any:
    return await request.app.state.app.recurring.cron()


async def list_jobs(request: Request) -> JSONResponse:
    return JSONResponse((await _cron(request)).rows())


async def create(request: Request) -> JSONResponse:
    """On disk and committed when this answers."""
    new = await body(request, NewJob)
    values = msgspec.structs.asdict(new)
    name = values.pop("name")
    cron = await _cron(request)
    loaded = await cron.desk.create(Job(**values), name)
    return JSONResponse(cron.row(loaded.name, NEXT), 201)


async def show(request: Request) -> JSONResponse:
    count = number(request, "next", NEXT)
    return JSONResponse((await _cron(request)).row(request.path_params["name"], min(count, 100)))


async def edit(request: Request) -> JSONResponse:
    name, changes = request.path_params["name"], await body(request, JobChanges)
    cron = await _cron(request)
    if changes.text is not None:
        await cron.desk.replace(name, changes.before or "", changes.text)
    else:
        given = {key: value for key, value in msgspec.structs.asdict(changes).items()}
        given = {key: value for key, value in given.items() if value is not None}
        if not given or "before" in given:
            raise UsageError("there is nothing to change", "name a key, such as schedule")
        await cron.desk.edit(name, given)
    return JSONResponse(cron.row(name, NEXT))


async def remove(request: Request) -> JSONResponse:
    name = request.path_params["name"]
    await (await _cron(request)).desk.remove(name)
    return JSONResponse({"removed": name})


async def run(request: Request) -> JSONResponse:
    """The occurrence that now begins."""
    cron = await _cron(request)
    return JSONResponse(cron.occurrence((await cron.desk.run(request.path_params["name"])).id), 202)


async def history(request: Request) -> JSONResponse:
    limit = number(request, "limit", 50)
    return JSONResponse((await _cron(request)).history(request.path_params["name"], limit))


async def occurrence(request: Request) -> JSONResponse:
    """One occurrence; with `wait` as soon as it is final, or after so many seconds."""
    text = request.path_params["id"]
    if not text.isdigit():
        raise UsageError(f"{text} is no id of an occurrence", "hermes cron history NAME")
    cron = await _cron(request)
    wait = min(number(request, "wait", 0), MOST_WAIT)
    if wait:
        await cron.runner.wait(int(text), wait)
    return JSONResponse(cron.occurrence(int(text)))


async def list_inbox(request: Request) -> JSONResponse:
    """Results that no terminal has shown yet. Asking does not start anything."""
    app = request.app.state.app
    cron = app.recurring.begun
    if cron is None and not any(row.kind == "job" for row in app.outbox.unseen("terminal")):
        return JSONResponse([])
    return JSONResponse((cron or await app.recurring.cron()).unseen())


async def seen(request: Request) -> JSONResponse:
    app = request.app.state.app
    for id in (await body(request, Seen)).ids:
        parcel = app.outbox.get(id)
        if parcel is not None and parcel.kind == "job" and parcel.channel == "terminal":
            await app.outbox.mark(id, "final")
    return JSONResponse({"ok": True})


ROUTES = [
    Door("GET", "/api/cron", list_jobs, gives=list[Row]),
    Door("POST", "/api/cron", create, takes=NewJob, status=201),
    Door("GET", "/api/cron/{name}", show, query={"next": "how many due times to tell"}),
    Door("PATCH", "/api/cron/{name}", edit, takes=JobChanges),
    Door("DELETE", "/api/cron/{name}", remove),
    Door("POST", "/api/cron/{name}/run", run, status=202),
    Door("GET", "/api/cron/{name}/history", history, gives=list[Row], query={"limit": "rows"}),
    Door(
        "GET",
        "/api/occurrences/{id}",
        occurrence,
        query={"wait": f"seconds to wait until it is final, at most {MOST_WAIT}"},
    ),
    Door("GET", "/api/inbox", list_inbox, gives=list[Row]),
    Door("POST", "/api/inbox/seen", seen, takes=Seen),
]
