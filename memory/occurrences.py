"""The ledger of recurring work: exactly one row for each due time of each job.

A row is claimed before anything is done for it, by its unique key, and ends as ran, failed,
skipped or missed. Delivering its result is another matter and another table (outbox).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from hermes_home.paths import Home
from memory.database import Database
from memory.faults import store_errors
from memory.outbox import Delivery, put_delivery

Status = Literal["claimed", "ran", "failed", "skipped", "missed"]
Stage = Literal["", "script", "woken"]
"""Of a claimed row: nothing is known to have begun; its script began; its script is over and
`output` holds what it found."""
SILENT = "silent"
"""In `sent`: the result was to be kept quiet."""
NOT_BEGUN = "status IN ('missed', 'skipped') AND session = '' AND stage = ''"
"""Rows of due times for which nothing was done."""


class Entry(NamedTuple):
    """What is to be stored for one due time (seconds since the epoch)."""

    due: float
    status: Status
    reason: str = ""


class Occurrence(NamedTuple):
    """One row. `sent`: ids of outbox rows with spaces between, or SILENT."""

    id: int
    job: str
    due: float
    status: Status
    reason: str
    stage: Stage
    session: str
    output: str
    sent: str
    claimed_at: float
    ended_at: float | None


class Account(NamedTuple):
    """Up to where a job's due times have their rows, and by which schedule (JSON)."""

    accounted: float
    state: str


class Sent(NamedTuple):
    """How a result's delivery stands."""

    channel: str
    state: str
    failed: str


_SELECT = f"SELECT {', '.join(Occurrence._fields)} FROM occurrences"


