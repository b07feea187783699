"""How runs went over time, per kind of task, asked of the tables of index.db."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import msgspec

from memory.outcomes.facts import Facts
from memory.outcomes.outcome import Outcome, Result, outcome_of


@dataclass(frozen=True, slots=True)
class Point:
    """One finished run. `at`: when it ended, seconds since the epoch. `skills`: those whose
    instructions it loaded, by name."""

    run: str
    session: str
    at: float
    outcome: Outcome
    reward: float
    calls: int
    tokens: int
    corrections: int
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of task: the request that founded it, cut, and its runs in the order of their
    ends."""

    number: int
    label: str
    points: tuple[Point, ...]


def kinds(tables: sqlite3.Connection, limit: int = 20, runs: int = 500) -> list[Kind]:
    """The kinds with most runs that made tool calls, of each the last `runs` of them. A run
    without a call is talk: there is nothing in it to become shorter."""
    rows = tables.execute(
        "SELECT number, label FROM kinds JOIN runs ON runs.kind = number AND runs.last_seq > 0"
        " WHERE calls > 0 GROUP BY number ORDER BY count(*) DESC, number LIMIT ?",
        (limit,),
    ).fetchall()
    return [Kind(number, label, _points(tables, number, runs)) for number, label in rows]


def _points(tables: sqlite3.Connection, kind: int, limit: int) -> tuple[Point, ...]:
    rows = tables.execute(
        "SELECT id, session, ended_at, outcome, reward, calls, tokens, corrections, facts FROM runs"
        " WHERE kind = ? AND last_seq > 0 AND calls > 0 ORDER BY last_seq DESC LIMIT ?",
        (kind, limit),
    ).fetchall()
    return tuple(
        Point(run, session, at, outcome, reward, calls, tokens, corrections, _loaded(facts))
        for run, session, at, outcome, reward, calls, tokens, corrections, facts in reversed(rows)
    )


def _loaded(facts: str) -> tuple[str, ...]:
    uses = msgspec.json.decode(facts, type=Facts).uses
    return tuple(use.name for use in uses if use.loaded)


@dataclass(frozen=True, slots=True)
class LastRun:
    """The run a session finished last: its id, what was asked for, what came of it."""

    id: str
    request: str
    result: Result


def last_run(tables: sqlite3.Connection, session: str) -> LastRun | None:
    row = tables.execute(
        "SELECT id, facts FROM runs WHERE session = ? AND last_seq > 0"
        " ORDER BY last_seq DESC LIMIT 1",
        (session,),
    ).fetchone()
    if row is None:
        return None
    facts = msgspec.json.decode(row[1], type=Facts)
    return LastRun(row[0], facts.first, outcome_of(facts))
