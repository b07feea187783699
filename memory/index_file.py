"""index.db on disk: opened, followed along the journal, mended. Used from one thread only.

It may be deleted or damaged at any time, also while it is open: it is noticed and made anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from agent.learning.masks import alters
from hermes_home.errors import StoreError
from hermes_home.paths import Home
from memory import search, views
from memory.database import BUSY_TIMEOUT_MS, make_private, reader_uri
from memory.faults import told
from memory.journal import SHOWN, read_masks, stored_from

BATCH = 500
"""Events folded in one transaction."""

_NOT_ITS_FAULT = tuple(
    f"SQLITE_{name}"
    for name in ("FULL", "BUSY", "LOCKED", "READONLY", "CANTOPEN", "IOERR", "PERM", "NOMEM")
)

Answer = TypeVar("Answer")
Question = Callable[[sqlite3.Connection], Answer]


class _Forgotten(Exception):
    """The owner wants something forgotten that the tables hold, or has it back."""


class IndexFile:
    """The derived tables, with the journal attached read-only as `journal`."""

    def __init__(self, home: Home) -> None:
        self._path = home.index_db
        self._journal = home.state_db
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    def step(self) -> bool:
        """Fold one more batch of the journal; whether there may be more."""
        return self._attempt(_fold_batch)

    def ask(self, question: Question[Answer]) -> Answer:
        """The answer from tables that are up to the journal's end."""

        def answer(connection: sqlite3.Connection) -> Answer:
            while _fold_batch(connection):
                pass
            return question(connection)

        return self._attempt(answer)

    def rebuild(self) -> None:
        """Forget everything; the next steps fold the journal from its beginning."""
        self.close()
        self._remove()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _attempt(self, work: Question[Answer]) -> Answer:
        """Do something with the tables; if they turn out damaged, once more with new ones. What
        is forgotten is left out of tables that are made anew."""
        try:
            return work(self._open())
        except _Forgotten:
            self.rebuild()
            return work(self._open())
        except sqlite3.DatabaseError as error:
            self.close()
            if (getattr(error, "sqlite_errorname", None) or "").startswith(_NOT_ITS_FAULT):
                raise told(error, self._path) from error
        self._set_aside()
        try:
            return work(self._open())
        except sqlite3.DatabaseError as error:
            self.close()
            raise StoreError(
                f"{self._path} cannot be made from the journal: {error}",
                "`hermes doctor` checks the journal itself.",
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity == _identity(self._path):
            return self._connection
        self.close()
        if not self._path.exists():
            # Left behind, they would be played back into the new file.
            self._remove()
        connection = self._connection = _connect(self._path, self._journal)
        if not _current(connection):
            self.close()
            self._remove()
            connection = self._connection = _connect(self._path, self._journal)
            _create(connection)
        self._identity = _identity(self._path)
        return connection

    def _set_aside(self) -> None:
        if self._path.exists():
            self._path.replace(self._path.with_name("index.db.damaged"))
        self._remove()

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path, journal: Path) -> sqlite3.Connection:
    make_private(path)
    connection = sqlite3.connect(path, isolation_level=None, uri=True)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        # Nothing here is worth an fsync per batch: it can all be computed again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("ATTACH ? AS journal", (reader_uri(journal),))
        masks = read_masks(connection, "journal.events")
        connection.create_function("hidden", 3, masks.hide)
        connection.create_function("last_masked", 0, lambda: masks.last)
    except BaseException:
        connection.close()
        raise
    return connection


def _current(connection: sqlite3.Connection) -> bool:
    """Whether the tables are of this version and were folded from this journal."""
    if connection.execute("PRAGMA main.user_version").fetchone()[0] != views.VERSION:
        return False
    seq, at = connection.execute("SELECT seq, at FROM cursor").fetchone()
    row = connection.execute("SELECT at FROM journal.events WHERE seq = ?", (seq,)).fetchone()
    masked = connection.execute("SELECT last_masked()").fetchone()[0]
    return seq == 0 or (row is not None and row[0] == at and masked <= seq)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*views.SCHEMA, *search.SCHEMA):
        connection.execute(statement)
    connection.execute(f"PRAGMA main.user_version = {views.VERSION}")
    connection.execute("COMMIT")


def _fold_batch(connection: sqlite3.Connection) -> bool:
    """Fold the next events and move the cursor in one transaction; whether it was a full batch."""
    cursor, masked = connection.execute("SELECT seq, last_masked() FROM cursor").fetchone()
    rows = connection.execute(
        f"SELECT {SHOWN} FROM journal.events WHERE seq > ? ORDER BY seq LIMIT ?",
        (cursor, BATCH),
    ).fetchall()
    if not rows:
        return False
    events = [stored_from(row) for row in rows]
    if any(stored.seq > masked and alters(stored.event) for stored in events):
        raise _Forgotten
    connection.execute("BEGIN IMMEDIATE")
    try:
        touched: dict[str, float] = {}
        for stored in events:
            views.fold(connection, stored, touched)
            search.add(connection, stored)
        views.touch(connection, touched)
        connection.execute("UPDATE cursor SET seq = ?, at = ?", (stored.seq, stored.at))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return len(rows) == BATCH


def _identity(path: Path) -> tuple[int, int]:
    """Which file this is, as long as it exists."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
