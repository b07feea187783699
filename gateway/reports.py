"""What the doors tell about the parts: status, lists, rows. Plain data, ready for JSON."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from agent.learning import OWNER
from hermes_home.errors import UsageError
from hermes_home.version import VERSION
from memory import listings
from memory.export import FORMATS
from memory.operations import Operation
from memory.outbox import TERMINAL
from memory.redaction import Redactor
from memory.trajectory import Trajectory, trajectory
from memory.usage import Spent, spent_by

if TYPE_CHECKING:
    from gateway.app import App

Row = dict[str, Any]


def stamp(at: float) -> str:
    """A time for display and scripts: ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


# -- status -------------------------------------------------------------------------------------


async def status(app: App) -> Row:
    spent = app.meter.spent
    model = app.settings.model
    total = await app.index.ask(lambda tables: listings.count(tables))
    return {
        "pid": os.getpid(),
        "version": VERSION,
        "home": str(app.home.root),
        "sessions": total,
        "channels": app.hub.health(),
        "model": {
            "provider": model.provider,
            "model": model.default or model.provider,
            "context_window": app.models.window(),
        },
        "api": app.api_address,
        "sandbox": await app.sandbox() or "none",
        "learning": app.learning.mode,
        "working": [
            {
                "session": worker.session,
                "phase": worker.phase,
                "seconds": round(time.monotonic() - worker.since, 1),
            }
            for worker in app.router.working
        ],
        "uptime": round(time.monotonic() - app.started, 1),
        "usage_today": {
            "prompt": spent.prompt,
            "completion": spent.completion,
            "cached": spent.cached,
            "total": spent.total,
            "limit": app.meter.limit,
        },
        "unseen": len(app.outbox.unseen(TERMINAL)),
        "warnings": app.warnings,
    }


async def usage_text(app: App, session: str) -> str:
    """Tokens of a session by purpose, and of today."""
    spent: Spent = await app.index.ask(lambda tables: spent_by(tables, session))
    lines = [f"this session: {spent.total.total:,} tokens in {spent.requests} requests"]
    for purpose, usage in spent.by_purpose.items():
        about = "about " if usage.estimated else ""
        lines.append(
            f"  {purpose:<11} {about}{usage.prompt:,} in ({usage.cached:,} cached),"
            f" {usage.completion:,} out"
        )
    today = app.meter.spent.total
    limit = f" of {app.meter.limit:,}" if app.meter.limit else ""
    return "\n".join([*lines, f"today: {today:,}{limit} tokens"])


# -- sessions -----------------------------------------------------------------------------------


async def sessions(app: App, *, limit: int = 50, source: str = "", cwd: str = "") -> list[Row]:
    rows = await app.index.ask(lambda tables: listings.sessions(tables, limit, source, cwd))
    return [_session(row) for row in rows]


async def session_row(app: App, reference: str) -> Row:
    """One session; `seen` is the last event a terminal is known to have shown."""
    row = await _session_meant(app, reference)
    waiting = [one.seq for one in app.outbox.unseen(TERMINAL) if one.session == row.id]
    seen = min(waiting) - 1 if waiting else app.journal.last_seq()
    return {**_session(row), "seen": seen}


async def find_session(app: App, reference: str) -> str:
    """The id of the session a person means: id, its beginning, or a title."""
    if reference in app.router.workers or app.journal.has_session(reference):
        return reference
    return (await _session_meant(app, reference)).id


async def _session_meant(app: App, reference: str) -> listings.SessionRow:
    rows = await app.index.ask(lambda tables: listings.find_sessions(tables, reference))
    if not rows:
        raise UsageError(f"there is no session {reference!r}", "`hermes sessions list` shows them.")
    if len(rows) > 1:
        names = ", ".join(f"{row.id} ({row.title})" for row in rows[:5])
        raise UsageError(f"{reference!r} may be {names}", "Give more of its id.")
    return rows[0]


def _session(row: listings.SessionRow) -> Row:
    return {
        **asdict(row),
        "started_at": stamp(row.started_at),
        "updated_at": stamp(row.updated_at),
    }


async def search(app: App, query: str, limit: int, session: str) -> list[Row]:
    found = await app.index.search(query, limit, session or None)
    return [{**asdict(hit), "at": stamp(hit.at)} for hit in found.hits]


async def export(app: App, session: str, format: str) -> str:
    """A session as text, secrets taken out."""
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"There are: {', '.join(FORMATS)}.")
    steps = trajectory(app.journal.read(session), app.journal.blob)
    clean = msgspec.convert(Redactor(app.secret_values()).value(steps.plain()), Trajectory)
    return FORMATS[format](clean)


