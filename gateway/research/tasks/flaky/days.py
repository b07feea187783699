"""Days of points in time. Times are seconds since 1970-01-01 00:00 UTC, and days are UTC's."""

from __future__ import annotations

from datetime import UTC, datetime


def day(at: float) -> str:
    """The day, such as 2026-03-01."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def midnight(text: str) -> int:
    """When that day begins. ValueError if there is no such day."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def by_day(times: list[float]) -> dict[str, int]:
    """How many of the times lie on each day, by day in order."""
    counts: dict[str, int] = {}
    for at in sorted(times):
        counts[day(at)] = counts.get(day(at), 0) + 1
    return counts
