"""What channels heard: each event once, its id good for a week, gone when nobody needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from hermes_home.paths import Home
from memory.arrivals import KEPT, WINDOW, Arrival, Arrivals
from memory.database import Database
from tests.clock import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def arrivals(home: Home, clock: Clock) -> Iterator[Arrivals]:
    with closing(Database(home)) as database:
        yield Arrivals(database, clock)


def event(id: str, body: str = "{}", account: str = "a", done: str | None = None) -> Arrival:
    return Arrival("loopback", account, id, f"loopback/{account}/c", body, done)


async def test_an_event_is_stored_once_however_often_it_comes(arrivals: Arrivals) -> None:
    first = await arrivals.put([event("1"), event("2"), event("1", "other")])
    assert first[2] == 0
    again = await asyncio.gather(*(arrivals.put([event("2"), event("3")]) for _ in range(5)))
    assert [row[0] for row in again] == [0] * 5
    assert [row[1] > 0 for row in again] == [True, False, False, False, False]
    assert [one.body for one in arrivals.open()] == ["{}", "{}", "{}"]
    assert await arrivals.put([event("1", account="b")]) != [0]


async def test_what_was_worked_off_keeps_its_place_without_its_words(arrivals: Arrivals) -> None:
    (number,) = await arrivals.put([event("1", "secret")])
    await arrivals.finish(number, "said")
    assert arrivals.open() == []
    assert arrivals.get(number) is None
    assert await arrivals.put([event("1", "secret")]) == [0]


async def test_an_id_means_something_new_after_a_week(arrivals: Arrivals, clock: Clock) -> None:
    (number,) = await arrivals.put([event("1")])
    (waits,) = await arrivals.put([event("2")])
    first = arrivals.get(number)
    await arrivals.finish(number, "said")
    clock.now += WINDOW - 1
    assert await arrivals.put([event("1")]) == [0]
    clock.now += 2
    (second,) = await arrivals.put([event("1")])
    found = arrivals.get(second)
    assert first is not None
    assert found is not None
    assert found.key != first.key, "so that it is another input"
    assert await arrivals.put([event("2")]) == [0], "it waits still"
    assert arrivals.get(waits) is not None


async def test_old_rows_go_but_never_one_that_waits(arrivals: Arrivals, clock: Clock) -> None:
    (number, _) = await arrivals.put([event("1"), event("2")])
    await arrivals.put([event("3", done="not addressed")])
    await arrivals.finish(number, "said")
    clock.now += KEPT + 1
    await arrivals.prune()
    assert [one.key.split("#")[0] for one in arrivals.open()] == ["loopback:a:2"]
    assert await arrivals.put([event("3")]) != [0]