async def delete_session(app: App, session: str) -> Row:
    """Everything said in a session is overwritten; what was learned from it stays."""
    if session in app.router.workers and app.router.workers[session].busy:
        raise UsageError(f"{session} is working", "Stop it first: /stop in its chat.")
    row = await session_row(app, session)
    await app.journal.erase(session)
    await app.index.rebuild()
    return row


async def mark_seen(app: App, session: str, seq: int) -> None:
    """The terminal has shown everything up to this event."""
    for parcel in app.outbox.unseen(TERMINAL):
        if parcel.session == session and parcel.seq <= seq:
            await app.outbox.mark(parcel.id, "final")


# -- what was learned ---------------------------------------------------------------------------


async def changes(app: App, *, everything: bool = False, limit: int = 200) -> list[Row]:
    rows = await app.index.ask(lambda tables: listings.changes(tables, limit, everyone=everything))
    return [_change(row) for row in rows]


async def session_changes(app: App, session: str) -> list[Row]:
    rows = await app.index.ask(lambda tables: listings.changes(tables, 200, session))
    return [_change(row) for row in reversed(rows)]


async def change(app: App, id: int) -> Row:
    """One change with the texts before and after."""
    row = await app.index.ask(lambda tables: listings.change(tables, id))
    intended = app.intent(id)
    if row is None or intended is None:
        raise UsageError(f"there is no change {id}", "`hermes learning list` shows them.")
    return {
        **_change(row),
        "files": [
            {"path": file.path, "before": file.before, "after": file.after}
            for file in intended.files
        ],
        "entry_before": intended.entry_before,
        "entry_after": intended.entry_after,
        "evidence": list(intended.evidence),
    }


def _change(row: listings.ChangeRow) -> Row:
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name
        if row.kind == "skill"
        else " ".join((row.entry or row.name).split())[:120],
        "action": row.action,
        "status": row.status,
        "actor": row.actor,
        "session": row.session,
        "at": stamp(row.at),
        "reason": row.reason,
    }


# -- skills and notes ---------------------------------------------------------------------------


def skills(app: App) -> list[Row]:
    return [
        {
            "name": skill.name,
            "description": skill.description,
            "category": skill.category,
            "root": skill.layer,
            "folder": str(skill.folder),
            "diagnostics": [str(diagnostic) for diagnostic in skill.diagnostics],
        }
        for skill in app.library.skills().values()
    ]


def skill(app: App, name: str, path: str = "") -> Row:
    """A skill's instructions, or one of its files."""
    found = app.library.require(name)
    if path:
        content = app.library.read_resource(name, path)
        text = content if isinstance(content, str) else f"{len(content)} bytes, not text"
        return {"name": found.name, "path": path, "content": text}
    return {
        "name": found.name,
        "description": found.description,
        "dir": str(found.folder),
        "body": found.body,
        "resources": app.library.resources(name),
    }


async def notes(app: App) -> Row:
    """Every entry, with what is known of how it came."""
    status = await _note_statuses(app)
    settings = app.settings.memory
    return {
        "memory": [_note(text, status) for text in app.notes.entries("memory")],
        "user": [_note(text, status) for text in app.notes.entries("user")],
        "limits": {"memory_chars": settings.memory_chars, "user_chars": settings.user_chars},
    }


def _note(text: str, status: dict[str, Any]) -> Row:
    return {"text": text, "status": status.get(text, "active")}


async def candidate_notes(app: App) -> list[str]:
    """Notes whose use is not shown yet: they stay out of the prompts of other sessions. Every new
    session asks, so the answer is kept until something is learned or undone."""
    at = app.journal.last_change
    if app.candidates is None or app.candidates[0] != at:
        statuses = await _note_statuses(app)
        app.candidates = (at, [text for text, status in statuses.items() if status == "candidate"])
    return app.candidates[1]


async def _note_statuses(app: App) -> dict[str, str]:
    """What the last change of each entry made of it."""
    rows = await app.index.ask(lambda tables: listings.changes(tables, 10_000, everyone=True))
    return {row.entry: row.status for row in reversed(rows) if row.kind != "skill"}


async def change_notes(app: App, operations: list[Row]) -> list[Row]:
    """The owner's own changes."""
    asked = [msgspec.convert(operation, Operation) for operation in operations]
    made = await app.notes.apply(asked, OWNER)
    return [
        {"id": change.id, "kind": change.kind, "action": change.action, "status": change.status}
        for change in made
    ]


async def note_history(app: App) -> list[Row]:
    rows = await changes(app, everything=True)
    return [row for row in rows if row["kind"] != "skill"]
