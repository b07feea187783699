"""Sessions, usage, learned changes and runs as tables of index.db, folded from the journal.

Each event is folded once, in order, by the functions for its kind. The fold reads nothing but the
tables it writes and the journal up to the event, so views kept up to date are the same as views
made anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from agent.events import (
    Answered,
    AnyEvent,
    ApprovalDecided,
    ApprovalRequested,
    ChangeDecided,
    ChangeIntended,
    ChangeMade,
    CheckpointFinished,
    ModelReplied,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunJudged,
    RunParked,
    RunResumed,
    RunStarted,
    RunSuspended,
    SessionOpened,
    SessionRenamed,
    Stored,
    ToolStarted,
    UserSpoke,
)
from memory.outcomes import run_tables

VERSION = 8
"""Goes up when the tables or a fold change; an index of another version is made anew."""

TRIAL = "trial"
"""The source of the sessions that trials of skills open: no conversations of anybody's."""
APART = (TRIAL, "batch", "research")
"""Sources of sessions that are found by no search: each is a case that knows nothing of others."""
TITLE_CHARS = 60
ANSWER_CHARS = 400
BUCKET_SECONDS = 900
"""A day of any time zone is a whole number of these; all offsets are multiples of 15 minutes."""

SCHEMA = (
    "CREATE TABLE cursor (seq INTEGER NOT NULL, at REAL NOT NULL)",
    "INSERT INTO cursor VALUES (0, 0)",
    """CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL DEFAULT 'idle',
        source TEXT NOT NULL DEFAULT '',
        cwd TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL DEFAULT '',
        started_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        runs INTEGER NOT NULL DEFAULT 0,
        tool_calls INTEGER NOT NULL DEFAULT 0,
        checkpoints INTEGER NOT NULL DEFAULT 0,
        tokens INTEGER NOT NULL DEFAULT 0,
        answer TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX sessions_updated ON sessions (updated_at)",
    """CREATE TABLE usage (
        bucket INTEGER NOT NULL,
        session TEXT NOT NULL,
        purpose TEXT NOT NULL,
        requests INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        completion INTEGER NOT NULL,
        cached INTEGER NOT NULL,
        estimated INTEGER NOT NULL,
        further INTEGER NOT NULL,
        PRIMARY KEY (bucket, session, purpose)) WITHOUT ROWID""",
    """CREATE TABLE changes (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        action TEXT NOT NULL,
        status TEXT NOT NULL,
        actor TEXT NOT NULL,
        session TEXT NOT NULL,
        checkpoint INTEGER NOT NULL,
        at REAL NOT NULL,
        reason TEXT NOT NULL,
        entry TEXT NOT NULL,
        former TEXT NOT NULL,
        happened INTEGER NOT NULL)""",
    *run_tables.SCHEMA,
)

Connection = sqlite3.Connection
Fold = Callable[[Connection, Stored, Any], None]


def fold(connection: Connection, stored: Stored, touched: dict[str, float]) -> None:
    """Bring the tables up to this event. `touched`: the sessions of the transaction, with the time
    of the last event of each, which `touch` writes at its end."""
    if stored.session:
        if stored.session not in touched:
            connection.execute(
                "INSERT OR IGNORE INTO sessions (id, started_at, updated_at) VALUES (?1, ?2, ?2)",
                (stored.session, stored.at),
            )
        touched[stored.session] = stored.at
    for table in (_FOLDS, _RUN_FOLDS):
        if function := table.get(type(stored.event)):
            function(connection, stored, stored.event)


def touch(connection: Connection, touched: dict[str, float]) -> None:
    connection.executemany(
        "UPDATE sessions SET updated_at = ?2 WHERE id = ?1", list(touched.items())
    )


def _set(connection: Connection, stored: Stored, assignment: str, *values: object) -> None:
    connection.execute(f"UPDATE sessions SET {assignment} WHERE id = ?", (*values, stored.session))


def _opened(connection: Connection, stored: Stored, event: SessionOpened) -> None:
    _set(connection, stored, "source = ?, cwd = ?", event.source, event.cwd)
    if event.title:
        _set(connection, stored, "title = ?", event.title)


def _renamed(connection: Connection, stored: Stored, event: SessionRenamed) -> None:
    _set(connection, stored, "title = ?", event.title)


def _run_started(connection: Connection, stored: Stored, event: RunStarted) -> None:
    _set(connection, stored, "runs = runs + 1, state = 'working', model = ?", event.model)


def _spoke(connection: Connection, stored: Stored, event: UserSpoke) -> None:
    changes = "title = iif(title = '', ?, title), state = iif(state = 'parked', 'working', state)"
    _set(connection, stored, changes, title_from(event.text))


def _replied(connection: Connection, stored: Stored, event: ModelReplied) -> None:
    """Whatever a trial asks for is billed as trial."""
    usage = event.usage
    _set(connection, stored, "tokens = tokens + ?", usage.total)
    connection.execute(
        "INSERT INTO usage VALUES (?1, ?2, iif((SELECT source FROM sessions WHERE id = ?2) = ?8,"
        " ?8, ?3), 1, ?4, ?5, ?6, ?7, ?9)"
        " ON CONFLICT DO UPDATE SET requests = requests + 1, prompt = prompt + excluded.prompt,"
        " completion = completion + excluded.completion, cached = cached + excluded.cached,"
        " estimated = max(estimated, excluded.estimated), further = further + excluded.further",
        (
            int(stored.at // BUCKET_SECONDS),
            stored.session,
            event.purpose,
            usage.prompt,
            usage.completion,
            usage.cached,
            usage.estimated,
            TRIAL,
            usage.uncached if event.further else 0,
        ),
    )


def _tool_started(connection: Connection, stored: Stored, event: ToolStarted) -> None:
    if event.number:
        _set(connection, stored, "tool_calls = ?", event.number)


def _answered(connection: Connection, stored: Stored, event: Answered) -> None:
    _set(connection, stored, "answer = ?", event.text[:ANSWER_CHARS])


def _checkpoint(connection: Connection, stored: Stored, event: CheckpointFinished) -> None:
    _set(connection, stored, "checkpoints = ?", event.number)


def _state(state: str) -> Fold:
    def change(connection: Connection, stored: Stored, event: AnyEvent) -> None:
        _set(connection, stored, "state = ?", state)

    return change


def _intended(connection: Connection, stored: Stored, event: ChangeIntended) -> None:
    connection.execute(
        "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stored.seq,
            event.kind,
            event.name,
            event.action,
            event.status,
            event.actor,
            event.session or stored.session,
            event.checkpoint,
            stored.at,
            event.reason,
            event.entry_after or event.entry_before,
            event.entry_before,
            event.status == "proposed",
        ),
    )


def _made(connection: Connection, stored: Stored, event: ChangeMade) -> None:
    connection.execute("UPDATE changes SET happened = 1 WHERE id = ?", (event.id,))


def _decided(connection: Connection, stored: Stored, event: ChangeDecided) -> None:
    connection.execute(
        "UPDATE changes SET status = ?, reason = iif(? = '', reason, ?) WHERE id = ?",
        (event.status, event.reason, event.reason, event.id),
    )


_FOLDS: dict[type, Fold] = {
    SessionOpened: _opened,
    SessionRenamed: _renamed,
    RunStarted: _run_started,
    RunResumed: _state("working"),
    RunSuspended: _state("suspended"),
    RunParked: _state("parked"),
    RunFinished: _state("idle"),
    ApprovalRequested: _state("waiting"),
    QuestionAsked: _state("waiting"),
    ApprovalDecided: _state("working"),
    QuestionAnswered: _state("working"),
    UserSpoke: _spoke,
    ModelReplied: _replied,
    ToolStarted: _tool_started,
    Answered: _answered,
    CheckpointFinished: _checkpoint,
    ChangeIntended: _intended,
    ChangeMade: _made,
    ChangeDecided: _decided,
}
_RUN_FOLDS: dict[type, Fold] = {
    RunStarted: run_tables.started,
    UserSpoke: run_tables.spoke,
    RunFinished: run_tables.finished,
    RunJudged: run_tables.was_judged,
}


def title_from(text: str) -> str:
    """The first words of a text, at most TITLE_CHARS characters."""
    line = " ".join(text.split())
    if len(line) <= TITLE_CHARS:
        return line
    cut = line[: TITLE_CHARS - 1]
    # A language without spaces, or one long word, is cut where the room ends.
    return (cut.rsplit(" ", 1)[0] if " " in cut[TITLE_CHARS // 2 :] else cut) + "…"
