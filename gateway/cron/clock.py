"""From the clock on the wall to instants, where daylight saving makes a time come twice or not
at all. Instants are whole seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


def instants(wall: datetime, zone: ZoneInfo, *, each: bool) -> list[int]:
    """When the clock of a zone shows `wall` (naive).

    each: every time it does so, which may be never. Otherwise exactly one: the first of two, and
    for a time in a gap the first instant after the gap.
    """
    first = _stamp(wall.replace(tzinfo=zone, fold=0))
    second = _stamp(wall.replace(tzinfo=zone, fold=1))
    if first == second:
        return [first]
    if first < second:
        return [first, second] if each else [first]
    return [] if each else [_transition(second, first, zone)]


@lru_cache(maxsize=4096)
def plain_midnight(day: date, zone: ZoneInfo) -> int | None:
    """When a day begins, if the clock is not changed on it or beside it; else None."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    around = {
        (noon + timedelta(days=away)).astimezone(zone).utcoffset() for away in (-2, -1, 0, 1, 2)
    }
    if len(around) > 1:
        return None
    return _stamp(datetime(day.year, day.month, day.day, tzinfo=zone))


def _transition(before: int, after: int, zone: ZoneInfo) -> int:
    """The instant in (before, after] at which the clock is put forward."""
    old = _offset(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(instant: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(instant, UTC).astimezone(zone).utcoffset()


def _stamp(moment: datetime) -> int:
    return int(moment.timestamp())
