"""Sessions and learned changes as lists, read from the views."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields

from agent.events import ChangeKind, ChangeStatus
from memory.views import TRIAL


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session. state: idle, working, waiting (for the owner), parked or suspended. Times are
    seconds since the epoch; `answer` is the beginning of the last one."""

    id: str
    title: str
    state: str
    source: str
    cwd: str
    model: str
    started_at: float
    updated_at: float
    runs: int
    tool_calls: int
    checkpoints: int
    tokens: int
    answer: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One learned change: made, or proposed and waiting. `entry`: the words of a note; `former`:
    those it had before, the same if it was removed, empty if it is new."""

    id: int
    kind: ChangeKind
    name: str
    action: str
    status: ChangeStatus
    actor: str
    session: str
    checkpoint: int
    at: float
    reason: str
    entry: str
    former: str


_SESSION = f"SELECT {', '.join(f.name for f in fields(SessionRow))} FROM sessions"
_CHANGE = f"SELECT {', '.join(f.name for f in fields(ChangeRow))} FROM changes"


def sessions(
    connection: sqlite3.Connection,
    limit: int = 50,
    source: str = "",
    cwd: str = "",
    *,
    trials: bool = False,
    ran: bool = False,
) -> list[SessionRow]:
    """The sessions used last first; of one source or one workspace if given. Those of trials only
    if asked for; `ran`: none in which nothing was said yet."""
    rows = connection.execute(
        f"{_SESSION} WHERE (?1 = '' OR source = ?1) AND (?2 = '' OR cwd = ?2)"
        " AND (?4 OR ?1 = source OR source <> ?5) AND (runs > 0 OR NOT ?6)"
        " ORDER BY updated_at DESC, number DESC LIMIT ?3",
        (source, cwd, limit, trials, TRIAL, ran),
    )
    return [SessionRow(*row) for row in rows]


def count(connection: sqlite3.Connection) -> int:
    """How many sessions there are, trials apart."""
    found = connection.execute("SELECT count(*) FROM sessions WHERE source <> ?", (TRIAL,))
    return int(found.fetchone()[0])


def find_sessions(connection: sqlite3.Connection, reference: str) -> list[SessionRow]:
    """The sessions a person may mean: by id; else by the beginning of an id; else by title or
    its beginning. The one used last first."""
    for condition in (
        "id = ?",
        "substr(id, 1, length(?1)) = ?1",
        "title = ? COLLATE NOCASE",
        "substr(title, 1, length(?1)) = ?1 COLLATE NOCASE",
    ):
        rows = connection.execute(
            f"{_SESSION} WHERE {condition} ORDER BY updated_at DESC, number DESC", (reference,)
        ).fetchall()
        if rows and reference:
            return [SessionRow(*row) for row in rows]
    return []


def changes(
    connection: sqlite3.Connection, limit: int = 50, session: str = "", everyone: bool = False
) -> list[ChangeRow]:
    """What the program changed or proposed, newest first; `everyone`: the owner's changes too."""
    rows = connection.execute(
        f"{_CHANGE} WHERE happened AND (?1 OR actor <> 'owner') AND (?2 = '' OR session = ?2)"
        " ORDER BY id DESC LIMIT ?3",
        (everyone, session, limit),
    )
    return [ChangeRow(*row) for row in rows]


def change(connection: sqlite3.Connection, id: int) -> ChangeRow | None:
    row = connection.execute(f"{_CHANGE} WHERE happened AND id = ?", (id,)).fetchone()
    return ChangeRow(*row) if row else None


def note_changes(connection: sqlite3.Connection) -> list[ChangeRow]:
    """All changes of notes, oldest first."""
    rows = connection.execute(f"{_CHANGE} WHERE happened AND kind <> 'skill' ORDER BY id")
    return [ChangeRow(*row) for row in rows]


def replacers(rows: Iterable[ChangeRow]) -> dict[int, int]:
    """Of the changes of notes, oldest first: which one replaced or removed what each of them wrote,
    and was not taken back."""
    rows = list(rows)
    undone = {row.id for row in rows if row.status == "undone"}
    return {old: new for new, old in replaced(rows).items() if new not in undone}


def replaced(rows: Iterable[ChangeRow]) -> dict[int, int]:
    """Of the changes of notes, oldest first: which one's words each of them replaced or
    removed."""
    writers: dict[tuple[str, str], int] = {}
    found = {}
    for row in rows:
        written = row.status not in ("proposed", "rejected")
        if not written or row.action == "undo":
            continue
        if writer := writers.get((row.kind, row.former)):
            found[row.id] = writer
        if row.entry != row.former:
            writers[row.kind, row.entry] = row.id
    return found
