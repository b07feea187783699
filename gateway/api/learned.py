"""What was learned, what it knows how to do, what it remembers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway import reports
from gateway.api.bodies import body
from gateway.api.doors import Door, Row
from gateway.api.sessions import number
from gateway.learning import deciding, learned, noted, proof
from hermes_home.errors import UsageError


class NoteOperations(msgspec.Struct, forbid_unknown_fields=True):
    operations: list[dict[str, Any]]
    cwd: str = ""


def _id(request: Request) -> int:
    text = request.path_params["id"]
    if not text.isdigit():
        raise UsageError(f"{text} is no id of a change", "`hermes learning list` shows the ids.")
    return int(text)


async def list_changes(request: Request) -> JSONResponse:
    app = request.app.state.app
    return JSONResponse(
        await learned.timeline(app, everything=request.query_params.get("all") == "1")
    )


async def show_change(request: Request) -> JSONResponse:
    app = request.app.state.app
    return JSONResponse(await learned.change(app, _id(request)))


async def decide(request: Request) -> JSONResponse:
    """undo, redo, approve, reject, forget or purge, by the owner's word."""
    app = request.app.state.app
    return JSONResponse(await deciding.decided(app, _id(request), request.path_params["verb"]))


async def list_skills(request: Request) -> JSONResponse:
    app = request.app.state.app
    await asyncio.to_thread(app.library.refresh)
    rows = reports.skills(app)
    if words := request.query_params.get("q", ""):
        named = {row["name"]: row for row in rows}
        found = app.library.matches(words, number(request, "limit", 20))
        rows = [named[skill.name] for skill in found]
    return JSONResponse(rows)


async def show_skill(request: Request) -> JSONResponse:
    app = request.app.state.app
    path = request.query_params.get("path", "")
    return JSONResponse(reports.skill(app, request.path_params["name"], path))


async def show_evidence(request: Request) -> JSONResponse:
    app = request.app.state.app
    return JSONResponse(await proof.skill_evidence(app, request.path_params["name"]))


async def show_stats(request: Request) -> JSONResponse:
    return JSONResponse(await proof.learning_stats(request.app.state.app))


async def show_notes(request: Request) -> JSONResponse:
    return JSONResponse(await noted.notes(request.app.state.app))


async def change_notes(request: Request) -> JSONResponse:
    app = request.app.state.app
    asked = await body(request, NoteOperations)
    changes = await noted.change(app, asked.operations, asked.cwd)
    await app.history.flush()
    return JSONResponse({**await noted.notes(app), "changes": changes})


async def note_history(request: Request) -> JSONResponse:
    return JSONResponse(await noted.history(request.app.state.app))


ROUTES = [
    Door(
        "GET",
        "/api/learning",
        list_changes,
        gives=list[Row],
        query={"all": "1 = the owner's changes too"},
    ),
    Door("GET", "/api/learning/stats", show_stats),
    Door("GET", "/api/learning/{id}", show_change),
    Door("POST", "/api/learning/{id}/{verb}", decide),
    Door(
        "GET",
        "/api/skills",
        list_skills,
        gives=list[Row],
        query={"q": "only those that match these words, best first", "limit": "at most; else 20"},
    ),
    Door("GET", "/api/skills/{name}", show_skill, query={"path": "one of its files"}),
    Door("GET", "/api/skills/{name}/evidence", show_evidence),
    Door("GET", "/api/memory", show_notes),
    Door("POST", "/api/memory", change_notes, takes=NoteOperations),
    Door("GET", "/api/memory/history", note_history, gives=list[Row]),
]
