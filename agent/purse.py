"""A meter for one thing of many requests: it stops at so many tokens of its own, too."""

from __future__ import annotations

from agent.messages import Usage
from agent.meter import Kind, Meter
from hermes_home.errors import BudgetError


class Purse(Meter):
    """What is spent from it is spent of the day's meter `day` as well, and stops where that does.
    `used`: tokens taken from it so far."""

    def __init__(self, day: Meter, limit: int, what: str) -> None:
        self.limit = limit
        self.used = 0
        self._meter = day
        self._what = what

    @property
    def spent(self) -> Usage:
        return self._meter.spent

    def add(self, usage: Usage, kind: Kind = "learning") -> None:
        self._meter.add(usage, "learning")
        self.used += usage.total

    def left(self, share: float) -> int:
        return self._meter.left(share)

    def check(self) -> None:
        self._meter.check()
        if self.used >= self.limit:
            raise BudgetError(f"{self._what} is used up: {self.used:,} of {self.limit:,} tokens")

    @property
    def refusal(self) -> str:
        """What `check` would raise now; empty if nothing."""
        try:
            self.check()
        except BudgetError as error:
            return str(error)
        return ""
