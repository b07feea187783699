"""state.db copied while it is in use, and a copy that comes from elsewhere looked at."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hermes_home.paths import Home
from memory.database import SCHEMA_VERSION, Database, make_private, reader_uri
from memory.faults import store_errors


def copy_database(home: Home, target: Path) -> int:
    """A whole copy as of one moment, by SQLite's own backup; the writer goes on meanwhile. The
    copy's schema version. Only for the process that owns the home."""
    if not home.state_db.exists():
        return SCHEMA_VERSION
    make_private(target)
    with (
        store_errors(home.state_db),
        closing(sqlite3.connect(reader_uri(home.state_db), uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        return int(copy.execute("PRAGMA user_version").fetchone()[0])


def admit(home: Home) -> None:
    """Look at the state.db of a home that is to be put in place: an older one is brought up to
    date. StoreError if it is foreign, newer than this program, or damaged."""
    if not home.state_db.exists():
        return
    database = Database(home)
    try:
        database.check()
    finally:
        database.close()
    for copy in home.root.glob("state.db.schema-*"):
        copy.unlink()


def has_events(home: Home) -> bool:
    """Whether anything ever happened in a home. Only for the process that owns it."""
    if not home.state_db.exists():
        return False
    database = Database(home)
    try:
        with store_errors(home.state_db):
            return database.connection.execute("SELECT 1 FROM events").fetchone() is not None
    finally:
        database.close()
