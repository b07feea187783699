"""Which days: `every weekday`, `weekly on monday`, `on the 1st`, and all that is said of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.cron.months import date_of_year, in_quarter, monthly, of_month
from gateway.cron.rules import WEEKEND, WORKDAYS, Days
from gateway.cron.times import PARTS, DayPart
from gateway.cron.weekdays import SPANS, weekday_words
from gateway.cron.words import MONTHS, WEEKDAYS, Reader


def days_said(reader: Reader, anchor: datetime) -> tuple[Days, DayPart]:
    """The days, and the part of the day if one is said with them: `every evening`."""
    if word := reader.take("daily", "weekly", "monthly", "quarterly", "yearly", "annually"):
        return period_of(reader, _UNITS[word]), ""
    if reader.take("fortnightly"):
        return _weeks(reader, 2), ""
    if reader.take("every", "each"):
        for part in PARTS:
            if reader.take(part):
                return Days(), part
        return _every(reader, anchor), ""
    reader.take("on")
    reader.takes("the")
    spans = reader.peek() in WEEKDAYS and reader.peek(1) in SPANS
    if found := weekday_words(reader, plural=None if spans else True):
        return Days(weekdays=found), ""
    return of_month(reader), ""


_UNITS = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annually": "year",
}


def _every(reader: Reader, anchor: datetime) -> Days:
    """What stands behind `every`."""
    if unit := reader.take("day", "week", "month", "quarter", "year"):
        return period_of(reader, unit)
    if reader.take("fortnight"):
        return _weeks(reader, 2)
    if reader.take("other") or (reader.peek() == "second" and _not_of_month(reader)):
        return _every_other(reader)
    if counted := _counted(reader, anchor):
        return counted
    if found := weekday_words(reader, plural=False):
        return Days(weekdays=found)
    if any(reader.peek(ahead) in MONTHS for ahead in range(3)):
        return date_of_year(reader)
    days = of_month(reader)
    if days.nth & {3, 4, 5} and "of" not in reader.text.lower().split():
        raise reader.refuse("of every month, or counted in weeks?")
    return days


def _counted(reader: Reader, anchor: datetime) -> Days | None:
    """`every 3 days`, `every 2 weeks on monday`; None, and nothing taken, if it is no count."""
    start = reader.at
    count = reader.number()
    if count and reader.take("weeks", "week"):
        return _weeks(reader, count)
    if count and reader.take("days", "day"):
        return Days(every=count, start=anchor.date())
    dated = reader.peek() in ("st", "nd", "rd", "th") or reader.peek() in MONTHS
    if count is not None and not dated:
        raise reader.refuse()
    reader.at = start
    return None


def _not_of_month(reader: Reader) -> bool:
    """`every second tuesday`, not `every second tuesday of the month`; then `second` is taken."""
    if reader.peek(2) == "of" or not (
        reader.peek(1) in WEEKDAYS or reader.peek(1) in ("day", "week")
    ):
        return False
    reader.at += 1
    return True


def _every_other(reader: Reader) -> Days:
    if reader.take("day"):
        return Days(every=2)
    if reader.take("week"):
        return _weeks(reader, 2)
    found = weekday_words(reader, plural=False)
    if not found or found in (WORKDAYS, WEEKEND):
        raise reader.refuse()
    return Days(weekdays=found, weeks=2)


def _weeks(reader: Reader, count: int) -> Days:
    """`every 2 weeks on monday`; without a weekday it is counted in days."""
    start = reader.at
    reader.take("on")
    if found := weekday_words(reader, plural=None):
        return Days(weekdays=found, weeks=count)
    reader.at = start
    return Days(every=7 * count)


def period_of(reader: Reader, unit: str) -> Days:
    """A unit of the calendar: its first day, unless it says which."""
    start = reader.at
    said = reader.take("on")
    reader.take("the")
    if unit == "week":
        found = weekday_words(reader, plural=None) if said else frozenset()
        days = Days(weekdays=found or frozenset({0}))
    elif unit == "year":
        days = date_of_year(reader) if said else Days(months=frozenset({1}), dates=frozenset({1}))
    elif unit in ("month", "quarter"):
        days = monthly(reader) if said else Days(dates=frozenset({1}))
        days = in_quarter(reader, days) if unit == "quarter" else days
    else:
        days, said = Days(), ""
    if not said:
        reader.at = start
    return days


def excepted(reader: Reader, days: Days) -> Days:
    """`every day except sundays`."""
    if not reader.take("except"):
        return days
    reader.take("on")
    without = weekday_words(reader, plural=None)
    left = (days.weekdays or frozenset(range(7))) - without
    if not without or not left or days.dates or days.nth or days.every > 1:
        raise reader.refuse()
    return replace(days, weekdays=left)
