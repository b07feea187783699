"""Schedules: what people mean by them, what is refused, and when they are due across daylight
saving. Oracles: the phrases' table, croniter, and looking at the clock minute by minute."""

from __future__ import annotations

import os
import random
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cron.rules import Calendar
from gateway.cron.schedule import Schedule, parse
from gateway.cron.words import EXAMPLES
from hermes_home.errors import UsageError
from tests.schedule_phrases import MEANT, REFUSED

SOAK = bool(os.environ.get("HERMES_SOAK"))
BERLIN = ZoneInfo("Europe/Berlin")
SAID = datetime(2026, 11, 18, 10, 0, tzinfo=BERLIN)
PHRASES = [(phrase, meant) for meant, phrases in MEANT.items() for phrase in phrases]
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "America/Havana",
    "Pacific/Apia",
]


def dues(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    return list(islice(endless(schedule, after), count))


def endless(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    while (due := schedule.next(after)) is not None:
        yield due
        after = due


def times(meant: str) -> list[datetime]:
    """`11-19 09:00, 27-01-01 09:00`: the year is told, or the next in which it comes."""
    found: list[datetime] = []
    for text in meant.split(", "):
        date, clock = text.split()
        before = found[-1] if found else SAID
        if date.count("-") == 2:
            found.append(datetime.strptime(f"20{text}", "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN))
            continue
        for year in (before.year, before.year + 1):
            one = datetime.strptime(f"{year}-{date} {clock}", "%Y-%m-%d %H:%M").replace(
                tzinfo=BERLIN
            )
            if one > before:
                found.append(one)
                break
    return found


def test_there_are_enough_phrases():
    assert len(PHRASES) >= 200
    assert len({phrase for phrase, _ in PHRASES}) == len(PHRASES)


@pytest.mark.parametrize(("phrase", "meant"), PHRASES)
def test_a_phrase_means_what_a_person_means(phrase: str, meant: str):
    schedule = parse(phrase, BERLIN, SAID.timestamp())
    expected = times(meant)
    assert dues(schedule, SAID, len(expected)) == expected
    if len(expected) == 1 and not isinstance(schedule.rule, Calendar):
        assert schedule.next(expected[0]) is None


@pytest.mark.parametrize("phrase", [phrase for phrase, _ in PHRASES] + list(EXAMPLES))
def test_the_plain_form_is_read_as_the_same_schedule(phrase: str):
    schedule = parse(phrase, BERLIN, SAID.timestamp())
    again = parse(schedule.text, BERLIN, SAID.timestamp())
    assert again.rule == schedule.rule
    assert again.text == schedule.text
    assert schedule.description


@pytest.mark.parametrize(("phrase", "named"), REFUSED.items())
def test_what_is_not_understood_is_refused_by_its_word_with_an_example(phrase: str, named: str):
    with pytest.raises(UsageError) as refused:
        parse(phrase, BERLIN, SAID.timestamp())
    assert named in refused.value.message
    assert "for example" in refused.value.hint or "there are @" in refused.value.hint


WORDS = sorted({word for phrase, _ in PHRASES for word in phrase.lower().split() if word.isalpha()})


@st.composite
def near_misses(draw: st.DrawFn) -> tuple[str, str]:
    """A phrase with one word misspelt into a word that is none."""
    phrase = draw(st.sampled_from([p for p, _ in PHRASES if any(w.isalpha() for w in p.split())]))
    words = phrase.split()
    place = draw(st.sampled_from([n for n, word in enumerate(words) if word.isalpha()]))
    word = words[place]
    at = draw(st.integers(0, len(word) - 1))
    letter = draw(st.sampled_from(string.ascii_lowercase))
    change = draw(st.sampled_from(["drop", "double", "put", "swap"]))
    new = {
        "drop": word[:at] + word[at + 1 :],
        "double": word[:at] + word[at] + word[at:],
        "put": word[:at] + letter + word[at + 1 :],
        "swap": word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    }[change]
    return phrase, " ".join([*words[:place], new, *words[place + 1 :]])


@pytest.mark.slow
@settings(max_examples=3000 if SOAK else 400, deadline=None)
@given(near_misses())
def test_a_misspelt_phrase_is_refused_or_is_another_phrase(case: tuple[str, str]):
    """Never taken for the one it was before, unless every word of it is a word."""
    phrase, missed = case
    known = {*WORDS, *"mon tue tues wed thu thur thurs fri sat sun sept jan m h d".split()}
    try:
        schedule = parse(missed, BERLIN, SAID.timestamp())
    except UsageError:
        return
    words = {word for word in missed.lower().split() if word.isalpha()}
    plural = {word.rstrip("s") for word in known} | {f"{word}s" for word in known}
    assert words <= known | plural, (phrase, missed, schedule.text)


@pytest.mark.slow
@settings(max_examples=2000 if SOAK else 300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_schedule_or_refused(text: str):
    try:
        schedule = parse(text, BERLIN, SAID.timestamp())
    except UsageError:
        return
    assert schedule.next(SAID - timedelta(days=40_000)) is not None


# -- cron expressions against croniter ------------------------------------------------------------

_NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def cron_field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ends = st.tuples(number, number).filter(lambda p: p[0] < p[1])  # croniter takes 0-0 for *
    span = ends.map(lambda p: f"{p[0]}-{p[1]}")
    step = st.integers(1, max(1, (high - low) // 2))
    part = st.one_of(
        number.map(str),
        span,
        st.tuples(span, step).map(lambda p: f"{p[0]}/{p[1]}"),
        step.map(lambda n: f"*/{n}"),
    )
    lists = st.lists(number, min_size=2, max_size=4, unique=True)
    return st.one_of(st.just("*"), part, lists.map(lambda n: ",".join(map(str, n))))


def expressions() -> st.SearchStrategy[str]:
    weekday = st.one_of(cron_field(0, 7), st.sampled_from(_NAMES), st.just("mon-fri"))
    fields = st.tuples(
        cron_field(0, 59), cron_field(0, 23), cron_field(1, 31), cron_field(1, 12), weekday
    )
    return fields.map(" ".join)


@pytest.mark.slow
@settings(max_examples=3000 if SOAK else 500, deadline=None)
@given(expressions(), st.integers(0, 3_000_000))
def test_cron_expressions_mean_what_they_mean_elsewhere(expression: str, minutes: int):
    """In UTC, where the clock is never changed; croniter was told of cron's rule for *."""
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    try:
        schedule = parse(expression, ZoneInfo("UTC"), 0)
    except UsageError as error:
        assert "no such month" in error.message  # noqa: PT017 - most are not refused
        return
    other = croniter(expression, start, implement_cron_bug=True)
    assert dues(schedule, start, 6) == [other.get_next(datetime) for _ in range(6)]


# -- by the clock on the wall ---------------------------------------------------------------------


def by_looking(expression: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Due times found by looking at the clock every minute, as cron would."""
    minutes, hours, dates, months, weekdays = croniter.expand(expression)[0]

    def fits(wall: datetime) -> bool:
        weekday = (wall.weekday() + 1) % 7
        return all(
            "*" in field or value in field
            for field, value in (
                (minutes, wall.minute),
                (hours, wall.hour),
                (dates, wall.day),
                (months, wall.month),
                (weekdays, weekday),
            )
        )

    hourly = hours == ["*"]
    found, last, seen = [], None, set()
    moment = start
    while moment < end:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        expected = wall if last is None else last + timedelta(minutes=1)
        if hourly:
            if fits(wall):
                found.append(moment)
        else:
            # Times that the clock left out count at the first one it shows again.
            left_out = []
            while expected < wall:
                left_out.append(expected)
                expected += timedelta(minutes=1)
            new = [one for one in (*left_out, wall) if one not in seen and fits(one)]
            seen.update(new)
            if new:
                found.append(moment)
        last, moment = wall, moment + timedelta(minutes=1)
    return found


EXPRESSIONS = [
    "30 2 * * *",
    "0 0 * * *",
    "15 0,1,2,3 * * *",
    "*/10 1-3 * * *",
    "0 * * * *",
    "*/15 * * * *",
    "45 23 * * *",
    "30 1 * * sun",
    "0 9 * * 1-5",
    "5 2 1,29 * *",
]


def changes(zone: ZoneInfo) -> list[datetime]:
    """The days on which a zone's clock is changed in a year; another one if it never is."""
    nearest = {"Pacific/Apia": 2011, "America/Sao_Paulo": 2018}.get(zone.key, 2026)
    found = []
    for year in (nearest, *((2010, 2017, 2022) if SOAK else ())):
        day = datetime(year, 1, 1, tzinfo=UTC)
        while day.year == year:
            after = day + timedelta(days=1)
            if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
                found.append(day)
            day = after
    return found or [datetime(2026, 3, 29, tzinfo=UTC)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ZONES)
def test_due_times_are_those_the_clock_on_the_wall_shows(name: str):
    zone = ZoneInfo(name)
    for day in changes(zone):
        start, end = day - timedelta(hours=12), day + timedelta(days=2)
        for expression in EXPRESSIONS:
            schedule = parse(expression, zone, 0)
            until = schedule.due_between(start.timestamp() - 1, end.timestamp() - 1)
            ours = [datetime.fromtimestamp(due, UTC) for due in until]
            assert ours == by_looking(expression, zone, start, end), (expression, day)


def test_a_time_that_is_left_out_is_due_right_after_the_gap():
    zone = ZoneInfo("America/New_York")
    schedule = parse("every day at 2:30", zone, 0)
    (due,) = dues(schedule, datetime(2026, 3, 8, 0, tzinfo=zone), 1)
    assert due.isoformat() == "2026-03-08T03:00:00-04:00"


def test_a_time_that_comes_twice_is_due_at_the_first_and_every_hour_in_both():
    zone = ZoneInfo("America/New_York")
    daily = dues(parse("every day at 1:30", zone, 0), datetime(2026, 11, 1, 0, tzinfo=zone), 2)
    assert [due.isoformat() for due in daily] == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-02T01:30:00-05:00",
    ]
    hourly = dues(parse("30 * * * *", zone, 0), datetime(2026, 11, 1, 0, 45, tzinfo=zone), 3)
    assert [due.isoformat() for due in hourly] == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:30:00-05:00",
        "2026-11-01T02:30:00-05:00",
    ]


def test_intervals_never_drift():
    chance = random.Random(1)
    for _ in range(200):
        anchor = chance.randint(0, 2_000_000_000)
        minutes = chance.randint(1, 3000)
        schedule = parse(f"every {minutes} minutes", BERLIN, anchor)
        after = anchor + chance.randint(0, 400 * 86_400)
        due = schedule.due_after(after)
        assert due is not None
        assert (due - anchor) % (minutes * 60) == 0
        assert 0 < due - after <= minutes * 60


def test_a_zone_skips_a_day_and_the_job_runs_after_it():
    zone = ZoneInfo("Pacific/Apia")  # which had no 30 December 2011
    schedule = parse("every friday at 9", zone, 0)
    due = schedule.next(datetime(2011, 12, 29, 12, tzinfo=zone))
    assert due is not None
    assert due.isoformat() == "2011-12-31T00:00:00+14:00"
