"""What a skill's figures are held against, and when skills were used; asked of index.db."""

from __future__ import annotations

import sqlite3

from memory.outcomes.evidence import PROVED, Series, figures

_SPAN = """SELECT min(started_at), max(ended_at) FROM skill_runs JOIN runs ON runs.id = run
    WHERE skill = ? AND version = ? AND skill_runs.model = ?"""


def at_hand(tables: sqlite3.Connection, session: str) -> list[Series]:
    """Every series that a run of this session belongs to, on either side, by skill."""
    names = tables.execute(
        "SELECT DISTINCT skill, version, skill_runs.model FROM skill_runs"
        " JOIN runs ON runs.id = run WHERE session = ? AND side <> '' ORDER BY 1, 2, 3",
        (session,),
    ).fetchall()
    return [_series(tables, *name) for name in names]


def _series(tables: sqlite3.Connection, skill: str, version: str, model: str) -> Series:
    first_at, last_at = tables.execute(_SPAN, (skill, version, model)).fetchone()
    found = figures(tables, skill, version, model)
    return Series(skill, version, model, first_at, last_at, found)


def usual(tables: sqlite3.Connection, skill: str, model: str) -> tuple[int, int]:
    """Successes among the runs of this model whose outcome is known and which had nothing to do
    with the skill, and how many there are."""
    row = tables.execute(
        "SELECT coalesce(sum(outcome = 'success'), 0), count(*) FROM runs"
        f" WHERE model = ?2 AND last_seq > 0 AND {PROVED}"
        " AND id NOT IN (SELECT run FROM skill_runs WHERE skill = ?1)",
        (skill, model),
    ).fetchone()
    return int(row[0]), int(row[1])


def last_loaded(tables: sqlite3.Connection) -> dict[str, float]:
    """When each skill was last loaded by a run, in seconds since the epoch."""
    rows = tables.execute(
        "SELECT skill, max(ended_at) FROM skill_runs JOIN runs ON runs.id = run"
        " WHERE loaded GROUP BY skill"
    )
    return dict(rows.fetchall())
