"""What is to be seen somewhere: one row per message, from the intent to its end.

A row is `intent` while there is something to do for it, `accepted` while its message stands but
may change yet, `final` when nothing more will come of it. `tried` is stored before each attempt,
so that after a crash an attempt without an outcome is known as such.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, NamedTuple, cast

from memory.database import Database
from memory.faults import store_errors

TERMINAL = "terminal"
"""The owner's inbox: rows of this channel wait until a terminal has shown them."""
KEPT = 30 * 86_400.0
"""Seconds after which a final row is removed."""

DeliveryState = Literal["intent", "accepted", "final"]
Split = Callable[[str, str], Awaitable[Sequence[str]]]
"""(channel, text) -> the text as messages that fit there."""


class Delivery(NamedTuple):
    """Something to send. `channel`: an address, or TERMINAL. kind: answer, notice, job, control
    (waits for nothing that is sent to the same place), approval, question (a body of JSON whose
    `call` names what is waited for), file (JSON), startup. part: 0: a message's first part."""

    channel: str
    body: str
    kind: str = "answer"
    part: int = 0


class Settled(NamedTuple):
    """What was asked about a call is decided: its messages become `text`, without buttons."""

    call: str
    text: str


class Parcel(NamedTuple):
    """One row. `seq` is the event it comes from."""

    id: int
    session: str
    run: str
    seq: int
    channel: str
    body: str
    state: DeliveryState
    at: float
    kind: str
    part: int
    tried: float | None
    attempts: int
    doubts: int
    drafted: bool
    due: float
    receipt: str


_SELECT = f"SELECT {', '.join(Parcel._fields)} FROM outbox"
_DUE = "state <> 'final' AND state = 'intent'"  # the first for the sake of the partial index
_SHOWN = "kind NOT IN ('draft', 'status')"


async def whole(channel: str, text: str) -> Sequence[str]:
    """Nothing is too long."""
    return [text]


