"""What the doors tell about the notes: entries with what is known of each, and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.learning.door import OWNER, Change
from gateway.learning.learned import change_row
from gateway.reports import Row, stamp
from memory import listings
from memory.notes.entries import normal
from memory.notes.operations import Operation, Target
from memory.notes.scope import expired, parse

if TYPE_CHECKING:
    from gateway.app import App

HISTORY = 200


async def notes(app: App) -> Row:
    """Every entry, with what is known of how it came."""
    changes, settings = await _last_changes(app), app.settings.memory
    return {
        "memory": _entries(app, "memory", changes),
        "user": _entries(app, "user", changes),
        "limits": {"memory_chars": settings.memory_chars, "user_chars": settings.user_chars},
    }


def _entries(app: App, target: Target, changes: dict[str, listings.ChangeRow]) -> list[Row]:
    return [_entry(app, text, changes.get(text)) for text in app.notes.entries(target)]


def _entry(app: App, text: str, change: listings.ChangeRow | None) -> Row:
    """`change` and `learned_at` are empty for what was written by hand."""
    scoped = parse(text)
    return {
        "text": text,
        "status": change.status if change else "active",
        "change": change.id if change else 0,
        "learned_at": stamp(change.at) if change else "",
        "place": scoped.place,
        "until": str(scoped.until or ""),
        "expired": expired(text, app.today()),
    }


async def candidates(app: App) -> list[str]:
    """Notes whose use is not shown yet: they stay out of the prompts of other sessions. Every new
    session asks, so the answer is kept until something is learned or undone."""
    at = app.journal.last_change
    if app.candidates is None or app.candidates[0] != at:
        changes = await _last_changes(app)
        app.candidates = (at, [text for text, row in changes.items() if row.status == "candidate"])
    return app.candidates[1]


async def _last_changes(app: App) -> dict[str, listings.ChangeRow]:
    """The last change of each entry, by its text."""
    rows = await app.index.ask(listings.note_changes)
    return {row.entry: row for row in rows}


async def change(app: App, operations: list[Row], cwd: str = "") -> list[Row]:
    """The owner's own changes; `cwd` is where entries for one workspace hold."""
    asked = [msgspec.convert(operation, Operation) for operation in operations]
    made = await app.notes.apply(asked, OWNER, cwd)
    if not made:
        made = await _confirmed(app, [one.text for one in asked if one.action == "add"])
    return [_made(app, change) for change in made]


def _made(app: App, change: Change) -> Row:
    """A change, with the entry before and after it; either may be empty."""
    intended = app.intent(change.id)
    assert intended is not None  # the door stored it
    return {
        "id": change.id,
        "kind": change.kind,
        "action": change.action,
        "status": change.status,
        "entry_before": intended.entry_before,
        "entry_after": intended.entry_after,
    }


async def _confirmed(app: App, texts: list[str]) -> list[Change]:
    """What the owner says himself needs no more proof: candidates of the same words are active."""
    said = {normal(text) for text in texts}
    rows = (await _last_changes(app)).values()
    meant = [row.id for row in rows if row.status == "candidate" and normal(row.entry) in said]
    return [await app.door.approve(id, OWNER) for id in meant]


async def history(app: App) -> list[Row]:
    """The latest changes, newest first, and which of them superseded which."""
    rows = await app.index.ask(listings.note_changes)
    replaced, replacers = listings.replaced(rows), listings.replacers(rows)
    return [
        {
            **change_row(app, row),
            "replaces": replaced.get(row.id, 0),
            "replaced_by": replacers.get(row.id, 0),
        }
        for row in rows[: -HISTORY - 1 : -1]
    ]
