"""The schema of state.db, one step after the other. Imported only when a step is due."""

from __future__ import annotations

import sqlite3

import sqlite_utils

migrations = sqlite_utils.Migrations("state")


@migrations()
def m001_journal_queues_blobs(db: sqlite_utils.Database) -> None:
    for statement in (
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            session TEXT NOT NULL,
            run TEXT NOT NULL,
            kind TEXT NOT NULL,
            at REAL NOT NULL,
            body TEXT NOT NULL)""",
        "CREATE INDEX events_session ON events (session, seq)",
        # What a start must find without reading the whole journal.
        """CREATE INDEX events_runs ON events (session, seq, kind)
            WHERE kind IN ('RunStarted', 'RunFinished')""",
        """CREATE INDEX events_changes ON events (seq)
            WHERE kind IN ('ChangeIntended', 'ChangeMade', 'ChangeDecided')""",
        """CREATE TABLE inbox (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            session TEXT NOT NULL,
            source TEXT NOT NULL,
            key TEXT UNIQUE,
            body TEXT NOT NULL,
            at REAL NOT NULL,
            position INTEGER NOT NULL,
            after_seq INTEGER NOT NULL,
            taken INTEGER,
            dropped TEXT)""",
        """CREATE INDEX inbox_pending ON inbox (session, number)
            WHERE taken IS NULL AND dropped IS NULL""",
        """CREATE TABLE outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session TEXT NOT NULL,
            seq INTEGER NOT NULL,
            channel TEXT NOT NULL,
            body TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'intent' CHECK (state IN ('intent', 'accepted', 'final')),
            at REAL NOT NULL)""",
        "CREATE INDEX outbox_unseen ON outbox (channel, id) WHERE state <> 'final'",
        "CREATE TABLE blobs (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
        "PRAGMA user_version = 1",
    ):
        db.execute(statement)


def apply(connection: sqlite3.Connection) -> None:
    """Every step that is due, each in a transaction of its own together with its version."""
    migrations.apply(sqlite_utils.Database(connection))
