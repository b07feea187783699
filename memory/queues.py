"""The inbox: what came in, stored before it is promised."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from agent.inputs import AnyInput
from memory.database import Database
from memory.faults import store_errors

KEY_WINDOW = 7 * 86_400.0
"""Seconds for which a key means the same input; platforms use theirs again after an idle week."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyInput] = msgspec.json.Decoder(AnyInput)


class Receipt(NamedTuple):
    """What whoever sent an input may rely on: it is on disk.

    position: its place among the session's waiting inputs, 1 = next. after_seq: the journal's
    last event before it. repeated: it was here already; nothing was stored now.
    """

    id: str
    position: int
    after_seq: int
    repeated: bool


class Arrived(NamedTuple):
    """An input's session and its receipt."""

    session: str
    receipt: Receipt


class Inbox:
    """Inputs that no run has taken yet, first in first out per session."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def put(self, input: AnyInput, session: str, source: str, key: str = "") -> Receipt:
        """Store an input; its receipt, once it is on disk. The same `key` (or the same input id)
        within a week gets the first one's receipt again and stores nothing."""
        body = _encoder.encode(input).decode()
        now = self._clock()

        def store(connection: sqlite3.Connection) -> Receipt:
            found = _receipt(connection, input.id, key, now)
            if found:
                return found
            waiting, last = connection.execute(
                "SELECT (SELECT count(*) FROM inbox WHERE session = ?"
                "         AND taken IS NULL AND dropped IS NULL),"
                "       (SELECT max(seq) FROM events)",
                (session,),
            ).fetchone()
            connection.execute(
                "INSERT INTO inbox (id, session, source, key, body, at, position, after_seq)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (input.id, session, source, key or None, body, now, waiting + 1, last or 0),
            )
            return Receipt(input.id, waiting + 1, last or 0, False)

        return await self._database.commits.write(store)

    def known(self, id: str, key: str) -> Arrived | None:
        """The input that came with this id, or within a week with this key."""
        rows = self._rows(
            "SELECT id, session, position, after_seq FROM inbox WHERE id = ?"
            " OR (key = ? AND at >= ?)",
            id,
            key,
            self._clock() - KEY_WINDOW,
        )
        if not rows:
            return None
        id, session, position, after_seq = rows[0]
        return Arrived(session, Receipt(id, position, after_seq, True))

    def session_of(self, id: str) -> str:
        """The session an input was for, also long after; empty if there was none such."""
        rows = self._rows("SELECT session FROM inbox WHERE id = ?", id)
        return str(rows[0][0]) if rows else ""

    def source_of(self, id: str) -> str:
        """Where an input came from, as whoever stored it said."""
        rows = self._rows("SELECT source FROM inbox WHERE id = ?", id)
        return str(rows[0][0]) if rows else ""

    def pending(self, session: str) -> list[AnyInput]:
        """A session's inputs that wait, the oldest first."""
        rows = self._rows(
            "SELECT body FROM inbox WHERE session = ? AND taken IS NULL AND dropped IS NULL"
            " ORDER BY number",
            session,
        )
        return [_decoder.decode(row[0]) for row in rows]

    def sessions_pending(self) -> list[str]:
        """Sessions that have inputs waiting, the longest-waiting first."""
        rows = self._rows(
            "SELECT session FROM inbox WHERE taken IS NULL AND dropped IS NULL"
            " GROUP BY session ORDER BY min(number)"
        )
        return [row[0] for row in rows]

    def get(self, id: str) -> AnyInput | None:
        """An input by id, also a taken one; None once the journal holds its words."""
        rows = self._rows("SELECT body FROM inbox WHERE id = ? AND body <> ''", id)
        return _decoder.decode(rows[0][0]) if rows else None

    async def drop(self, id: str, reason: str) -> None:
        """An input that waits will not be taken; `reason` is kept for its sender."""

        def store(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE inbox SET dropped = ? WHERE id = ? AND taken IS NULL", (reason, id)
            )

        await self._database.commits.write(store)

    def _rows(self, query: str, *values: object) -> list[Any]:
        with store_errors(self._database.path):
            return self._database.connection.execute(query, values).fetchall()


def take(connection: sqlite3.Connection, id: str, seq: int, *, spoken: bool) -> None:
    """Within a transaction: the event `seq` took an input. The first taker counts."""
    connection.execute(
        "UPDATE inbox SET taken = coalesce(taken, ?), body = iif(?, '', body) WHERE id = ?",
        (seq, spoken, id),
    )


def _receipt(connection: sqlite3.Connection, id: str, key: str, now: float) -> Receipt | None:
    """The receipt an input was given when it came first. A key out of its window is freed."""
    if key:
        connection.execute(
            "UPDATE inbox SET key = NULL WHERE key = ? AND at < ?", (key, now - KEY_WINDOW)
        )
    row = connection.execute(
        "SELECT id, position, after_seq FROM inbox WHERE id = ? OR key = ?", (id, key)
    ).fetchone()
    if row is None:
        return None
    id, position, after_seq = row
    return Receipt(id, position, after_seq, True)
