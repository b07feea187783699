"""Inbox and outbox: what came in and what is to go out, each stored before it is promised."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast

import msgspec

from agent.inputs import AnyInput
from memory.database import Database
from memory.faults import store_errors

KEY_WINDOW = 7 * 86_400.0
"""Seconds for which a key means the same input; platforms use theirs again after an idle week."""

DeliveryState = Literal["intent", "accepted", "final"]

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


class Parcel(NamedTuple):
    """One thing to deliver. `seq` is the event it comes from."""

    id: int
    session: str
    seq: int
    channel: str
    body: str
    state: DeliveryState
    at: float


class Outbox:
    """What is to be sent, until its channel says it has arrived."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def put(self, session: str, seq: int, channel: str, body: str) -> int:
        """Store something to send; its id. To store it together with its event, use
        `Journal.append(deliver=...)`."""
        now = self._clock()

        def store(connection: sqlite3.Connection) -> int:
            return put_delivery(connection, session, seq, channel, body, now)

        return await self._database.commits.write(store)

    def unseen(self, channel: str = "") -> list[Parcel]:
        """What has not arrived for certain, the oldest first; of one channel or of all."""
        with store_errors(self._database.path):
            rows = self._database.connection.execute(
                "SELECT id, session, seq, channel, body, state, at FROM outbox"
                " WHERE state <> 'final' AND (?1 = '' OR channel = ?1) ORDER BY id",
                (channel,),
            ).fetchall()
        return [Parcel(*row) for row in rows]

    async def mark(self, id: int, state: DeliveryState) -> None:
        """`accepted`: handed over, not yet confirmed. `final`: arrived; its body is let go."""

        def store(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE outbox SET state = ?1, body = iif(?1 = 'final', '', body) WHERE id = ?2",
                (state, id),
            )

        await self._database.commits.write(store)


def take(connection: sqlite3.Connection, id: str, seq: int, *, spoken: bool) -> None:
    """Within a transaction: the event `seq` took an input. The first taker counts."""
    connection.execute(
        "UPDATE inbox SET taken = coalesce(taken, ?), body = iif(?, '', body) WHERE id = ?",
        (seq, spoken, id),
    )


def put_delivery(
    connection: sqlite3.Connection, session: str, seq: int, channel: str, body: str, at: float
) -> int:
    """Within a transaction: one more thing to send; its id."""
    row = (session, seq, channel, body, at)
    statement = "INSERT INTO outbox (session, seq, channel, body, at) VALUES (?, ?, ?, ?, ?)"
    return cast(int, connection.execute(statement, row).lastrowid)


def _receipt(connection: sqlite3.Connection, id: str, key: str, now: float) -> Receipt | None:
    """The receipt an input was given when it came first. A key out of its window is freed."""
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
