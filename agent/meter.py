"""What was spent today, and the cap that stops spending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal

from agent.messages import Usage
from hermes_home.errors import BudgetError

Kind = Literal["work", "first", "learning"]
"""What a request was for: work; the first reply of a checkpoint, which is always due; or what
learning spends besides."""


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
        self._work = self._learned = 0

    @property
    def spent(self) -> Usage:
        self._turn_the_page()
        return self._spent

    def add(self, usage: Usage, kind: Kind = "work") -> None:
        self._spent = self.spent + usage
        if kind == "work":
            self._work += usage.uncached
        elif kind == "learning":
            self._learned += usage.uncached

    def left(self, share: float) -> int:
        """Tokens, not counting cached ones, that learning may still use today: this share of what
        the day's work used. Below 0: it used more."""
        self._turn_the_page()
        return int(share * self._work) - self._learned

    def owe(self, tokens: int) -> None:
        """At the start: what learning used of its share today, among what was counted already."""
        self._learned += tokens

    def _turn_the_page(self) -> None:
        if self._day != self._today():
            self._day, self._spent = self._today(), Usage()
            self._work = self._learned = 0

    def check(self) -> None:
        """Raise BudgetError if nothing may be spent any more today."""
        if self.limit and self.spent.total >= self.limit:
            raise BudgetError(
                f"today's budget is used up: {self.spent.total:,} of {self.limit:,} tokens",
                "It starts anew tomorrow; `hermes config set budget.per_day N` changes it.",
            )
