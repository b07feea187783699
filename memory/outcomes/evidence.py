"""What each skill was worth, asked of the tables `runs` and `skill_runs` of index.db."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from agent.learning.evidence import Figures, difference


@dataclass(frozen=True, slots=True)
class Series:
    """The figures of one version of a skill with one model; `first_at` and `last_at` are of its
    first and last run, in seconds since the epoch."""

    skill: str
    version: str
    model: str
    first_at: float
    last_at: float
    figures: Figures


class _Side(NamedTuple):
    """One side of a series: counts, then means."""

    runs: int = 0
    loaded: int = 0
    followed: int = 0
    known: int = 0
    success: int = 0
    reward: float = 0.0
    calls: float = 0.0
    tokens: float = 0.0
    corrections: float = 0.0


PROVED = "outcome <> 'unknown' AND ground <> 'evaluation'"
"""The agent's own word on its work is no evidence for what it has learned."""

_SUMS = f"""count(*), sum(loaded), sum(loaded AND followed), sum({PROVED}),
    sum(outcome = 'success' AND {PROVED}), avg(reward), avg(calls), avg(tokens), avg(corrections)"""


def figures(tables: sqlite3.Connection, skill: str, version: str, model: str) -> Figures:
    """What this version of a skill did with this model; all zeros if it was never at hand."""
    rows = tables.execute(
        f"SELECT side, {_SUMS} FROM skill_runs JOIN runs ON runs.id = skill_runs.run"
        " WHERE skill = ? AND version = ? AND skill_runs.model = ? GROUP BY side",
        (skill, version, model),
    )
    sides = {row[0]: _Side(*row[1:]) for row in rows}
    one, other = sides.get("with", _Side()), sides.get("without", _Side())
    between, low, high = difference(one.success, one.known, other.success, other.known)
    return Figures(
        offered=one.runs,
        withheld=other.runs,
        loaded=one.loaded,
        followed=one.followed,
        runs_with=one.known,
        runs_without=other.known,
        success_with=one.success,
        success_without=other.success,
        reward_with=one.reward,
        reward_without=other.reward,
        calls_with=one.calls,
        calls_without=other.calls,
        tokens_with=one.tokens,
        tokens_without=other.tokens,
        corrections_with=one.corrections,
        corrections_without=other.corrections,
        difference=between,
        low=low,
        high=high,
        apart=sides.get("", _Side()).loaded,
    )


def series(tables: sqlite3.Connection, skill: str = "") -> list[Series]:
    """Every series of a skill (of all skills without a name), the one used last first."""
    rows = tables.execute(
        "SELECT skill, version, skill_runs.model, min(started_at), max(ended_at)"
        " FROM skill_runs JOIN runs ON runs.id = skill_runs.run WHERE ?1 = '' OR skill = ?1"
        " GROUP BY 1, 2, 3 ORDER BY max(last_seq) DESC, 1, 2, 3",
        (skill,),
    ).fetchall()
    return [
        Series(name, version, model, first_at, last_at, figures(tables, name, version, model))
        for name, version, model, first_at, last_at in rows
    ]
