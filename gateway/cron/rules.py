"""When something is due: the three kinds of schedule as data, each with its next instant.

Instants are whole seconds since the epoch. What is due at a time of day is due by the clock on
the wall, also across daylight saving (see gateway/cron/clock.py).
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from math import floor
from zoneinfo import ZoneInfo

from gateway.cron.clock import instants, plain_midnight

DAY = 24 * 60
ALL_MONTHS = frozenset(range(1, 13))
WORKDAYS = frozenset(range(5))
WEEKEND = frozenset({5, 6})
HORIZON = 15_000
"""Days after which a schedule counts as one that never comes; a 29 February on a certain weekday
comes within 40 years."""
_EPOCH = date(1970, 1, 5)
"""A Monday: where counted days and weeks begin if nothing else is said."""


@dataclass(frozen=True)
class Once:
    """At one instant."""

    at: int

    def next(self, after: float, zone: ZoneInfo) -> int | None:
        return self.at if after < self.at else None


@dataclass(frozen=True)
class Every:
    """Each `seconds`, counted from `anchor`: it never drifts. The anchor itself is not due."""

    seconds: int
    anchor: int

    def next(self, after: float, zone: ZoneInfo) -> int | None:
        passed = max(0, floor((after - self.anchor) / self.seconds))
        return self.anchor + (passed + 1) * self.seconds


@dataclass(frozen=True)
class Days:
    """Which dates; what is empty allows all.

    dates: of the month, -1 = the last. weekdays: 0 = Monday. nth: which of these weekdays in its
    month, -1 = the last; with `jointly` the days are counted together (the first working day).
    either: a date or a weekday is enough, as cron has it. every, weeks: each n-th day or week,
    counted from `start`.
    """

    months: frozenset[int] = ALL_MONTHS
    dates: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    nth: frozenset[int] = frozenset()
    jointly: bool = False
    either: bool = False
    every: int = 1
    weeks: int = 1
    start: date = field(default=_EPOCH)

    def fit(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_weekday = self._date_fits(day), self._weekday_fits(day)
        if not (by_date or by_weekday if self.either else by_date and by_weekday):
            return False
        if self.every > 1 and (day - self.start).days % self.every:
            return False
        return self.weeks == 1 or (_monday(day) - _monday(self.start)).days // 7 % self.weeks == 0

    def _date_fits(self, day: date) -> bool:
        if not self.dates or day.day in self.dates:
            return True
        return -1 in self.dates and day.day == _last(day)

    def _weekday_fits(self, day: date) -> bool:
        if not self.weekdays:
            return True
        if day.weekday() not in self.weekdays:
            return False
        if not self.nth:
            return True
        before, after = self._same(day, 1, day.day), self._same(day, day.day + 1, _last(day) + 1)
        return before + 1 in self.nth or (-1 in self.nth and after == 0)

    def _same(self, day: date, first: int, end: int) -> int:
        """How many days from `first` to before `end` of this month count like this one."""
        counted = self.weekdays if self.jointly else {day.weekday()}
        shift = day.weekday() - day.day
        return sum((number + shift) % 7 in counted for number in range(first, end))


@dataclass(frozen=True)
class Calendar:
    """At times of the day (minutes since midnight, sorted) of certain days.

    One that runs in every hour of the day is counted by the hours that pass: it runs in both
    hours when the clock is set back, and not in the one that is left out. Any other runs once at
    each of its times: at the first of two, and right after a gap for one that falls into it.
    """

    days: Days
    times: tuple[int, ...]

    @cached_property
    def hourly(self) -> bool:
        return len({minute // 60 for minute in self.times}) == 24

    def next(self, after: float, zone: ZoneInfo) -> int | None:
        day = datetime.fromtimestamp(after, zone).date() - timedelta(days=1)
        for _ in range(HORIZON):
            if day.year >= 9998:
                return None
            if self.days.fit(day) and (found := self._first(day, after, zone)) is not None:
                return found
            day += timedelta(days=1)
        return None

    def _first(self, day: date, after: float, zone: ZoneInfo) -> int | None:
        """The first instant above `after` that belongs to this day."""
        midnight = plain_midnight(day, zone)
        if midnight is not None:  # nothing happens to the clock near this day
            position = bisect_right(self.times, (after - midnight) / 60)
            return midnight + self.times[position] * 60 if position < len(self.times) else None
        found = _shown(day, self.times, zone, self.hourly)
        position = bisect_right(found, after)
        return found[position] if position < len(found) else None


@lru_cache(maxsize=64)
def _shown(day: date, times: tuple[int, ...], zone: ZoneInfo, each: bool) -> list[int]:
    """When the clock shows these times of a day on which, or beside which, it is changed."""
    start = datetime.combine(day, datetime.min.time())
    walls = (start + timedelta(minutes=minute) for minute in times)
    return sorted({instant for wall in walls for instant in instants(wall, zone, each=each)})


Rule = Once | Every | Calendar


def moment(instant: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant, UTC).astimezone(zone)


def _last(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
