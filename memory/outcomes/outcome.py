"""What came of a run: success, partial, failure or unknown, and the events that say so.

The grounds, the strongest first; the first that says anything decides:

1. `judged`: the owner's /good (success) or /bad (failure), or what the verifier of a research
   task says; the last one counts.
2. `end`: the run failed, was blocked by a denial or ran into a limit: failure, or partial if its
   checks had all passed. A run that was stopped did not come to its end: only words judge it.
3. `checks` (`agent.checks`), the last result of each: all passed, success; all failed, failure;
   some of each, partial. Words that say the opposite make it partial, too.
4. `words`: the owner accepted (success) or corrected (failure) it, in the message after it or in
   one that came when its last call was made (`agent.learning.judgement`). Guests' words count
   for nothing.
5. `evaluation`: what the last checkpoint of the run thought of it.

Without any of them the outcome is unknown. Nothing here asks a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from memory.outcomes.facts import Facts

Outcome = Literal["success", "partial", "failure", "unknown"]
Ground = Literal["judged", "end", "checks", "words", "evaluation", "none"]


class Result(msgspec.Struct, frozen=True):
    """`evidence`: the sequence numbers of the events the outcome rests on."""

    outcome: Outcome
    ground: Ground
    evidence: tuple[int, ...] = ()


def outcome_of(facts: Facts) -> Result:
    """What came of a run, by the order of grounds above."""
    if facts.judged:
        good: Outcome = "success" if facts.judged == "good" else "failure"
        return Result(good, "judged", (facts.judged_at,))
    if facts.end in ("failed", "blocked", "limit"):
        half = facts.passed and not facts.failed
        return Result("partial" if half else "failure", "end", (*facts.passed, facts.end_at))
    if facts.end == "done" and (facts.passed or facts.failed):
        return _by_checks(facts)
    if facts.words:
        accepted = facts.words == "accepted"
        return Result("success" if accepted else "failure", "words", (facts.words_at,))
    if facts.end == "done" and facts.evaluated != "" and facts.evaluated != "unknown":
        return Result(facts.evaluated, "evaluation", (facts.evaluated_at,))
    return Result("unknown", "none")


def _by_checks(facts: Facts) -> Result:
    evidence = tuple(sorted((*facts.passed, *facts.failed)))
    if facts.passed and facts.failed:
        return Result("partial", "checks", evidence)
    said = "accepted" if facts.passed else "corrected"
    if facts.words and facts.words != said:
        return Result("partial", "checks", (*evidence, facts.words_at))
    return Result("success" if facts.passed else "failure", "checks", evidence)


def deciding(runs: Sequence[Facts]) -> Facts:
    """The run that speaks for a session of at least one: the last whose outcome is known, else the
    last."""
    known = (one for one in reversed(runs) if outcome_of(one).outcome != "unknown")
    return next(known, runs[-1])