class Occurrences:
    """Reading never writes."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    # -- accounts -------------------------------------------------------------------------------

    def account(self, job: str) -> Account | None:
        rows = self._ask("SELECT accounted, state FROM jobs WHERE name = ?", job)
        return Account(*rows[0]) if rows else None

    def accounts(self) -> dict[str, Account]:
        rows = self._ask("SELECT name, accounted, state FROM jobs")
        return {name: Account(accounted, state) for name, accounted, state in rows}

    async def keep_account(self, job: str, account: Account) -> None:
        """Begin a job's account, or let it go on from another instant or schedule."""
        await self._do(
            "INSERT INTO jobs (name, accounted, state) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (name) DO UPDATE SET accounted = ?2, state = ?3",
            job,
            account.accounted,
            account.state,
        )

    async def add(
        self, job: str, before: float, after: float, entries: Sequence[Entry]
    ) -> list[Occurrence]:
        """Store the rows of the due times above `before` up to `after`, and that the account has
        come so far; those newly claimed. Nothing is stored if somebody else has moved the
        account meanwhile, and no due time gets a second row, also where the first is gone."""
        now = self._clock()

        def store(connection: sqlite3.Connection) -> list[Occurrence]:
            moved = connection.execute(
                "UPDATE jobs SET accounted = ?3 WHERE name = ?1 AND accounted = ?2",
                (job, before, after),
            )
            if moved.rowcount == 0:
                return []
            (closed,) = connection.execute(
                "SELECT closed FROM jobs WHERE name = ?", (job,)
            ).fetchone()
            added = (_insert(connection, job, one, now) for one in entries if one.due > closed)
            return [one for one in added if one is not None and one.status == "claimed"]

        return await self._database.commits.write(store)

    async def claim(self, job: str, due: float) -> Occurrence | None:
        """A run that no schedule asked for; None if that instant has its row."""
        now = self._clock()
        return await self._database.commits.write(
            lambda connection: _insert(connection, job, Entry(due, "claimed"), now)
        )

    async def set_back(self, job: str, before: float, now: float) -> None:
        """The clock was set back: due times that have not come yet were not missed. What ran
        stays, and does not run again."""

        def store(connection: sqlite3.Connection) -> None:
            moved = connection.execute(
                "UPDATE jobs SET accounted = ?3 WHERE name = ?1 AND accounted = ?2",
                (job, before, now),
            )
            if moved.rowcount:
                connection.execute(
                    f"DELETE FROM occurrences WHERE job = ? AND due > ? AND {NOT_BEGUN}",
                    (job, now),
                )

        await self._database.commits.write(store)

    # -- one occurrence -------------------------------------------------------------------------

    async def reach(self, id: int, stage: Stage, output: str = "") -> None:
        """A claimed one has come so far; known before what follows begins."""
        await self._do(
            "UPDATE occurrences SET stage = ?2, output = ?3 WHERE id = ?1 AND status = 'claimed'",
            id,
            stage,
            output,
        )

    async def in_session(self, id: int, session: str) -> None:
        await self._do("UPDATE occurrences SET session = ?2 WHERE id = ?1", id, session)

    async def finish(
        self,
        id: int,
        entry: Entry,
        output: str = "",
        deliveries: Sequence[Delivery] = (),
        *,
        silent: bool = False,
    ) -> bool:
        """Its one final row, together with what is to be delivered of it. False, and nothing is
        stored, if it was final already."""
        now = self._clock()

        def store(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                "SELECT session FROM occurrences WHERE id = ? AND status = 'claimed'", (id,)
            ).fetchone()
            if row is None:
                return False
            sent = [put_delivery(connection, one, now, row[0]) for one in deliveries]
            connection.execute(
                "UPDATE occurrences SET status = ?, reason = ?, output = ?, sent = ?,"
                " ended_at = ? WHERE id = ?",
                (
                    entry.status,
                    entry.reason,
                    output,
                    SILENT if silent else " ".join(map(str, sent)),
                    now,
                    id,
                ),
            )
            return True

        return await self._database.commits.write(store)

    # -- reading --------------------------------------------------------------------------------

    def get(self, id: int) -> Occurrence | None:
        return next(iter(self._rows("id = ?", id)), None)

    def open(self) -> list[Occurrence]:
        """Claimed ones, in the order they were due."""
        return self._rows("status = 'claimed' ORDER BY due, id")

    def history(self, job: str, limit: int = 50) -> list[Occurrence]:
        """Final ones, newest first."""
        return self._rows(
            "job = ? AND status <> 'claimed' ORDER BY due DESC, id DESC LIMIT ?", job, limit
        )

    def last(self, job: str) -> Occurrence | None:
        return next(iter(self.history(job, 1)), None)

    def sent(self, occurrence: Occurrence) -> list[Sent]:
        """How its deliveries stand; those that have gone from the outbox had arrived."""
        ids = [int(id) for id in occurrence.sent.split() if id.isdecimal()]
        marks = ",".join("?" * len(ids))
        rows = self._ask(
            f"SELECT channel, state, failed FROM outbox WHERE id IN ({marks}) ORDER BY id", *ids
        )
        return [Sent(*row) for row in rows]

    def of_parcel(self, id: int) -> Occurrence | None:
        """The occurrence whose result an outbox row carries."""
        rows = self._rows("sent = ?", str(id)) or self._rows(
            "sent LIKE '% %' AND ' ' || sent || ' ' LIKE ?", f"% {id} %"
        )
        return rows[0] if rows else None

    def undelivered(self, channel: str) -> bool:
        """Whether a result could not be delivered, and was not put into `channel` since."""
        return bool(self._failed(channel))

    async def redirect(self, channel: str, text: Callable[[Occurrence, str], str]) -> None:
        """Results that could not be delivered are put where they can, each once; `text` makes
        what is to be shown of an occurrence and the reason."""
        now = self._clock()

        def store(connection: sqlite3.Connection) -> None:
            for id, reason in self._failed(channel):
                connection.execute("UPDATE outbox SET kind = 'notice' WHERE id = ?", (id,))
                found = self.of_parcel(id)
                if found is None or any(one.channel == channel for one in self.sent(found)):
                    continue
                delivery = Delivery(channel, text(found, reason), "job")
                new = put_delivery(connection, delivery, now, found.session)
                connection.execute(
                    "UPDATE occurrences SET sent = sent || ' ' || ? WHERE id = ?", (new, found.id)
                )

        await self._database.commits.write(store)

    def _failed(self, channel: str) -> list[tuple[int, str]]:
        return self._ask(
            "SELECT id, failed FROM outbox WHERE failed <> '' AND kind = 'job' AND channel <> ?",
            channel,
        )

    async def _do(self, statement: str, *values: object) -> None:
        def store(connection: sqlite3.Connection) -> None:
            connection.execute(statement, values)

        await self._database.commits.write(store)

    def _rows(self, condition: str, *values: object) -> list[Occurrence]:
        return [Occurrence(*row) for row in self._ask(f"{_SELECT} WHERE {condition}", *values)]

    def _ask(self, query: str, *values: object) -> list[Any]:
        with store_errors(self._database.path):
            return self._database.connection.execute(query, values).fetchall()


def has_jobs(home: Home, database: Database) -> bool:
    """Whether there is recurring work to do, or to account for."""
    if home.cron.is_dir() and any(path.suffix in (".yaml", ".yml") for path in home.cron.iterdir()):
        return True
    with store_errors(database.path):
        query = "SELECT 1 FROM occurrences WHERE status = 'claimed' LIMIT 1"
        return database.connection.execute(query).fetchone() is not None


def _insert(
    connection: sqlite3.Connection, job: str, entry: Entry, now: float
) -> Occurrence | None:
    """Within a transaction: the row of a due time; None if it has one."""
    ended = None if entry.status == "claimed" else now
    inserted = connection.execute(
        "INSERT OR IGNORE INTO occurrences (job, due, status, reason, claimed_at, ended_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (job, entry.due, entry.status, entry.reason, now, ended),
    )
    if inserted.rowcount == 0:
        return None
    row = connection.execute(f"{_SELECT} WHERE job = ? AND due = ?", (job, entry.due)).fetchone()
    return Occurrence(*row)
