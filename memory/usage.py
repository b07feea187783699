"""What was spent, from the usage view: per day of a time zone, per session, per purpose."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from agent.events import Purpose
from agent.messages import Usage
from memory.views import BUCKET_SECONDS


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens and model requests, by what they were for."""

    by_purpose: dict[Purpose, Usage]
    requests_by_purpose: dict[Purpose, int]
    further: int = 0
    """Uncached tokens of the replies of checkpoints beyond the first of each."""

    @property
    def requests(self) -> int:
        return sum(self.requests_by_purpose.values())

    @property
    def total(self) -> Usage:
        return sum(self.by_purpose.values(), Usage())


def spent_on(connection: sqlite3.Connection, day: date, zone: tzinfo) -> Spent:
    """What one calendar day of a zone cost, also a day of 23 or 25 hours."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    tomorrow = day + timedelta(days=1)
    end = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    return _sum(
        connection,
        "bucket >= ? AND bucket < ?",
        int(start.timestamp() // BUCKET_SECONDS),
        int(end.timestamp() // BUCKET_SECONDS),
    )


def spent_by(connection: sqlite3.Connection, session: str) -> Spent:
    """What one session has cost so far."""
    return _sum(connection, "session = ?", session)


def spent_ever(connection: sqlite3.Connection) -> Spent:
    """What the whole journal has cost."""
    return _sum(connection, "1")


def _sum(connection: sqlite3.Connection, condition: str, *values: object) -> Spent:
    rows = connection.execute(
        "SELECT purpose, sum(requests), sum(prompt), sum(completion), sum(cached), max(estimated),"
        f" sum(further) FROM usage WHERE {condition} GROUP BY purpose ORDER BY purpose",
        values,
    ).fetchall()
    usages: dict[Purpose, Usage] = {
        purpose: Usage(prompt, completion, cached, bool(estimated))
        for purpose, _, prompt, completion, cached, estimated, _ in rows
    }
    return Spent(usages, {row[0]: row[1] for row in rows}, sum(row[6] for row in rows))
