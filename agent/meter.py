"""What was spent today, and the cap that stops spending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from agent.messages import Usage
from hermes_home.errors import BudgetError


class Meter:
    """Counts the tokens of every model request of a day, whatever it was for.

    `spent`: what the journal holds for today at the start. `today` gives the home's date.
    A request is counted when its reply is stored, so the day's total exceeds the cap by at most
    the requests under way.
    """

    def __init__(self, limit: int, today: Callable[[], date], spent: Usage) -> None:
        self.limit = limit
        self._today = today
        self._day = today()
        self._spent = spent

    @property
    def spent(self) -> Usage:
        if self._day != self._today():
            self._day, self._spent = self._today(), Usage()
        return self._spent

    def add(self, usage: Usage) -> None:
        self._spent = self.spent + usage

    def check(self) -> None:
        """Raise BudgetError if nothing may be spent any more today."""
        if self.limit and self.spent.total >= self.limit:
            raise BudgetError(
                f"today's budget is used up: {self.spent.total:,} of {self.limit:,} tokens",
                "It starts anew tomorrow; `hermes config set budget.per_day N` changes it.",
            )
