"""What was learned, what it knows how to do, what it remembers."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from agent.learning import OWNER
from gateway import reports
from gateway.api.bodies import body
from gateway.api.doors import Door, Row
from hermes_home.errors import UsageError


class NoteOperations(msgspec.Struct, forbid_unknown_fields=True):
    operations: list[dict[str, Any]]


def _id(request: Request) -> int:
    text = request.path_params["id"]
    if not text.isdigit():
        raise UsageError(f"{text} is no id of a change", "`hermes learning list` shows the ids.")
    return int(text)


async def list_changes(request: Request) -> JSONResponse:
    app = request.app.state.app
    return JSONResponse(
        await reports.changes(app, everything=request.query_params.get("all") == "1")
    )


async def show_change(request: Request) -> JSONResponse:
    return JSONResponse(await reports.change(request.app.state.app, _id(request)))


async def decide(request: Request) -> JSONResponse:
    """undo, approve or reject, by the owner's word."""
    app = request.app.state.app
    verbs = {"undo": app.door.undo, "approve": app.door.approve, "reject": app.door.reject}
    verb = verbs.get(request.path_params["verb"])
    if verb is None:
        raise UsageError(f"a change can be {', '.join(verbs)}")
    id = _id(request)
    await verb(id, OWNER)
    await app.history.flush()
    app.library.refresh()
    return JSONResponse(await reports.change(app, id))


async def list_skills(request: Request) -> JSONResponse:
    return JSONResponse(reports.skills(request.app.state.app))


async def show_skill(request: Request) -> JSONResponse:
    app = request.app.state.app
    path = request.query_params.get("path", "")
    return JSONResponse(reports.skill(app, request.path_params["name"], path))


async def show_notes(request: Request) -> JSONResponse:
    return JSONResponse(await reports.notes(request.app.state.app))


async def change_notes(request: Request) -> JSONResponse:
    app = request.app.state.app
    operations = (await body(request, NoteOperations)).operations
    changes = await reports.change_notes(app, operations)
    await app.history.flush()
    return JSONResponse({**await reports.notes(app), "changes": changes})


async def note_history(request: Request) -> JSONResponse:
    return JSONResponse(await reports.note_history(request.app.state.app))


ROUTES = [
    Door(
        "GET",
        "/api/learning",
        list_changes,
        gives=list[Row],
        query={"all": "1 = the owner's changes too"},
    ),
    Door("GET", "/api/learning/{id}", show_change),
    Door("POST", "/api/learning/{id}/{verb}", decide),
    Door("GET", "/api/skills", list_skills, gives=list[Row]),
    Door("GET", "/api/skills/{name}", show_skill, query={"path": "one of its files"}),
    Door("GET", "/api/memory", show_notes),
    Door("POST", "/api/memory", change_notes, takes=NoteOperations),
    Door("GET", "/api/memory/history", note_history, gives=list[Row]),
]
