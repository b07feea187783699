"""Days of the month, the quarter and the year: `first monday of the month`, `december 24`."""

from __future__ import annotations

from dataclasses import replace

from gateway.cron.rules import WEEKEND, WORKDAYS, Days
from gateway.cron.times import is_time
from gateway.cron.weekdays import weekday_words
from gateway.cron.words import MONTHS, ORDINALS, WORKDAY, Reader

QUARTERS = frozenset({1, 4, 7, 10})
QUARTER_ENDS = frozenset({3, 6, 9, 12})


def of_month(reader: Reader) -> Days:
    """`first monday of the month`, `1st and 15th`, `last day of the quarter`."""
    days = monthly(reader)
    if not reader.take("of"):
        return days
    reader.take("the", "every", "each", "a")
    if month := reader.take(*MONTHS):
        return replace(days, months=frozenset({MONTHS[month]}))
    unit = reader.need("month", "months", "quarter", "year")
    if unit == "quarter":
        return in_quarter(reader, days)
    if unit == "year":
        return replace(days, months=frozenset({12 if _last_only(reader, days) else 1}))
    return days


def monthly(reader: Reader) -> Days:
    """`1st and 15th`, `first and third monday`, `last weekday`, `last day`."""
    numbers, numeric = _ordinals(reader)
    if reader.take("day", "days"):
        return Days(dates=numbers)
    if reader.take(*WORKDAY) or reader.takes("working", "day") or reader.takes("business", "day"):
        return Days(weekdays=WORKDAYS, nth=numbers, jointly=True)
    if found := weekday_words(reader, plural=False):
        if found == WEEKEND or max(numbers) > 5:
            raise reader.refuse("a month has no such weekday")
        return Days(weekdays=found, nth=numbers)
    if not numeric:
        raise reader.refuse()
    return Days(dates=numbers)


def _ordinals(reader: Reader) -> tuple[frozenset[int], bool]:
    """`1st`, `first and third`, `15th and last`; whether all of them are days by number."""
    found: list[int] = []
    numeric = True
    while True:
        reader.take("the")
        if word := reader.take(*ORDINALS):
            found.append(ORDINALS[word])
            numeric = numeric and word == "last" and len(found) > 1
        elif reader.peek().isdecimal() and reader.peek(1) in ("st", "nd", "rd", "th"):
            number, ending = int(reader.peek()), reader.peek(1)
            if not 1 <= number <= 31 or ending != _ending(number):
                raise reader.refuse()
            reader.at += 2
            found.append(number)
        else:
            raise reader.refuse()
        start = reader.at
        reader.take(",")
        reader.take("and", "&")
        if reader.at == start:
            return frozenset(found), numeric
        if reader.peek() == "at" or is_time(reader):
            raise reader.refuse()


def _ending(number: int) -> str:
    if number in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def date_of_year(reader: Reader) -> Days:
    """`december 24`, `24th of december`."""
    month, day = month_and_day(reader)
    return Days(months=frozenset({month}), dates=frozenset({day}))


def month_and_day(reader: Reader) -> tuple[int, int]:
    """A date without its year. Refused if no year has it."""
    reader.take("the")
    word = reader.take(*MONTHS)
    reader.take("the")
    day = reader.number()
    reader.take(_ending(day or 0))
    if not word:
        reader.take("of")
        word = reader.need(*MONTHS)
    month = MONTHS[word]
    if day is None or not 1 <= day <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]:
        raise reader.refuse(f"{word} has no such day")
    return month, day


def in_quarter(reader: Reader, days: Days) -> Days:
    months = QUARTER_ENDS if _last_only(reader, days) else QUARTERS
    return replace(days, months=months)


def _last_only(reader: Reader, days: Days) -> bool:
    numbers = days.nth or days.dates
    if numbers == {-1} or -1 not in numbers:
        return numbers == {-1}
    raise reader.refuse("first and last of more than a month must be two jobs")
