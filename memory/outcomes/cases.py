"""Cases a skill can be tried on: what the owner opened sessions with; asked of index.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from agent.events import RunStarted, UserSpoke
from agent.inputs import RunOptions
from memory.journal import event_from

LOOKED_AT = 200
"""Of a skill's sessions only so many of the newest are asked."""


@dataclass(frozen=True, slots=True)
class Case:
    """The words a session began with, what came with them, and where and how they were worked on.
    `calls`, `tokens`: what their run took."""

    session: str
    text: str
    quoted: str
    files: tuple[str, ...]
    options: RunOptions
    cwd: str
    calls: int
    tokens: int


_OPENING = """SELECT runs.session, first_seq, last_seq, runs.id, calls, runs.tokens, sessions.cwd
    FROM runs JOIN sessions ON sessions.id = runs.session
    WHERE last_seq > 0 AND facts ->> '$.end' <> 'stopped' AND {which}
    AND first_seq = (SELECT min(first_seq) FROM runs AS one WHERE one.session = runs.session)
    ORDER BY last_seq DESC LIMIT ?"""
_HAD = "runs.id IN (SELECT run FROM skill_runs WHERE skill = ? AND {how})"
_MEANT = _OPENING.format(which=_HAD.format(how="(loaded OR side = 'without')"))
_OFFERED = _OPENING.format(which=_HAD.format(how="side = 'with'"))
_LEARNED = _OPENING.format(
    which="runs.session IN"
    " (SELECT session FROM changes WHERE happened AND kind = 'skill' AND name = ?)"
)


def cases(tables: sqlite3.Connection, skill: str, limit: int) -> list[Case]:
    """The owner's newest different ones: of sessions whose first run loaded this skill, or had it
    withheld to measure it; then of those it was merely offered to. If there are none, of those it
    was learned from."""
    meant, offered, learned = (_asked(tables, one, skill) for one in (_MEANT, _OFFERED, _LEARNED))
    return _different(chain(meant, offered), limit) or _different(learned, limit)


def _asked(tables: sqlite3.Connection, query: str, skill: str) -> Iterator[Case]:
    for session, first, last, run, calls, tokens, cwd in tables.execute(query, (skill, LOOKED_AT)):
        rows = tables.execute(
            "SELECT kind, hidden(seq, kind, body) FROM journal.events WHERE session = ? AND run = ?"
            " AND seq BETWEEN ? AND ? AND kind IN ('RunStarted', 'UserSpoke') ORDER BY seq LIMIT 2",
            (session, run, first, last),
        )
        match [event_from(*row) for row in rows]:
            case [RunStarted(principal="owner") as started, UserSpoke() as spoke]:
                options = started.options
                where = options.cwd or cwd
                yield Case(
                    session, spoke.text, spoke.quoted, spoke.files, options, where, calls, tokens
                )


def _different(found: Iterator[Case], limit: int) -> list[Case]:
    """The first of each words and workspace."""
    kept: dict[tuple[str, str], Case] = {}
    for case in found:
        kept.setdefault((" ".join(case.text.split()), case.cwd), case)
        if len(kept) == limit:
            break
    return list(kept.values())
