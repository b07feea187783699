"""Sessions, and what is said in them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from agent.events import SessionRenamed
from agent.inputs import Answer, AnyInput, Decision, RunOptions, Said, Stop
from gateway import commands, reports
from gateway.api.bodies import body, idempotency_key
from gateway.api.doors import Door, Row, answer
from gateway.slash import Done, Listed
from hermes_home.errors import UsageError


class NewSession(msgspec.Struct, forbid_unknown_fields=True):
    source: str = "api"
    cwd: str = ""
    title: str = ""


class NewInput(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["message", "queue", "stop", "decision", "answer"]
    text: str = ""
    options: RunOptions = RunOptions()
    call_id: str = ""
    allow: bool = False
    session: bool = False
    reason: str = ""


class Command(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    options: RunOptions = RunOptions()


class Title(msgspec.Struct, forbid_unknown_fields=True):
    title: str


class Seen(msgspec.Struct, forbid_unknown_fields=True):
    seq: int


def number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if text and not text.isdigit():
        raise UsageError(f"{name}={text}: a whole number is needed")
    return int(text) if text else default


class Created(msgspec.Struct):
    id: str


class Accepted(msgspec.Struct):
    """An input's receipt: its place among those that wait, and the last event before it."""

    input: str
    session: str
    position: int
    after: int


async def list_sessions(request: Request) -> JSONResponse:
    app = request.app.state.app
    query = request.query_params
    rows = await reports.sessions(
        app,
        limit=number(request, "limit", 50),
        source=query.get("source", ""),
        cwd=query.get("cwd", ""),
        trials=query.get("all") == "1",
        ran=query.get("ran") == "1",
    )
    return JSONResponse(rows)


async def create(request: Request) -> Response:
    app = request.app.state.app
    new = await body(request, NewSession)
    cwd = Path(new.cwd or Path.home())
    if not cwd.is_absolute() or not cwd.is_dir():
        raise UsageError(f"{cwd} is not a folder here", "Give an absolute path of a folder.")
    id = await app.router.open_session(new.source, cwd, new.title)
    return answer(Created(id), 201)


async def show(request: Request) -> JSONResponse:
    app = request.app.state.app
    return JSONResponse(await reports.session_row(app, request.path_params["id"]))


async def rename(request: Request) -> JSONResponse:
    app = request.app.state.app
    id = await reports.find_session(app, request.path_params["id"])
    title = (await body(request, Title)).title.strip()
    if not title:
        raise UsageError("a title needs words")
    await app.record(SessionRenamed(title=title[:200]), id, "")
    return JSONResponse(await reports.session_row(app, id))


async def delete(request: Request) -> JSONResponse:
    app = request.app.state.app
    id = await reports.find_session(app, request.path_params["id"])
    return JSONResponse(await reports.delete_session(app, id))


async def search(request: Request) -> JSONResponse:
    app = request.app.state.app
    query = request.query_params
    hits = await reports.search(
        app, query.get("q", ""), number(request, "limit", 20), query.get("session", "")
    )
    return JSONResponse(hits)


async def export(request: Request) -> PlainTextResponse:
    app = request.app.state.app
    id = await reports.find_session(app, request.path_params["id"])
    return PlainTextResponse(
        await reports.export(app, id, request.query_params.get("format", "jsonl"))
    )


async def post_input(request: Request) -> Response:
    """Committed when this answers."""
    app = request.app.state.app
    session = await reports.find_session(app, request.path_params["id"])
    new = await body(request, NewInput)
    key = idempotency_key(request)
    receipt = await app.router.submit(session, _input(new, key), source="api", key=key)
    return answer(Accepted(receipt.id, session, receipt.position, receipt.after_seq), 202)


def _input(new: NewInput, key: str) -> AnyInput:
    id = f"i{hashlib.sha256(key.encode()).hexdigest()[:16]}" if key else f"i{uuid4().hex[:16]}"
    if new.kind == "stop":
        return Stop(id=id, reason=new.reason or "stopped by the user")
    if new.kind == "decision":
        return Decision(
            id=id, call_id=new.call_id, allow=new.allow, session=new.session, reason=new.reason
        )
    if new.kind == "answer":
        return Answer(id=id, call_id=new.call_id, text=new.text)
    if not new.text.strip():
        raise UsageError("there is nothing in this message", "Say what should be done.")
    mode: Literal["queue", "steer"] = "queue" if new.kind == "queue" else "steer"
    return Said(id=id, text=new.text, mode=mode, options=new.options)


async def post_command(request: Request) -> JSONResponse:
    app = request.app.state.app
    session = await reports.find_session(app, request.path_params["id"])
    command = await body(request, Command)
    done = await commands.execute(app, session, command.text, command.options)
    return JSONResponse(msgspec.to_builtins(done))


async def list_commands(request: Request) -> JSONResponse:
    return JSONResponse(msgspec.to_builtins(commands.listing(request.app.state.app)))


async def seen(request: Request) -> JSONResponse:
    app = request.app.state.app
    session = await reports.find_session(app, request.path_params["id"])
    await reports.mark_seen(app, session, (await body(request, Seen)).seq)
    return JSONResponse({"ok": True})


ROUTES = [
    Door(
        "GET",
        "/api/sessions",
        list_sessions,
        gives=list[Row],
        query={
            "limit": "at most this many; else 50",
            "source": "only from here: terminal, oneshot, api, a channel",
            "cwd": "only of this workspace",
            "all": "1 = those of trials too",
            "ran": "1 = none in which nothing was said yet",
        },
    ),
    Door("POST", "/api/sessions", create, takes=NewSession, gives=Created, status=201),
    Door(
        "GET",
        "/api/sessions/search",
        search,
        gives=list[Row],
        query={"q": "the words", "limit": "at most this many; else 20", "session": "only in it"},
    ),
    Door("GET", "/api/sessions/{id}", show),
    Door("PATCH", "/api/sessions/{id}", rename, takes=Title),
    Door("DELETE", "/api/sessions/{id}", delete),
    Door(
        "GET",
        "/api/sessions/{id}/export",
        export,
        gives=str,
        media="text/plain",
        query={"format": "jsonl (else), md, sharegpt, messages, llamafactory"},
    ),
    Door(
        "POST",
        "/api/sessions/{id}/inputs",
        post_input,
        takes=NewInput,
        gives=Accepted,
        headers={"Idempotency-Key": "the same key within 7 days is the same input"},
        status=202,
    ),
    Door("POST", "/api/sessions/{id}/commands", post_command, takes=Command, gives=Done),
    Door("POST", "/api/sessions/{id}/seen", seen, takes=Seen),
    Door("GET", "/api/commands", list_commands, gives=list[Listed]),
]
