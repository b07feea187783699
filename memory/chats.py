"""Which session is talked to where, and by whom."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from memory.database import Database
from memory.faults import store_errors


class Chat(NamedTuple):
    """One person's side of one place. `private`: nobody else reads along; `busy`: what a message
    does while a run works, empty = as the settings say."""

    address: str
    principal: str
    private: bool
    session: str
    busy: str
    at: float


class Chats:
    """One session per address and principal; several of them may share a session."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def find(self, address: str, principal: str) -> Chat | None:
        return next(iter(self._rows("address = ? AND principal = ?", address, principal)), None)

    def attached(self, session: str) -> list[Chat]:
        """Every place where a session is talked to."""
        return self._rows("session = ?", session)

    def private_of_owner(self) -> list[Chat]:
        """Where the owner is alone with us, the latest used first."""
        return self._rows("principal = 'owner' AND private = 1")

    async def attach(self, address: str, principal: str, session: str, *, private: bool) -> None:
        """From now on this person talks to `session` here."""
        row = (address, principal, private, session, self._clock())

        def store(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO chats (address, principal, private, session, at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " private = excluded.private, session = excluded.session, at = excluded.at",
                row,
            )

        await self._database.commits.write(store)

    async def set_busy(self, address: str, principal: str, busy: str) -> None:
        def store(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE chats SET busy = ? WHERE address = ? AND principal = ?",
                (busy, address, principal),
            )

        await self._database.commits.write(store)

    def _rows(self, condition: str, *values: object) -> list[Chat]:
        with store_errors(self._database.path):
            rows: list[Any] = self._database.connection.execute(
                "SELECT address, principal, private, session, busy, at FROM chats"
                f" WHERE {condition} ORDER BY at DESC",
                values,
            ).fetchall()
        return [Chat(*row)._replace(private=bool(row[2])) for row in rows]
