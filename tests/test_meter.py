"""The day's tokens and the cap."""

from __future__ import annotations

from datetime import date

import pytest

from agent.messages import Usage
from agent.meter import Meter
from hermes_home.errors import BudgetError

MONDAY, TUESDAY = date(2026, 3, 30), date(2026, 3, 31)


class Calendar:
    day = MONDAY

    def today(self) -> date:
        return self.day


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


def test_it_goes_on_from_what_the_journal_holds(calendar: Calendar):
    meter = Meter(0, calendar.today, Usage(10, 1, cached=4))
    meter.add(Usage(20, 2, cached=5))
    assert meter.spent == Usage(30, 3, cached=9)
    assert meter.spent.total == 33


def test_a_new_day_begins_at_nothing_whether_asked_or_added_to(calendar: Calendar):
    for first in ("ask", "add", "check"):
        calendar.day = MONDAY
        meter = Meter(100, calendar.today, Usage(90, 20))
        with pytest.raises(BudgetError):
            meter.check()
        calendar.day = TUESDAY
        if first == "ask":
            assert meter.spent == Usage()
        if first == "check":
            meter.check()
        meter.add(Usage(5, 1))
        assert meter.spent == Usage(5, 1)
        meter.check()


def test_a_day_that_comes_again_is_a_new_day(calendar: Calendar):
    """A traveller's clock may go back over midnight: nothing is counted twice."""
    meter = Meter(0, calendar.today, Usage(90, 20))
    for calendar.day in (TUESDAY, MONDAY):
        assert meter.spent == Usage()


@pytest.mark.parametrize(("limit", "spent", "stops"), [
    (0, 10**12, False), (100, 99, False), (100, 100, True), (100, 101, True), (1, 0, False),
])  # fmt: skip
def test_the_cap(calendar: Calendar, limit: int, spent: int, stops: bool):
    meter = Meter(limit, calendar.today, Usage())
    meter.add(Usage(spent, 0))
    if stops:
        with pytest.raises(BudgetError, match=f"{spent} of {limit}") as stopped:
            meter.check()
        assert "budget.per_day" in stopped.value.hint
        assert stopped.value.exit_code == 3
    else:
        meter.check()


def test_cached_tokens_are_part_of_the_prompt_and_count_once(calendar: Calendar):
    meter = Meter(100, calendar.today, Usage())
    meter.add(Usage(60, 10, cached=50))
    assert meter.spent.total == 70
    meter.check()


def test_a_new_limit_counts_at_once(calendar: Calendar):
    meter = Meter(0, calendar.today, Usage(50, 0))
    meter.check()
    meter.limit = 40
    with pytest.raises(BudgetError):
        meter.check()
