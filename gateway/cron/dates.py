"""Plain English: one time only."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.cron.clock import instants
from gateway.cron.months import month_and_day
from gateway.cron.rules import Once
from gateway.cron.times import PARTS, DayPart, duration, is_time, times
from gateway.cron.weekdays import SPANS
from gateway.cron.words import MONTHS, WEEKDAYS, Reader
from hermes_home.errors import UsageError

_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:?\d{2}(?::?\d{2})?)\s?(Z|[+-]\d{2}:?\d{2})?", re.I
)


def once(reader: Reader, anchor: datetime) -> Once | None:
    """`in 2 hours`, `tomorrow at noon`, `on friday at 17:00`, `24 december at 18:00`; None, and
    nothing taken, if it is no single time."""
    if iso := _ISO.fullmatch(reader.text):
        return _iso(reader, iso, anchor)
    start = reader.at
    if reader.take("in"):
        return _later(reader, anchor)
    early = times(reader) if reader.take("at") or is_time(reader) else ()
    day = _day(reader, anchor)
    if day is None:
        reader.at = start
        return None
    return _at(reader, day, early, anchor)


def _iso(reader: Reader, match: re.Match[str], anchor: datetime) -> Once:
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{(match[3] or '').upper()}")
    except ValueError:
        raise UsageError(
            f"{reader.text!r} is no date and time", "for example: 2026-12-24 18:00"
        ) from (None)
    reader.finish()
    if moment.tzinfo is not None:
        return Once(int(moment.astimezone(UTC).timestamp()))
    return Once(instants(moment, _zone(anchor), each=False)[0])


def _later(reader: Reader, anchor: datetime) -> Once:
    """A length of time from now; whole days are counted by the calendar."""
    length = duration(reader)
    if length is None:
        reader.number()
        raise reader.refuse()
    days, minutes = length
    day = anchor.date() + timedelta(days=days)
    if days and not minutes and (reader.take("at") or is_time(reader)):
        return _coming([(day, _single(reader, times(reader)))], anchor)
    wall = datetime.combine(day, anchor.time())
    begun = instants(wall, _zone(anchor), each=False)[0] if days else int(anchor.timestamp())
    return Once(begun + minutes * 60)


def _single(reader: Reader, found: tuple[int, ...]) -> int:
    if len(found) > 1:
        raise reader.refuse("one job has one date and time")
    return found[0]


def _day(reader: Reader, anchor: datetime) -> tuple[list[date], DayPart] | None:
    """The dates that may be meant, the nearest first, and the part of the day."""
    today = anchor.date()
    if reader.take("today"):
        return [today], ""
    if reader.take("tonight"):
        return [today], "night"
    reader.takes("the")
    for ahead, words in ((2, ("day", "after", "tomorrow")), (1, ("tomorrow",))):
        if reader.takes(*words):
            return [today + timedelta(days=ahead)], _part_of(reader)
    said = reader.take("on", "this")
    if reader.peek(1) in SPANS:
        return None
    if reader.peek() in WEEKDAYS and (said or reader.peek(1) in ("at", "")):
        return _weekday(reader, today, said), _part_of(reader) if said else ""
    if _is_date(reader):
        return _dates(reader, today), ""
    return None


def _part_of(reader: Reader) -> DayPart:
    return next((part for part in PARTS if reader.take(part)), "")


def _weekday(reader: Reader, today: date, said: str) -> list[date]:
    word = reader.take(*WEEKDAYS)
    if not said:
        raise reader.refuse(f"once or every week? say 'on {word}' or 'every {word}'")
    ahead = (WEEKDAYS[word] - today.weekday()) % 7
    return [today + timedelta(days=ahead), today + timedelta(days=ahead + 7)]


def _is_date(reader: Reader) -> bool:
    word = reader.peek()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word) or word in MONTHS:
        return True
    behind = [reader.peek(ahead) for ahead in (1, 2, 3)]
    return word.isdecimal() and (
        behind[0] in MONTHS
        or (behind[0] in ("st", "nd", "rd", "th", "of") and bool({*behind[1:]} & {*MONTHS}))
    )


def _dates(reader: Reader, today: date) -> list[date]:
    word = reader.peek()
    if word not in MONTHS and "-" in word:
        reader.at += 1
        try:
            return [date.fromisoformat(word)]
        except ValueError:
            reader.at -= 1
            raise reader.refuse(f"{word} is no date") from None
    month, day = month_and_day(reader)
    reader.take(",")
    year = reader.peek()
    if re.fullmatch(r"2\d{3}", year):
        reader.at += 1
        years = [int(year)]
    else:
        years = list(range(today.year, today.year + 9))
    found = [date(one, month, day) for one in years if day < 29 or _exists(one, month, day)]
    if not found:
        raise reader.refuse(f"there is no such day in {year}")
    return found


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _at(
    reader: Reader, days: tuple[list[date], DayPart], early: tuple[int, ...], anchor: datetime
) -> Once:
    dates, part = days
    found = early
    reader.take(",")
    if not found and (reader.take("at") or is_time(reader)):
        found = times(reader, part)
    if not found:
        reader.end()
        raise reader.refuse("at what time?")
    minute = _single(reader, found)
    return _coming([(day, minute) for day in dates], anchor)


def _coming(walls: list[tuple[date, int]], anchor: datetime) -> Once:
    """The first of these that is not over; the last one if all are."""
    at = 0
    for day, minute in walls:
        wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
        at = instants(wall, _zone(anchor), each=False)[0]
        if at > anchor.timestamp():
            break
    return Once(at)


def _zone(anchor: datetime) -> ZoneInfo:
    assert isinstance(anchor.tzinfo, ZoneInfo)
    return anchor.tzinfo
