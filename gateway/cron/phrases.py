"""Plain English, one closed grammar: recurring work. What it does not know it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.cron.days import days_said, excepted, period_of
from gateway.cron.rules import ALL_MONTHS, Calendar, Days, Every, Rule, moment
from gateway.cron.times import DayPart, duration, is_time, time, times
from gateway.cron.words import DAYS, NUMBERS, WEEKS, Reader

_MIDNIGHT = (0,)
_COUNTS = {"once": 1, "twice": 2}


def recurring(reader: Reader, anchor: datetime) -> Rule:
    """`every weekday at 9`, `at 9 on weekdays`, `every 1h30m`, `mondays at 18:30`, ..."""
    if reader.take("hourly"):
        return Calendar(Days(), tuple(range(0, 24 * 60, 60)))
    early = _early_times(reader)
    if early is None and (interval := _interval(reader, anchor)):
        return interval
    count, unit = _how_often(reader)
    part: DayPart = ""
    if unit == "week":
        days = period_of(reader, unit)
    elif unit == "day" and not early and (reader.peek() == "at" or is_time(reader)):
        days = Days()
    else:
        days, part = days_said(reader, anchor)
    given = early or _late_times(reader, part)
    days = excepted(reader, days)
    given = given or _late_times(reader, part)
    if given is None and days.every > 1:
        given = (anchor.hour * 60 + anchor.minute,)
    _check_count(reader, count, unit, days, given)
    return _begun(Calendar(days, given or _MIDNIGHT), anchor)


def _early_times(reader: Reader) -> tuple[int, ...] | None:
    """Times before the days: `at 9 every day`."""
    if reader.take("at") or is_time(reader):
        found = times(reader)
        reader.take(",")
        if not reader.peek():
            raise reader.refuse("on which days?")
        return found
    return None


def _late_times(reader: Reader, part: DayPart) -> tuple[int, ...] | None:
    if is_time(reader, 1) or reader.peek(1) == "at":
        reader.take(",")
    if reader.take("at") or is_time(reader):
        return times(reader, part)
    if part:
        raise reader.refuse(f"at what time in the {part}?")
    return None


def _interval(reader: Reader, anchor: datetime) -> Rule | None:
    """`every 90 minutes`, `every hour between 9:00 and 17:00 on weekdays`."""
    start = reader.at
    if not reader.take("every", "each"):
        return None
    if reader.peek() in (*DAYS[:2], *WEEKS[:2]):
        reader.at = start
        return None
    length = duration(reader)
    if length is None or (length[0] and not length[1]):
        reader.at = start
        return None
    minutes = length[0] * 1440 + length[1]
    if minutes < 1:
        raise reader.refuse("the shortest interval is one minute")
    span = _span(reader)
    if span is None:
        return Every(minutes * 60, int(anchor.timestamp()))
    if minutes >= 1440:
        raise reader.refuse("so long an interval does not fit into a part of the day")
    reader.take(",")
    days = days_said(reader, anchor)[0] if reader.peek() else Days()
    return Calendar(excepted(reader, days), tuple(range(span[0], span[1] + 1, minutes)))


def _span(reader: Reader) -> tuple[int, int] | None:
    """`between 9:00 and 17:00`, `from 9 to 17`: both ends are due."""
    word = reader.take("between", "from")
    if not word:
        return None
    first = time(reader)
    reader.need(*(("and",) if word == "between" else ("to", "until")))
    last = time(reader)
    if last <= first:
        raise reader.refuse("the first time must be the earlier one")
    return first, last


def _how_often(reader: Reader) -> tuple[int, str]:
    """`twice a day`, `three times a week`: how many, and of what; (0, "") if nothing is said."""
    start = reader.at
    count = _COUNTS.get(reader.take(*_COUNTS), 0)
    if not count and (reader.peek() in NUMBERS or reader.peek().isdecimal()):
        count = reader.number() or 0
        count = count if reader.take("times") else 0
    if count and reader.take("a", "per", "each", "every"):
        unit = reader.need("day", "week", "month")
        reader.take(",")
        return count, unit
    reader.at = start
    return 0, ""


def _check_count(
    reader: Reader, count: int, unit: str, days: Days, given: tuple[int, ...] | None
) -> None:
    """What is said to be twice must be two."""
    if not count:
        return
    found = len(given or _MIDNIGHT)
    if unit == "week":
        found *= len(days.weekdays)
    elif unit == "month":
        found *= len(days.dates)
    elif days.weekdays or days.dates:
        found = 0
    if found != count or (given is None and count > 1 and unit == "day"):
        raise reader.refuse(f"{count} times a {unit} needs {count} times to be named")


def _begun(rule: Calendar, anchor: datetime) -> Calendar:
    """Counted weeks and days begin with the first time that comes; days counted without a time
    begin when they were asked for."""
    days = rule.days
    if days.months != ALL_MONTHS or (days.every == 1 and days.weeks == 1):
        return rule
    zone = anchor.tzinfo
    assert isinstance(zone, ZoneInfo)
    at_anchor = rule.times == (anchor.hour * 60 + anchor.minute,)
    if days.weeks == 1 and at_anchor:
        return replace(rule, days=replace(days, start=anchor.date()))
    each = replace(rule, days=replace(days, every=1, weeks=1))
    first = each.next(anchor.timestamp(), zone)
    start = moment(first, zone).date() if first is not None else anchor.date()
    return replace(rule, days=replace(days, start=start))
