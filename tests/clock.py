"""A clock for tests: it stands, and is set."""

from __future__ import annotations


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now
