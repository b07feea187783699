"""What channels heard, each event once, until it was handed on."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from memory.database import Database
from memory.faults import store_errors

WINDOW = 7 * 86_400.0
"""Seconds for which an event's id means the same event; platforms use ids again after an idle
week."""
KEPT = 8 * 86_400.0
"""Seconds after which a row that was worked off is removed."""


class Arrival(NamedTuple):
    """One event of a channel. `body`: what came, as JSON; `done`: what came of it, if that is
    known already when it comes."""

    platform: str
    account: str
    event: str
    address: str
    body: str
    done: str | None = None


class Open(NamedTuple):
    """An event that waits. `key` names it and nothing else, for ever."""

    number: int
    address: str
    key: str
    body: str


class Arrivals:
    """The events of all channels in the order they came."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def put(self, arrivals: Sequence[Arrival]) -> list[int]:
        """Store them in one transaction; the number of each, 0 for one that was here already."""
        now = self._clock()

        def store(connection: sqlite3.Connection) -> list[int]:
            return [put_arrival(connection, one, now) for one in arrivals]

        return await self._database.commits.write(store)

    def open(self) -> list[Open]:
        """Everything that waits, the oldest first."""
        return [_open(row) for row in self._rows(f"{_SELECT} WHERE done IS NULL ORDER BY number")]

    def get(self, number: int) -> Open | None:
        """One event that waits; None if it was worked off."""
        rows = self._rows(f"{_SELECT} WHERE done IS NULL AND number = ?", number)
        return _open(rows[0]) if rows else None

    async def finish(self, number: int, done: str) -> None:
        """It was worked off; its words are let go."""
        await self._database.commits.write(lambda c: finish_arrival(c, number, done))

    async def prune(self) -> None:
        """Remove what nobody can redeliver any more."""
        before = self._clock() - KEPT
        await self._database.commits.write(
            lambda c: (
                c.execute(
                    "DELETE FROM arrivals WHERE done IS NOT NULL AND at < ?", (before,)
                ).rowcount
            )
        )

    def _rows(self, query: str, *values: object) -> list[Any]:
        with store_errors(self._database.path):
            return self._database.connection.execute(query, values).fetchall()


_SELECT = "SELECT number, address, platform, account, event, body FROM arrivals"


def _open(row: Any) -> Open:
    number, address, platform, account, event, body = row
    return Open(number, address, f"{platform}:{account}:{event}#{number}", body)


def put_arrival(connection: sqlite3.Connection, arrival: Arrival, now: float) -> int:
    """Within a transaction: its number, or 0 if it was here already. A row that was worked off
    before the window gives way: its id means something new."""
    same = "platform = ? AND account = ? AND event = ?"
    key = arrival[:3]
    connection.execute(
        f"DELETE FROM arrivals WHERE {same} AND done IS NOT NULL AND at < ?", (*key, now - WINDOW)
    )
    if connection.execute(f"SELECT 1 FROM arrivals WHERE {same}", key).fetchone():
        return 0
    row = (*arrival, now)
    statement = (
        "INSERT INTO arrivals (platform, account, event, address, body, done, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    return cast(int, connection.execute(statement, row).lastrowid)


def finish_arrival(connection: sqlite3.Connection, number: int, done: str) -> None:
    """Within a transaction: what came of an event."""
    connection.execute("UPDATE arrivals SET done = ?, body = '' WHERE number = ?", (done, number))
