"""What is known of a skill's worth, as figures: computed in memory/, judged in skills/.

One series of observations per skill, version of its text, and model. An observation is a finished
run whose message offered the skill (`with`) or was to offer it and withheld it (`without`); what
the run then did with the skill does not move it to the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

CONFIDENCE = 0.9
_Z = 1.6448536269514722
"""Standard deviations on either side of the mean that hold CONFIDENCE of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One series. `offered`, `withheld`: finished runs on either side. `loaded`: how many of those
    with it took up its instructions; `followed`: how many of these then carried out its commands.
    `runs_with`, `runs_without`: those whose outcome is known by
    more than the agent's own evaluation; `success_*`: how many of these
    succeeded (a partial success is none). The other pairs are means over all finished runs of
    their side, 0 without any: reward in [0, 1], tool calls, tokens, the owner's corrections.
    `difference`: success rate with minus without, 0 while one side has no known outcome; it lies
    between `low` and `high` with CONFIDENCE. `apart`: runs that loaded it otherwise (by name, or
    found by the model); they are compared with nothing."""

    offered: int = 0
    withheld: int = 0
    loaded: int = 0
    followed: int = 0
    runs_with: int = 0
    runs_without: int = 0
    success_with: int = 0
    success_without: int = 0
    reward_with: float = 0.0
    reward_without: float = 0.0
    calls_with: float = 0.0
    calls_without: float = 0.0
    tokens_with: float = 0.0
    tokens_without: float = 0.0
    corrections_with: float = 0.0
    corrections_without: float = 0.0
    difference: float = 0.0
    low: float = -1.0
    high: float = 1.0
    apart: int = 0

    @property
    def rate_with(self) -> float | None:
        """Share of successes among the known outcomes; None without any."""
        return self.success_with / self.runs_with if self.runs_with else None

    @property
    def rate_without(self) -> float | None:
        return self.success_without / self.runs_without if self.runs_without else None


def wilson(successes: int, runs: int) -> tuple[float, float]:
    """Wilson's score interval for a rate; (0, 1) without runs."""
    if not runs:
        return 0.0, 1.0
    rate, square = successes / runs, _Z * _Z
    middle = (rate + square / (2 * runs)) / (1 + square / runs)
    spread = rate * (1 - rate) / runs + square / (4 * runs * runs)
    half = _Z * sqrt(spread) / (1 + square / runs)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference(
    success_with: int, runs_with: int, success_without: int, runs_without: int
) -> tuple[float, float, float]:
    """The difference of two rates and its interval by Newcombe's method (1998, number 10), which
    holds for few runs and for rates of 0 and 1. (0, -1, 1) while one side has no runs."""
    if not runs_with or not runs_without:
        return 0.0, -1.0, 1.0
    first, second = success_with / runs_with, success_without / runs_without
    low_1, high_1 = wilson(success_with, runs_with)
    low_2, high_2 = wilson(success_without, runs_without)
    low = first - second - sqrt((first - low_1) ** 2 + (high_2 - second) ** 2)
    high = first - second + sqrt((high_1 - first) ** 2 + (second - low_2) ** 2)
    return first - second, max(-1.0, low), min(1.0, high)
