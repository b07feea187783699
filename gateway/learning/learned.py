"""What the doors tell of learned changes: the timeline, and all that is known of one of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.events import ChangeIntended, FileChange
from gateway.learning import proof
from gateway.reports import stamp
from hermes_home.errors import HermesError, UsageError
from memory import listings
from memory.outcomes.sources import source_of

if TYPE_CHECKING:
    from gateway.app import App

Row = dict[str, Any]

FORGOTTEN = "(forgotten)"


async def timeline(app: App, *, everything: bool = False, limit: int = 200) -> list[Row]:
    """What the agent changed or proposed, newest first; `everything`: the owner's changes too."""
    rows = await app.index.ask(lambda tables: listings.changes(tables, limit, everyone=everything))
    return [change_row(app, row) for row in rows]


async def short(app: App, id: int) -> Row:
    """One change without its texts; UsageError if there is none."""
    small = id.bit_length() < 64  # no number that SQLite cannot hold is looked up
    row = await app.index.ask(lambda tables: listings.change(tables, id)) if small else None
    if row is None:
        raise UsageError(f"there is no change {id}", "`hermes learning list` shows them.")
    return change_row(app, row)


def change_row(app: App, row: listings.ChangeRow) -> Row:
    forgotten = app.journal.masks.covers(row.id)
    name = row.name if row.kind == "skill" else " ".join((row.entry or row.name).split())
    return {
        "id": row.id,
        "kind": row.kind,
        "name": FORGOTTEN if forgotten else name,
        "action": row.action,
        "status": "undone" if forgotten else _status(app, row),
        "actor": row.actor,
        "session": row.session,
        "at": stamp(row.at),
        "reason": row.reason,
        "forgotten": forgotten,
    }


def _status(app: App, row: listings.ChangeRow) -> str:
    """What became of it: of a skill's text by evidence, also after the change."""
    if row.kind != "skill" or row.actor == "owner" or row.status not in ("candidate", "active"):
        return row.status
    state = app.upkeep.states.of(row.name).state
    return state if state in ("active", "quarantined") else row.status


async def change(app: App, id: int) -> Row:
    """One change: its texts before and after, where it came from and what it rests on, what it
    replaced, and how what it wrote stands today. Nothing of a forgotten one but that it was."""
    row = await short(app, id)
    intended = _shown(app, id)
    links = await _links(app, id, intended)
    if row["forgotten"]:
        empty = {"files": [], "entry_before": "", "entry_after": "", "evidence": []}
        return {**row, **empty, **links}
    return {
        **row,
        "files": [
            {"path": one.path, "before": _text(one, one.before), "after": _text(one, one.after)}
            for one in intended.files
        ],
        "entry_before": intended.entry_before,
        "entry_after": intended.entry_after,
        **links,
        **await _source(app, id, intended),
        **await _standing(app, intended),
    }


def written_since(app: App, ids: list[int]) -> list[Row]:
    """The files that these changes of a skill were about: as they were before the first of them,
    and as they are now."""
    first: dict[str, str | None] = {}
    for id in ids:
        for file in _shown(app, id).files:
            first.setdefault(file.path, _text(file, file.before))
    now = {path: _read(app.home.root / path) for path in first}
    return [
        {"path": path, "before": before, "after": now[path]}
        for path, before in sorted(first.items())
        if before != now[path]
    ]


def _read(file: Path) -> str | None:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return None


def _text(file: FileChange, text: str | None) -> str | None:
    """A text of a change; of what the journal does not hold itself, where it is."""
    return f"sha256 {text}\n" if file.kept and text is not None else text


def _shown(app: App, id: int) -> ChangeIntended:
    """The change as views see it."""
    stored = app.journal.read_all(after=id - 1, limit=1)[0]
    assert isinstance(stored.event, ChangeIntended)  # the index lists no other ids
    return stored.event


async def _links(app: App, id: int, intended: ChangeIntended) -> Row:
    """Which changes this one took back, carried out or replaced, and which replaced it."""
    found: Row = {"undoes": intended.undoes, "approves": intended.approves}
    if intended.kind == "skill":
        return {**found, "replaces": 0, "replaced_by": 0}
    rows = await app.index.ask(listings.note_changes)
    replaces, replaced_by = listings.replaced(rows), listings.replacers(rows)
    return {**found, "replaces": replaces.get(id, 0), "replaced_by": replaced_by.get(id, 0)}


async def _source(app: App, id: int, intended: ChangeIntended) -> Row:
    if not intended.session:
        return {"evidence": [], "said": "", "outcome": "", "lessons": []}
    source = source_of(app.journal.read(intended.session), id, intended)
    ground = f"{source.outcome.outcome} ({source.outcome.ground})" if source.outcome else ""
    return {
        "evidence": [asdict(one) for one in source.evidence],
        "said": source.said,
        "outcome": ground.removesuffix(" (none)"),
        "lessons": list(source.lessons),
    }


async def _standing(app: App, intended: ChangeIntended) -> Row:
    """Of a skill its state and figures; of both the owner's rights."""
    if intended.kind != "skill":
        entry = intended.entry_after
        held = app.door.rights.held(intended.kind, entry) if entry else frozenset()
        return {"rights": sorted(held)}
    standing = app.upkeep.states.of(intended.name)
    there = app.library.get(intended.name) is not None or standing.state != "active"
    return {
        "rights": sorted(app.door.rights.held("skill", intended.name)),
        "state": standing.state if there else "",
        "state_reason": standing.reason,
        "figures": await _figures(app, intended.name),
    }


async def _figures(app: App, name: str) -> str:
    """The evidence on a skill's text of today, in one line; empty if there is none."""
    try:
        series = (await proof.skill_evidence(app, name))["series"]
    except HermesError:
        return ""
    current = [one for one in series if one["current"]]
    if not current:
        return ""
    one = current[0]
    return (
        f"offered {one['offered']} times, withheld {one['withheld']}; succeeded"
        f" {one['success_with']} of {one['runs_with']} with it,"
        f" {one['success_without']} of {one['runs_without']} without"
    )