class Outbox:
    """Every message that was to be seen, until long after it was."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        split: Split = whole,
    ) -> None:
        self._database = database
        self._clock = clock
        self._split = split

    async def put(
        self, session: str, seq: int, channel: str, body: str, kind: str = "answer"
    ) -> int:
        """Store something to send, as many messages as it takes; the first one's id. To store it
        together with its event, use `Journal.append(deliver=...)`."""
        parts = list(await self._split(channel, body)) or [body]
        now = self._clock()

        def store(connection: sqlite3.Connection) -> int:
            ids = [
                put_delivery(connection, Delivery(channel, text, kind, part), now, session, seq)
                for part, text in enumerate(parts)
            ]
            return ids[0]

        return await self._database.commits.write(store)

    def unseen(self, channel: str = "") -> list[Parcel]:
        """What has not arrived for certain, the oldest first; of one channel or of all."""
        return self._rows("state <> 'final' AND (?1 = '' OR channel = ?1) ORDER BY id", channel)

    def places(self) -> list[str]:
        """Every address that something waits for."""
        found = self._ask(
            f"SELECT DISTINCT channel FROM outbox WHERE {_DUE} AND {_SHOWN} AND channel <> ?",
            TERMINAL,
        )
        return [row[0] for row in found]

    def next(self, channel: str, *, control: bool) -> Parcel | None:
        """The oldest message for an address that is to be sent or changed."""
        lane = "kind = 'control'" if control else f"kind <> 'control' AND {_SHOWN}"
        waits = f"{_DUE} AND channel = ? AND {lane} ORDER BY id LIMIT 1"
        return next(iter(self._rows(waits, channel)), None)

    def get(self, id: int) -> Parcel | None:
        return next(iter(self._rows("id = ?", id)), None)

    def live(self, kind: str, run: str = "", channel: str = "") -> list[Parcel]:
        """Drafts or status lines that stand."""
        return self._rows(
            "state <> 'final' AND kind = ?1 AND (?2 = '' OR run = ?2)"
            " AND (?3 = '' OR channel = ?3) ORDER BY id",
            kind,
            run,
            channel,
        )

    def last(self, kind: str) -> float:
        """When something of this kind was stored last; 0 = never."""
        found = self._ask("SELECT coalesce(max(at), 0) FROM outbox WHERE kind = ?", kind)
        return float(found[0][0])

    async def begin(self, session: str, run: str, channel: str, kind: str, after: int) -> int:
        """A draft or a status line is about to be shown for the first time; its id. 0 if what it
        is about ended meanwhile: the journal holds such an event above `after`."""
        now = self._clock()
        ends = "'Answered', 'RunFinished'" + (", 'ModelReplied'" if kind == "draft" else "")
        over = f"SELECT 1 FROM events WHERE session = ? AND seq > ? AND kind IN ({ends})"

        def store(connection: sqlite3.Connection) -> int:
            if connection.execute(over, (session, after)).fetchone():
                return 0
            row = (session, run, channel, kind, now, now)
            statement = (
                "INSERT INTO outbox (session, seq, run, channel, body, kind, at, tried, attempts)"
                " VALUES (?, 0, ?, ?, '', ?, ?, ?, 1)"
            )
            return cast(int, connection.execute(statement, row).lastrowid)

        return await self._database.commits.write(store)

    async def begun(self, id: int, receipt: str) -> None:
        """It is shown. A draft whose answer came meanwhile stays due, to become the answer."""
        await self._do(
            "UPDATE outbox SET tried = NULL, receipt = ?2,"
            f" state = iif({_SHOWN}, state, 'accepted') WHERE id = ?1",
            id,
            receipt,
        )

    async def not_begun(self, id: int) -> None:
        """It was certainly not shown."""

        def store(connection: sqlite3.Connection) -> None:
            connection.execute(f"DELETE FROM outbox WHERE id = ? AND NOT ({_SHOWN})", (id,))
            connection.execute("UPDATE outbox SET tried = NULL WHERE id = ?", (id,))

        await self._database.commits.write(store)

    async def attempt(self, id: int) -> None:
        """An attempt begins now."""
        await self._do(
            "UPDATE outbox SET tried = ?2, attempts = attempts + 1 WHERE id = ?1",
            id,
            self._clock(),
        )

    async def arrived(self, parcel: Parcel, receipt: str, *, stays: bool = False) -> None:
        """The platform has it. stays: its message may change yet. If it was to be another text
        meanwhile, it stays due."""
        await self._do(
            "UPDATE outbox SET tried = NULL, receipt = iif(?2 = '', receipt, ?2),"
            " state = iif(body <> ?4, state, iif(?3, 'accepted', 'final')),"
            " body = iif(body <> ?4 OR ?3, body, '') WHERE id = ?1",
            parcel.id,
            receipt,
            stays,
            parcel.body,
        )

    async def put_off(self, id: int, due: float) -> None:
        """It was certainly not sent, and is tried again at `due`."""
        await self._do("UPDATE outbox SET tried = NULL, due = ?2 WHERE id = ?1", id, due)

    async def anew(self, id: int) -> None:
        """What is seen of it cannot be changed, so the whole is to be sent as a new message."""
        await self._do(
            "UPDATE outbox SET tried = NULL, receipt = '', drafted = 1 WHERE id = ?1", id
        )

    async def doubt(self, id: int, due: float) -> None:
        """Nobody will ever know whether the last attempt arrived; another one may be at `due`,
        not into the same trouble."""
        await self._do(
            "UPDATE outbox SET tried = NULL, doubts = doubts + 1, due = ?2 WHERE id = ?1", id, due
        )

    async def fail(self, id: int, reason: str) -> None:
        """It will not arrive."""
        await self._do(
            "UPDATE outbox SET state = 'final', tried = NULL, failed = ?2 WHERE id = ?1",
            id,
            reason,
        )

    async def mark(self, id: int, state: DeliveryState) -> None:
        """`final`: arrived; its body is let go."""
        await self._do(
            "UPDATE outbox SET state = ?2, body = iif(?2 = 'final', '', body) WHERE id = ?1",
            id,
            state,
        )

    async def recover(self) -> None:
        """At the start: attempts that a crash cut short have an unknown outcome. An edit does
        not, it is simply made again; a status line is given up, and a draft too."""

        def store(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE outbox SET state = 'final', failed = 'cut short'"
                " WHERE state <> 'final' AND kind = 'status' AND receipt = ''"
            )
            connection.execute(
                "UPDATE outbox SET tried = NULL, drafted = 1"
                " WHERE state <> 'final' AND kind = 'draft' AND receipt = ''"
            )
            connection.execute(
                "UPDATE outbox SET tried = NULL, doubts = iif(receipt = '', max(doubts, 1), doubts)"
                " WHERE state <> 'final' AND tried IS NOT NULL"
            )

        await self._database.commits.write(store)

    async def prune(self) -> None:
        await self._do("DELETE FROM outbox WHERE state = 'final' AND at < ?", self._clock() - KEPT)

    async def _do(self, statement: str, *values: object) -> None:
        def store(connection: sqlite3.Connection) -> None:
            connection.execute(statement, values)

        await self._database.commits.write(store)

    def _rows(self, condition: str, *values: object) -> list[Parcel]:
        return [Parcel(*row) for row in self._ask(f"{_SELECT} WHERE {condition}", *values)]

    def _ask(self, query: str, *values: object) -> list[Any]:
        with store_errors(self._database.path):
            return self._database.connection.execute(query, values).fetchall()


def put_delivery(
    connection: sqlite3.Connection,
    delivery: Delivery,
    at: float,
    session: str = "",
    seq: int = 0,
    run: str = "",
) -> int:
    """Within a transaction: one more message; its id. The first part of an answer takes over the
    draft that its run showed at the same place."""
    if run and delivery.kind == "answer" and delivery.part == 0:
        draft = connection.execute(
            "SELECT id FROM outbox WHERE channel = ? AND run = ? AND kind = 'draft'"
            " AND state <> 'final'",
            (delivery.channel, run),
        ).fetchone()
        if draft:
            connection.execute(
                "UPDATE outbox SET kind = 'answer', state = 'intent', seq = ?, body = ?"
                " WHERE id = ?",
                (seq, delivery.body, draft[0]),
            )
            return cast(int, draft[0])
    row = (session, seq, delivery.channel, delivery.body, at, run, delivery.kind, delivery.part)
    statement = (
        "INSERT INTO outbox (session, seq, channel, body, at, run, kind, part)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    return cast(int, connection.execute(statement, row).lastrowid)


def settle(connection: sqlite3.Connection, settled: Settled, session: str) -> None:
    """Within a transaction: every message that asked about the call shows what was decided. One
    that was never tried is not sent any more."""
    asked = (
        "session = ? AND state <> 'final' AND kind IN ('approval', 'question')"
        " AND json_extract(body, '$.call') = ?"
    )
    where = (session, settled.call)
    connection.execute(
        f"UPDATE outbox SET state = 'final', body = '' WHERE {asked} AND receipt = ''"
        " AND tried IS NULL AND doubts = 0",
        where,
    )
    connection.execute(
        f"UPDATE outbox SET state = 'intent', kind = 'notice', due = 0, body = ? WHERE {asked}",
        (settled.text, *where),
    )
