"""state.db: the one connection that writes it, its settings, and when its schema moves.

Only the process that owns the home opens it. Everything is written through `commits`.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

from hermes_home.errors import StoreError
from hermes_home.paths import APPLICATION_ID, Home
from memory.commits import GroupCommit
from memory.faults import damaged, store_errors

SCHEMA_VERSION = 4
"""How many migrations there are; a database says in `user_version` how many it has had."""

BUSY_TIMEOUT_MS = 5_000


class Database:
    """The open state.db of a home, ready to write. Used from the event loop's thread only."""

    def __init__(self, home: Home) -> None:
        self.path = home.state_db
        make_private(self.path)
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.commits = GroupCommit(self.connection, self.path)
        try:
            with store_errors(self.path):
                self._refuse_foreign()
                _configure(self.connection)
                self._bring_up_to_date()
        except BaseException:
            self.connection.close()
            raise

    def check(self) -> None:
        """Read every page; StoreError if the file is damaged. Slow on a large journal."""
        with store_errors(self.path):
            rows = self.connection.execute("PRAGMA integrity_check(5)").fetchall()
        problems = [row[0] for row in rows if row[0] != "ok"]
        if problems:
            raise damaged(self.path, "; ".join(problems))

    def close(self) -> None:
        """What is still waiting to be committed is committed first."""
        self.commits.flush()
        self.connection.close()

    def _refuse_foreign(self) -> None:
        """A new file is marked ours before WAL begins, so that its very header says so."""
        if _pragma(self.connection, "application_id") == APPLICATION_ID:
            return
        if not _is_empty(self.connection):
            raise StoreError(
                f"{self.path} was made by another program",
                "Choose another home with HERMES_HOME, or move that file away.",
            )
        self.connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _bring_up_to_date(self) -> None:
        version = _pragma(self.connection, "user_version")
        if version == SCHEMA_VERSION:
            return
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} has schema {version}; this program knows up to {SCHEMA_VERSION}",
                "Install the version of Hermes that last used this home, or a newer one.",
            )
        if not _is_empty(self.connection):
            _copy(self.connection, self.path.with_name(f"state.db.schema-{version}"))
        # Loaded only here: its library costs more than the rest of a start.
        import_module("memory.migrations").apply(self.connection)


def reader_uri(path: Path) -> str:
    """The URI that opens a database without the right to write it."""
    return f"file:{quote(str(path))}?mode=ro"


def reading(home: Home) -> closing[sqlite3.Connection]:
    """A home's store, to be looked into and closed, whoever owns the home."""
    return closing(sqlite3.connect(reader_uri(home.state_db), uri=True))


def make_private(path: Path) -> None:
    """SQLite gives its side files the rights of the main one, so these are set before it opens."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be made: {error}", "Check the home's folder and who owns it."
        ) from error


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def _copy(connection: sqlite3.Connection, path: Path) -> None:
    """A whole copy by SQLite's own backup; in place under its name only when complete."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    make_private(part)
    with closing(sqlite3.connect(part)) as copy:
        connection.backup(copy)
    part.replace(path)
