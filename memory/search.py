"""Full-text search over what was said and done, every session and the current one included."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agent.events import (
    AnyEvent,
    ModelReplied,
    QuestionAnswered,
    Stored,
    ToolFinished,
    ToolStarted,
    UserSpoke,
)
from memory.journal import event_from
from memory.views import APART
from memory.words import TOKENIZER, indexable, queries, snippet

Role = Literal["user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)

NEWEST = 2_000
"""Of a very common word only so many of the newest messages are ranked."""
ARGUMENT_CHARS = 2_000
OUTPUT_CHARS = 2_000
"""How much of a call's arguments and of its output is indexed."""

SCHEMA = (
    """CREATE TABLE messages (
        seq INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        role INTEGER NOT NULL)""",
    f"CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize=\"{TOKENIZER}\")",
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One message. `snippet` is the part around what was looked for."""

    session: str
    title: str
    seq: int
    at: float
    role: Role
    snippet: str


@dataclass(frozen=True, slots=True)
class Searched:
    """What was looked through, after the filters."""

    messages: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Found:
    """The hits, best first; when there is none, `searched` says among how much."""

    hits: list[Hit]
    searched: Searched | None = None


def add(connection: sqlite3.Connection, stored: Stored) -> None:
    """Make an event findable, if it has words and its session is not one apart. The session must
    be in the sessions view."""
    message = message_of(stored.event)
    if message is None:
        return
    role, text = message
    row = connection.execute(
        "SELECT number FROM sessions WHERE id = ? AND source NOT IN (?, ?, ?)",
        (stored.session, *APART),
    ).fetchone()
    if row is None:
        return
    connection.execute(
        "INSERT INTO messages VALUES (?, ?, ?)", (stored.seq, row[0], ROLES.index(role))
    )
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (stored.seq, text))


def search(
    connection: sqlite3.Connection,
    query: str,
    limit: int = 10,
    session: str | None = None,
    role: Role | None = None,
    but: str | None = None,
) -> Found:
    """The messages that match `query` best. Words are searched whole first, then as beginnings;
    if not all are found together, any of them counts. Any text is a legal query. `session`: only
    in this one; `but`: in all others."""
    filters, values = _filters(session, role, but)
    seqs: list[int] = []
    for expression in queries(query):
        if len(seqs) >= limit or (seqs and " OR " in expression):
            break
        ranked = _ranked(connection, expression, filters, values, limit)
        seqs += [seq for seq in ranked if seq not in seqs]
    hits = [_hit(connection, seq, query) for seq in seqs[:limit]]
    return Found(hits) if hits else Found([], _searched(connection, filters, values))


def message_of(event: AnyEvent) -> tuple[Role, str] | None:
    """Who said or did something, and its words as the index takes them. Checkpoints are no part
    of the conversation; what a search showed is not found again."""
    if isinstance(event, ToolStarted | ToolFinished) and event.name == "session_search":
        return None
    if getattr(event, "checkpoint", 0):
        return None
    role, text = _text_of(event)
    return (role, indexable(text)) if text.strip() else None


def _text_of(event: AnyEvent) -> tuple[Role, str]:
    match event:
        case UserSpoke() | QuestionAnswered():
            return "user", event.text
        case ModelReplied() if event.purpose == "run":
            return "assistant", event.text
        case ToolStarted():
            return "tool", f"{event.name} {_argument_text(event.arguments)}"
        case ToolFinished():
            return "tool", _ends(event.text, OUTPUT_CHARS)
        case _:
            return "tool", ""


def _argument_text(arguments: str) -> str:
    """The values of a call's arguments: in JSON text, escapes would stick to words."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments[:ARGUMENT_CHARS]
    return " ".join(_strings(value))[:ARGUMENT_CHARS]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.encode("utf-8", "replace").decode()
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif value is not None:
        yield str(value)


def _ends(text: str, chars: int) -> str:
    """The beginning and the end, where errors are told."""
    return text if len(text) <= chars else f"{text[: chars // 2]} {text[-chars // 2 :]}"


def _filters(session: str | None, role: Role | None, but: str | None) -> tuple[str, list[object]]:
    filters, values = "", list[object]()
    if session is not None:
        filters += " AND m.session = (SELECT number FROM sessions WHERE id = ?)"
        values.append(session)
    if but is not None:
        filters += " AND m.session <> (SELECT number FROM sessions WHERE id = ?)"
        values.append(but)
    if role is not None:
        filters += " AND m.role = ?"
        values.append(ROLES.index(role))
    return filters, values


def _ranked(
    connection: sqlite3.Connection, expression: str, filters: str, values: list[object], limit: int
) -> list[int]:
    joined = "CROSS JOIN messages m ON m.seq = words.rowid" if filters else ""
    rows = connection.execute(
        f"SELECT seq FROM (SELECT words.rowid AS seq, rank FROM words {joined}"
        f" WHERE words MATCH ?{filters} ORDER BY words.rowid DESC LIMIT {NEWEST})"
        " ORDER BY rank, seq DESC LIMIT ?",
        (expression, *values, limit),
    )
    return [row[0] for row in rows]


def _hit(connection: sqlite3.Connection, seq: int, query: str) -> Hit:
    session, title, role, at, kind, body = connection.execute(
        "SELECT s.id, s.title, m.role, e.at, e.kind, hidden(e.seq, e.kind, e.body) FROM messages m"
        " JOIN sessions s ON s.number = m.session JOIN journal.events e ON e.seq = m.seq"
        " WHERE m.seq = ?",
        (seq,),
    ).fetchone()
    _, text = _text_of(event_from(kind, body))
    return Hit(session, title, seq, at, ROLES[role], snippet(text, query))


def _searched(connection: sqlite3.Connection, filters: str, values: list[object]) -> Searched:
    messages, sessions = connection.execute(
        f"SELECT count(*), count(DISTINCT m.session) FROM messages m WHERE 1{filters}", values
    ).fetchone()
    return Searched(messages, sessions)
