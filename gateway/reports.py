"""What the doors tell about the parts: status, lists, rows. Plain data, ready for JSON."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hermes_home.errors import UsageError
from hermes_home.version import VERSION
from memory import listings
from memory.export import FORMATS
from memory.outbox import TERMINAL
from memory.redaction import Redactor
from memory.trajectory import redacted, trajectory
from memory.usage import Spent, spent_by
from skills.overlays import differences, overlays, shown
from skills.skill import Skill, slug

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


async def sessions(
    app: App,
    *,
    limit: int = 50,
    source: str = "",
    cwd: str = "",
    trials: bool = False,
    ran: bool = False,
) -> list[Row]:
    rows = await app.index.ask(
        lambda tables: listings.sessions(tables, limit, source, cwd, trials=trials, ran=ran)
    )
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
    return FORMATS[format](redacted(steps, Redactor(app.secret_values())))


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


# -- skills ------------------------------------------------------------------------------------


def skills(app: App) -> list[Row]:
    """`state` says something of those that are `learned`; `overlay`: of copies of bundled ones."""
    upkeep, copies = app.upkeep, overlays(app.library, app.upkeep.origins)
    return [
        {
            "name": skill.name,
            "description": skill.description,
            "category": skill.category,
            "root": skill.layer,
            "state": upkeep.states.of(skill.name).state if skill.layer == "home" else "active",
            "learned": skill.layer == "home" and upkeep.states.of(skill.name).learned,
            "rights": sorted(app.door.rights.held("skill", skill.name)),
            "overlay": shown(copies, skill.name),
            "folder": str(skill.folder),
            "diagnostics": [str(diagnostic) for diagnostic in skill.diagnostics],
            "unmet": app.library.unmet().get(skill.name, ""),
        }
        for skill in app.library.skills().values()
    ]


def overlay(app: App, name: str) -> Row:
    """How a copy of a bundled skill differs from it; `before`: the bundled text of now."""
    files = [
        {"path": one.path, "before": one.bundled, "after": one.own}
        for one in differences(app.library, name)
    ]
    found = required(app, name).name
    return {
        "name": found,
        **(shown(overlays(app.library, app.upkeep.origins), found) or {}),
        "files": files,
    }


def required(app: App, name: str) -> Skill:
    """The skill of this name; UsageError says of an archived one how it comes back."""
    refuse_archived(app, name)
    return app.library.require(name)


def refuse_archived(app: App, name: str) -> None:
    name = slug(name)
    if app.library.get(name) is None and name in app.upkeep.states.named("archived"):
        raise UsageError(
            f"the skill {name} is archived", f"To have it back: hermes curator restore {name}"
        )


def skill(app: App, name: str, path: str = "") -> Row:
    """A skill's instructions, or one of its files."""
    found = required(app, name)
    if path:
        content = app.library.read_resource(name, path)
        text = content if isinstance(content, str) else f"{len(content)} bytes, not text"
        return {"name": found.name, "path": path, "content": text}
    return {
        "name": found.name,
        "description": found.description,
        "dir": str(found.folder),
        "body": found.body,
        "unmet": app.library.unmet().get(found.name, ""),
        "resources": app.library.resources(name),
    }
