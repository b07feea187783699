"""What the doors tell of trials. Plain data, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf
from typing import TYPE_CHECKING, Any

from agent.learning.evidence import CONFIDENCE, difference
from agent.pairs import Paired, paired
from gateway.learning.trial import SIDES, Row, Trial, Tried

if TYPE_CHECKING:
    from gateway.app import App

Data = dict[str, Any]


async def plan(app: App, name: str, count: int) -> Data:
    """What a trial would replay. `tokens`: about what it would take, by what the cases took;
    `left`: what `learning.budget` leaves for today."""
    found = await app.trials.plan(name, count)
    return {
        "skill": app.library.require(name).name,
        "cases": [
            {
                "session": case.session,
                "text": case.text,
                "workspace": case.cwd,
                "calls": case.calls,
                "tokens": case.tokens,
            }
            for case in found
        ],
        "tokens": 2 * sum(case.tokens for case in found),
        "left": app.trials.left,
    }


def report(trial: Trial) -> Data:
    """A trial as far as it is. A run that counts is `whole`; a pair is compared if both are."""
    pairs = [
        (row.runs["with"], row.runs["without"])
        for row in trial.rows
        if all(side in row.runs and row.runs[side].whole for side in SIDES)
    ]
    return {
        "id": trial.id,
        "skill": trial.skill,
        "version": trial.version,
        "state": trial.state,
        "why": trial.why,
        "steps": trial.steps,
        "spent": trial.purse.used,
        "budget": trial.purse.limit,
        "rows": [_row(row) for row in trial.rows],
        "pairs": len(pairs),
        "confidence": CONFIDENCE,
        "success": _success(pairs),
        "calls": _compared([(one.calls, other.calls) for one, other in pairs]),
        "tokens": _compared([(one.tokens, other.tokens) for one, other in pairs]),
    }


def _row(row: Row) -> Data:
    runs: Data = {side: _run(row.runs[side]) if side in row.runs else None for side in SIDES}
    return {"case": row.case.text, "session": row.case.session, "skipped": row.skipped, **runs}


def _run(tried: Tried) -> Data:
    return {
        "session": tried.session,
        "outcome": tried.outcome,
        "calls": tried.calls,
        "tokens": tried.tokens,
        "whole": tried.whole,
    }


def _success(pairs: Sequence[tuple[Tried, Tried]]) -> Data:
    """The rates among known outcomes; of a pair both must be known."""
    known = [pair for pair in pairs if all(one.outcome != "unknown" for one in pair)]
    one, other = (sum(pair[side].outcome == "success" for pair in known) for side in (0, 1))
    between, low, high = difference(one, len(known), other, len(known))
    return {
        "known": len(known),
        "with": one,
        "without": other,
        "difference": between,
        "low": low,
        "high": high,
    }


def _compared(pairs: Sequence[tuple[int, int]]) -> Data:
    """With minus without, a run; no ends while there are fewer than two pairs."""
    found: Paired = paired([one - other for one, other in pairs])
    open_ended = isinf(found.high)
    return {
        "difference": found.mean,
        "low": None if open_ended else found.low,
        "high": None if open_ended else found.high,
    }
