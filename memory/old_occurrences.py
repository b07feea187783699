"""Old rows of the ledger of jobs go, a few at a time; no due time runs again because of that."""

from __future__ import annotations

import sqlite3

from memory.database import Database
from memory.faults import store_errors
from memory.occurrences import NOT_BEGUN
from memory.outbox import TERMINAL

KEPT_SECONDS = 400 * 86_400.0
"""What was due in this time stays."""
KEPT_ROWS = 1_000
"""The newest of a job stay, however old they are."""
SLICE = 1_000
"""Rows of one transaction."""
_OLD = "job = ? AND status <> 'claimed' AND due"


async def prune(database: Database, now: float) -> int:
    """Remove final rows that are neither among the newest of their job nor young; how many.
    Where one of them had begun, the job's account is closed up to it, so that its due time does
    not run again after the clock was set back."""
    with store_errors(database.path):
        names = database.connection.execute("SELECT name FROM jobs").fetchall()
    removed = 0
    for (job,) in names:
        while count := await _prune_some(database, job, _bound(database, job, now)):
            removed += count
    return removed


def _bound(database: Database, job: str, now: float) -> float:
    """Rows of a job that were due before this may go."""
    query = "SELECT due FROM occurrences WHERE job = ? ORDER BY due DESC LIMIT 1 OFFSET ?"
    with store_errors(database.path):
        oldest = database.connection.execute(query, (job, KEPT_ROWS - 1)).fetchone()
    return min(oldest[0], now - KEPT_SECONDS) if oldest else 0.0


async def _prune_some(database: Database, job: str, bound: float) -> int:
    """The oldest of them, in one transaction."""
    query = (
        f"SELECT due, sent, {NOT_BEGUN} FROM occurrences WHERE {_OLD} < ?"
        f" ORDER BY due LIMIT {SLICE}"
    )
    with store_errors(database.path):
        rows = database.connection.execute(query, (job, bound)).fetchall()
    if not rows:
        return 0
    begun = [due for due, _, not_begun in rows if not not_begun]

    def store(connection: sqlite3.Connection) -> int:
        if begun:
            connection.execute(
                "UPDATE jobs SET closed = max(closed, ?) WHERE name = ?", (begun[-1], job)
            )
        _let_go(connection, [sent for _, sent, _ in rows])
        deleted = connection.execute(
            f"DELETE FROM occurrences WHERE {_OLD} <= ?", (job, rows[-1][0])
        )
        return deleted.rowcount

    return await database.commits.write(store)


def _let_go(connection: sqlite3.Connection, sent: list[str]) -> None:
    """Results that nobody looked at in all that time leave the inbox."""
    ids = (int(id) for one in sent for id in one.split() if id.isdecimal())
    connection.executemany(
        "UPDATE outbox SET state = 'final', body = '' WHERE id = ? AND channel = ?",
        [(id, TERMINAL) for id in ids],
    )
