"""Cron expressions: five fields, names, ranges, lists, steps, and @daily and its like.

Weekdays are cron's: 0 and 7 are Sunday. If both day fields are restricted one of them is enough;
a field that begins with * is not restricted (crontab(5)).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.cron.rules import Calendar, Days
from hermes_home.errors import UsageError

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_WEEKDAYS = "sun mon tue wed thu fri sat".split()
_PART = re.compile(r"(\*|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]+))?")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class _Field:
    title: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        if text in self.names:
            return self.names.index(text) + (self.low if self.title == "month" else 0)
        value = int(text) if text.isdecimal() and len(text) < 4 else -1
        return value if self.low <= value <= self.high else None


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("weekday", 0, 7, tuple(_WEEKDAYS)),
)


def looks_like_cron(text: str) -> bool:
    words = text.split()
    numbers = all(re.fullmatch(r"[0-9*/,-]+", word) for word in words[:2])
    return text.startswith("@") or (len(words) > 2 and numbers)


def parse_cron(text: str) -> tuple[str, Calendar]:
    """The expression in its plain form, and what it means. UsageError names the field."""
    words = NICKNAMES.get(text.lower(), text).lower().split()
    if text.startswith("@") and text.lower() not in NICKNAMES:
        raise UsageError(f"{text!r} was not understood", f"there are {', '.join(NICKNAMES)}")
    if len(words) != 5:
        raise UsageError(
            f"{text!r} has {len(words)} fields; a cron expression has 5",
            "minute hour day month weekday, for example: 0 9 * * mon-fri",
        )
    fields = [_values(word, field) for word, field in zip(words, _FIELDS, strict=True)]
    minutes, hours, dates, months, weekdays = fields
    _check_dates(text, words[2], dates, months, restricted=words[4][0] == "*")
    days = Days(
        months=frozenset(months),
        dates=frozenset(dates) if len(dates) < 31 else frozenset(),
        weekdays=frozenset((day - 1) % 7 for day in weekdays)
        if weekdays != set(range(7))
        else frozenset(),
        either=words[2][0] != "*" and words[4][0] != "*",
    )
    if days.either and not (days.dates and days.weekdays):  # one of them allows every day
        days = Days(months=days.months)
    times = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    return " ".join(words), Calendar(days, tuple(times))


def _values(word: str, field: _Field) -> set[int]:
    values: set[int] = set()
    for part in word.split(","):
        values |= _range(part, word, field)
    return {value % 7 for value in values} if field.title == "weekday" else values


def _range(part: str, word: str, field: _Field) -> set[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise _wrong(part or word, field)
    first, last, step = match.groups()
    if first == "*":
        low, high = field.low, 6 if field.title == "weekday" else field.high
        if last is not None:
            raise _wrong(part, field)
    else:
        low, high = _number(first, field), _number(last or first, field)
        if step and last is None:
            high = 6 if field.title == "weekday" else field.high
    if field.title == "weekday" and last in ("sun", "0") and low > 0:
        high = 7  # fri-sun
    if low > high or (step is not None and not 1 <= int(step) <= field.high):
        raise _wrong(part, field)
    return set(range(low, high + 1, int(step or 1)))


def _number(text: str, field: _Field) -> int:
    value = field.number(text)
    if value is None:
        raise _wrong(text, field)
    return value


def _wrong(part: str, field: _Field) -> UsageError:
    names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return UsageError(
        f"{part!r} was not understood as a {field.title}",
        f"a {field.title} is {field.low} to {field.high}{names}, as in 1, 1-3, 1,3 or */2; "
        "for example: 0 9 * * mon-fri",
    )


def _check_dates(
    text: str, word: str, dates: set[int], months: set[int], *, restricted: bool
) -> None:
    """A date no month has, such as 30 February, would never come."""
    if restricted and not any(
        day <= _LONGEST_MONTHS[month - 1] for day in dates for month in months
    ):
        raise UsageError(
            f"{text!r}: day {word} was not understood: no such month has it",
            "for example: 0 9 28 2 *",
        )
