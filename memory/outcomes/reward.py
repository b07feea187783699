"""What a run is worth as one number and its five parts, each in [0, 1].

Pure functions of the run's facts. What is not known is 0.5 and named in `unknown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import msgspec

from memory.outcomes.facts import Facts
from memory.outcomes.outcome import Outcome, deciding, outcome_of

VERSION = 2
"""Goes up when a weight or a formula changes."""

WEIGHTS = {
    "task_completion": 0.35,
    "tool_accuracy": 0.25,
    "efficiency": 0.15,
    "error_recovery": 0.15,
    "goal_alignment": 0.10,
}
UNKNOWN = 0.5
INVALID_COST = 0.2
RECOVERY_GAIN = 0.3
TURNS, TOKENS = 10, 40_000
"""Replies of the model, and tokens of its requests, that a run may use and still be efficient."""

_MEANS = ("tool_accuracy", "efficiency", "error_recovery")

_COMPLETION: dict[Outcome, float] = {
    "success": 1.0,
    "partial": 0.5,
    "failure": 0.0,
    "unknown": UNKNOWN,
}


class Reward(msgspec.Struct, frozen=True):
    """`total` is the weighted sum; `unknown` names the parts that nothing is known of."""

    total: float
    task_completion: float
    tool_accuracy: float
    efficiency: float
    error_recovery: float
    goal_alignment: float
    unknown: tuple[str, ...] = ()
    version: int = VERSION


def reward_of(facts: Facts) -> Reward:
    """All parts of one run and their weighted sum, rounded to 4 places."""
    alignment = goal_alignment(facts)
    parts = {
        "task_completion": task_completion(facts),
        "tool_accuracy": tool_accuracy(facts),
        "efficiency": efficiency(facts),
        "error_recovery": error_recovery(facts),
        "goal_alignment": UNKNOWN if alignment is None else alignment,
    }
    unknown = ["task_completion"] if outcome_of(facts).outcome == "unknown" else []
    unknown += ["goal_alignment"] if alignment is None else []
    return _reward(parts, unknown)


def session_reward(runs: Sequence[Facts]) -> Reward:
    """One reward for all runs of a session, at least one: completion and alignment of the run that
    decides (see `memory.outcomes.outcome.deciding`), of the other parts the mean."""
    rewards = [reward_of(facts) for facts in runs]
    last = reward_of(deciding(runs))
    means = {name: fmean(getattr(one, name) for one in rewards) for name in _MEANS}
    ends = {name: getattr(last, name) for name in WEIGHTS if name not in _MEANS}
    return _reward({**means, **ends}, last.unknown)


def _reward(parts: dict[str, float], unknown: Sequence[str]) -> Reward:
    total = sum(WEIGHTS[name] * value for name, value in parts.items())
    rounded = {name: round(value, 4) for name, value in {**parts, "total": total}.items()}
    return msgspec.convert({**rounded, "unknown": unknown}, Reward)


def task_completion(facts: Facts) -> float:
    """By the outcome: success 1, partial 0.5, failure 0, unknown 0.5."""
    return _COMPLETION[outcome_of(facts).outcome]


def tool_accuracy(facts: Facts) -> float:
    """1 - 0.2 for each invalid call (`memory.outcomes.recovery.invalid`), not below 0."""
    return max(0.0, 1.0 - INVALID_COST * facts.invalid)


def efficiency(facts: Facts) -> float:
    """The mean of min(1, TURNS / turns) and min(1, TOKENS / tokens)."""
    turns = min(1.0, TURNS / facts.turns) if facts.turns else 1.0
    tokens = min(1.0, TOKENS / facts.tokens) if facts.tokens else 1.0
    return (turns + tokens) / 2


def error_recovery(facts: Facts) -> float:
    """1 when each error was got over (`memory.outcomes.recovery.recovered`), so that a first look
    which shows what is broken costs nothing; else 0.3 for each that was, at most 1."""
    left = facts.errors > facts.recovered
    return min(1.0, RECOVERY_GAIN * facts.recovered) if left else 1.0


def goal_alignment(facts: Facts) -> float | None:
    """By the owner's last verdict, 1 or 0; else the share of checks that passed; else the share of
    the evaluations' lessons that name calls which were made; None without any of these."""
    if facts.judged:
        return float(facts.judged == "good")
    if facts.words:
        return float(facts.words == "accepted")
    if checks := len(facts.passed) + len(facts.failed):
        return len(facts.passed) / checks
    return facts.borne_out / facts.claims if facts.claims else None
