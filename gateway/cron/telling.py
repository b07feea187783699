"""A schedule in words. What the grammar can say is told so that it can be read again."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gateway.cron.months import QUARTER_ENDS, QUARTERS
from gateway.cron.rules import ALL_MONTHS, WEEKEND, WORKDAYS, Calendar, Days, Every, Once, Rule

WEEKDAY_NAMES = "monday tuesday wednesday thursday friday saturday sunday".split()
MONTH_NAMES = (
    "january february march april may june july august september october november december".split()
)
_ORDINAL_WORDS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_MOST_TIMES = 6


def describe(rule: Rule, zone: ZoneInfo) -> str:
    if isinstance(rule, Once):
        wall = datetime.fromtimestamp(rule.at, UTC).astimezone(zone)
        return _date_text(wall)
    if isinstance(rule, Every):
        return f"every {length(rule.seconds)}"
    when = _times(rule)
    days = _days(rule.days)
    if not when.startswith("at "):
        return when if days == "every day" else f"{when}, {days}"
    return f"{days} {when}"


def length(seconds: int) -> str:
    """5400 as 1h30m."""
    hours, minutes = divmod(seconds // 60, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def _date_text(wall: datetime) -> str:
    """With its offset where the clock shows the time twice."""
    twice = wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
    text = wall.strftime("%Y-%m-%d %H:%M" + (":%S" if wall.second else ""))
    return f"{text}{wall.strftime('%z')}" if twice else text


def _times(rule: Calendar) -> str:
    times = rule.times
    if len(times) <= _MOST_TIMES and (len(times) < 3 or not _step(times)):
        return "at " + _joined([clock(minute) for minute in times])
    if times == tuple(range(0, 24 * 60, 60)):
        return "hourly"
    if step := _step(times):
        if rule.hourly and times[0] < step and times[-1] + step >= 24 * 60 + times[0]:
            at = f" at {times[0]} past" if step == 60 and times[0] else ""
            return ("every minute" if step == 1 else f"every {length(step * 60)} by the clock") + at
        return f"every {length(step * 60)} between {clock(times[0])} and {clock(times[-1])}"
    shown = ", ".join(clock(minute) for minute in times[:_MOST_TIMES])
    return f"at {shown}, … ({len(times)} times a day)"


def _step(times: tuple[int, ...]) -> int:
    """The one distance between all of these, 0 if there is none."""
    steps = {after - before for before, after in zip(times, times[1:], strict=False)}
    return steps.pop() if len(steps) == 1 else 0


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(days: Days) -> str:
    if days.every > 1:
        return f"every {days.every} days"
    if days.nth:
        return _nth(days)
    if days.either:
        months = "" if days.months == ALL_MONTHS else f" of {_month_names(days)}"
        weekdays = _names(sorted(days.weekdays))
        return f"on the {_dates(days)}{months} or every {weekdays}"
    if days.dates:
        return _by_date(days)
    months = "" if days.months == ALL_MONTHS else f" in {_month_names(days)}"
    return _weekdays(days) + months


def _weekdays(days: Days) -> str:
    if not days.weekdays:
        return "every day"
    if days.weeks == 1 and days.weekdays in (WORKDAYS, WEEKEND):
        return "every weekday" if days.weekdays == WORKDAYS else "every weekend"
    if len(days.weekdays) == 6 and days.weeks == 1:
        (missing,) = set(range(7)) - days.weekdays
        return f"every day except {WEEKDAY_NAMES[missing]}"
    names = _names(sorted(days.weekdays))
    return f"every {names}" if days.weeks == 1 else f"every {days.weeks} weeks on {names}"


def _nth(days: Days) -> str:
    numbers = _joined([_ORDINAL_WORDS.get(one) or _ordinal(one) for one in _order(days.nth)])
    day = "weekday" if days.jointly else _names(sorted(days.weekdays))
    return f"on the {numbers} {day} of the {_period(days)}"


def _by_date(days: Days) -> str:
    weekday = "" if not days.weekdays else f" if it is a {_names(sorted(days.weekdays))}"
    if len(days.months) == 1 and len(days.dates) == 1 and -1 not in days.dates and not weekday:
        (month,), (day,) = days.months, days.dates
        return f"every year on {MONTH_NAMES[month - 1]} {day}"
    return f"on the {_dates(days)} of the {_period(days)}{weekday}"


def _dates(days: Days) -> str:
    if days.dates == {-1}:
        return "last day"
    return _joined(["last" if one == -1 else _ordinal(one) for one in _order(days.dates)])


def _period(days: Days) -> str:
    if days.months == ALL_MONTHS:
        return "month"
    last = (days.nth or days.dates) == {-1}
    if days.months == (QUARTER_ENDS if last else QUARTERS):
        return "quarter"
    return _month_names(days)


def _month_names(days: Days) -> str:
    return _joined([MONTH_NAMES[month - 1] for month in sorted(days.months)])


def _names(weekdays: list[int]) -> str:
    return _joined([WEEKDAY_NAMES[day] for day in weekdays])


def _order(numbers: frozenset[int]) -> list[int]:
    return sorted(numbers, key=lambda number: number if number > 0 else 99)


def _ordinal(number: int) -> str:
    teens = number in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
