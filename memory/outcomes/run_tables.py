"""Finished runs, what each had to do with skills, and kinds of task, as tables of index.db.

When a run ends its events are read once more from the journal, none beyond its end, and folded as
a whole; what is said of it later changes its row. So the rows do not depend on when they are made.
"""

from __future__ import annotations

import sqlite3

import msgspec

from agent.events import RunFinished, RunJudged, RunStarted, Stored, UserSpoke
from agent.learning.judgement import judges
from memory.journal import SHOWN, stored_from
from memory.outcomes import task_kinds
from memory.outcomes.facts import Facts, facts_of, heard, judged
from memory.outcomes.outcome import outcome_of
from memory.outcomes.reward import reward_of

SCHEMA = (
    # `facts`: memory.outcomes.facts.Facts as JSON. `heard`: the session's next message has come.
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        session TEXT NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL DEFAULT 0,
        started_at REAL NOT NULL,
        ended_at REAL NOT NULL DEFAULT 0,
        model TEXT NOT NULL,
        kind INTEGER NOT NULL DEFAULT 0,
        outcome TEXT NOT NULL DEFAULT '',
        ground TEXT NOT NULL DEFAULT '',
        reward REAL NOT NULL DEFAULT 0,
        calls INTEGER NOT NULL DEFAULT 0,
        tokens INTEGER NOT NULL DEFAULT 0,
        corrections INTEGER NOT NULL DEFAULT 0,
        heard INTEGER NOT NULL DEFAULT 0,
        facts TEXT NOT NULL DEFAULT '{}') WITHOUT ROWID""",
    "CREATE INDEX runs_session ON runs (session, last_seq) WHERE last_seq > 0",
    "CREATE INDEX runs_kind ON runs (kind, last_seq) WHERE last_seq > 0",
    """CREATE TABLE skill_runs (
        run TEXT NOT NULL,
        skill TEXT NOT NULL,
        version TEXT NOT NULL,
        model TEXT NOT NULL,
        side TEXT NOT NULL,
        loaded INTEGER NOT NULL,
        followed INTEGER NOT NULL,
        PRIMARY KEY (skill, version, model, run)) WITHOUT ROWID""",
    """CREATE TABLE kinds (
        number INTEGER PRIMARY KEY,
        label TEXT NOT NULL,
        words TEXT NOT NULL,
        last_seq INTEGER NOT NULL)""",
    "CREATE INDEX kinds_last ON kinds (last_seq)",
)

Connection = sqlite3.Connection


def started(tables: Connection, stored: Stored, event: RunStarted) -> None:
    """Runs of trials are kept apart: few cases, asked again and again, prove nothing of others."""
    if event.options.trial:
        return
    tables.execute(
        "INSERT OR IGNORE INTO runs (id, session, first_seq, started_at, model)"
        " VALUES (?, ?, ?, ?, ?)",
        (stored.run, stored.session, stored.seq, stored.at, event.model),
    )


def finished(tables: Connection, stored: Stored, event: RunFinished) -> None:
    """Fold the whole run and write its row."""
    row = tables.execute(
        "SELECT first_seq, model FROM runs WHERE id = ? AND session = ? AND last_seq = 0",
        (stored.run, stored.session),
    ).fetchone()
    if row is None:
        return
    first, model = row
    rows = tables.execute(
        f"SELECT {SHOWN} FROM journal.events WHERE session = ? AND seq BETWEEN ? AND ?"
        " AND run = ? ORDER BY seq",
        (stored.session, first, stored.seq, stored.run),
    )
    facts = facts_of(stored_from(one) for one in rows)
    kind = _kind(tables, stored.session, facts, stored.seq)
    tables.execute(
        "UPDATE runs SET last_seq = ?, ended_at = ?, kind = ?, calls = ?, tokens = ? WHERE id = ?",
        (stored.seq, stored.at, kind, facts.calls, facts.tokens, stored.run),
    )
    _put(tables, stored.run, facts)
    for use in facts.uses:
        tables.execute(
            "INSERT OR REPLACE INTO skill_runs VALUES (?, ?, ?, ?, ?, ?, ?)",
            (stored.run, use.name, use.version, model, use.side, use.loaded, use.followed),
        )


def spoke(tables: Connection, stored: Stored, event: UserSpoke) -> None:
    """A message that begins a run is the first word on the run before it."""
    if event.steering:
        return
    row = tables.execute(
        "SELECT id, heard, facts FROM runs WHERE session = ? AND last_seq > 0"
        " ORDER BY last_seq DESC LIMIT 1",
        (stored.session,),
    ).fetchone()
    if row is None or row[1]:
        return
    tables.execute("UPDATE runs SET heard = 1 WHERE id = ?", (row[0],))
    _put(tables, row[0], heard(_facts(row[2]), event, stored.seq))


def was_judged(tables: Connection, stored: Stored, event: RunJudged) -> None:
    row = tables.execute(
        "SELECT facts FROM runs WHERE id = ? AND last_seq > 0", (event.run,)
    ).fetchone()
    if row is not None:
        _put(tables, event.run, judged(_facts(row[0]), event, stored.seq))


def _put(tables: Connection, run: str, facts: Facts) -> None:
    """Write the facts of a run and what is computed from them."""
    result = outcome_of(facts)
    tables.execute(
        "UPDATE runs SET facts = ?, outcome = ?, ground = ?, reward = ?, corrections = ?"
        " WHERE id = ?",
        (
            msgspec.json.encode(facts).decode(),
            result.outcome,
            result.ground,
            reward_of(facts).total,
            facts.corrections,
            run,
        ),
    )


def _facts(text: str) -> Facts:
    return msgspec.json.decode(text, type=Facts)


def _kind(tables: Connection, session: str, facts: Facts, seq: int) -> int:
    """The kind of a run, founded if there is none: by its request, else by the skill it followed. A
    request that only judges what was done before, or says nothing of its own, is of the kind of
    the run before it."""
    request = facts.first
    words = task_kinds.words_of(request)
    before = tables.execute(
        "SELECT kind FROM runs WHERE session = ? AND last_seq > 0 ORDER BY last_seq DESC LIMIT 1",
        (session,),
    ).fetchone()
    if before and (len(words) < 2 or judges(request)):
        return int(before[0])
    rows = tables.execute(
        "SELECT number, words FROM kinds ORDER BY last_seq DESC, number LIMIT ?",
        (task_kinds.KEPT,),
    )
    known = [(number, frozenset(text.split())) for number, text in rows]
    number = task_kinds.nearest(words, known) or _same_procedure(tables, facts)
    if number is None:
        label = task_kinds.label_of(request)
        cursor = tables.execute(
            "INSERT INTO kinds (label, words, last_seq) VALUES (?, ?, ?)",
            (label, " ".join(sorted(words)), seq),
        )
        number = int(cursor.lastrowid or 0)
    tables.execute("UPDATE kinds SET last_seq = ? WHERE number = ?", (seq, number))
    return number


def _same_procedure(tables: Connection, facts: Facts) -> int | None:
    """The kind of the last run that followed a skill which this one followed too, in whatever
    words it was asked for; else of the run that the skill was learned from. None if neither."""
    for name in (use.name for use in facts.uses if use.followed):
        for question in (
            "SELECT runs.kind FROM skill_runs JOIN runs ON id = run"
            " WHERE skill = ? AND followed AND last_seq > 0 ORDER BY last_seq DESC LIMIT 1",
            "SELECT runs.kind FROM changes JOIN runs USING (session)"
            " WHERE changes.kind = 'skill' AND name = ? AND happened AND last_seq > 0"
            " AND last_seq > changes.id"
            " ORDER BY changes.id, last_seq LIMIT 1",
        ):
            if row := tables.execute(question, (name,)).fetchone():
                return int(row[0])
    return None
