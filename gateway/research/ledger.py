"""The ledger of a batch: every prompt and how far it is. One process writes it, the parent.

It is an SQLite file because one transaction marks what was finished and claims what comes next,
and because resuming, retrying and the statistics are questions to a table. What `turn` wrote is
on disk when it ends.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from gateway.research.frames import Result
from gateway.research.prompts import Prompt, order_of
from hermes_home.errors import StoreError, UsageError

State = Literal["pending", "claimed", "done", "failed"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS prompts (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    place BLOB NOT NULL,
    text TEXT NOT NULL,
    template TEXT NOT NULL,
    data TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    slot TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    outcome TEXT NOT NULL DEFAULT '',
    reward REAL,
    tool_calls INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    file TEXT NOT NULL DEFAULT '',
    ended_at REAL,
    interrupted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS prompts_state ON prompts (state, place);
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A prompt that a slot works on. attempt: from 1; each begins anew."""

    id: str
    slot: str
    attempt: int
    tries: int
    deaths: int
    text: str
    template: str
    data: dict[str, Any]


class Ledger:
    """Open while the batch is at work; `close` it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(SCHEMA)
            if "interrupted" not in self._columns():  # it was begun by an older version
                self._connection.execute(
                    "ALTER TABLE prompts ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0"
                )
        except sqlite3.Error as error:
            self._connection.close()
            raise StoreError(
                f"{path} cannot be used: {error}", "Choose another folder with --checkpoint."
            ) from error

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """All that is written inside is stored together, or none of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    # -- what is to be done ---------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """How the batch was begun; empty if it was not."""
        rows = self._connection.execute("SELECT key, value FROM settings").fetchall()
        return {row["key"]: json.loads(row["value"]) for row in rows}

    def keep_settings(self, settings: dict[str, Any]) -> None:
        rows = [(key, json.dumps(value)) for key, value in settings.items()]
        self._connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", rows)

    def add(self, prompts: Iterable[Prompt], seed: int) -> int:
        """Take in what is new of these; how many. With a seed it decides their order. UsageError
        if an id stands for another prompt than before."""
        new = 0
        last = self._connection.execute("SELECT max(number) FROM prompts").fetchone()[0] or 0
        for prompt in prompts:
            known = self._row(prompt.id)
            content = (prompt.text, prompt.template, json.dumps(prompt.data, sort_keys=True))
            if known is None:
                new += 1
                number = last + new
                place = order_of(prompt.id, seed) if seed else number.to_bytes(8)
                self._connection.execute(
                    "INSERT INTO prompts (number, id, place, text, template, data)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (number, prompt.id, place, *content),
                )
            elif (known["text"], known["template"], known["data"]) != content:
                raise UsageError(
                    f"the prompt {prompt.id!r} is not what it was when this batch began",
                    "Begin another batch in a folder of its own, or give it another id.",
                )
        return new

    def try_again(self, *, held: bool) -> None:
        """A new start: what failed gets its tries again; what was claimed begins anew, unless it
        is `held` by a slot that can go on with it."""
        self._connection.execute(
            "UPDATE prompts SET state = 'pending', slot = '', tries = 0 WHERE state = 'failed'"
        )
        self._connection.execute("UPDATE prompts SET deaths = 0")
        if not held:
            self._connection.execute(
                "UPDATE prompts SET state = 'pending', slot = '' WHERE state = 'claimed'"
            )

    # -- what happens ---------------------------------------------------------------------------

    def claim(self, slot: str) -> Claimed | None:
        """The next prompt for a slot, None if none waits. It begins a new attempt."""
        row = self._connection.execute(
            "UPDATE prompts SET state = 'claimed', slot = ?, attempt = attempt + 1,"
            " tries = tries + 1 WHERE number = (SELECT number FROM prompts"
            " WHERE state = 'pending' ORDER BY place LIMIT 1) RETURNING *",
            (slot,),
        ).fetchone()
        return _claimed(row) if row else None

    def held(self) -> dict[str, Claimed]:
        """What is claimed, by slot."""
        rows = self._connection.execute("SELECT * FROM prompts WHERE state = 'claimed'")
        return {row["slot"]: _claimed(row) for row in rows}

    def died(self, id: str, *, held: bool) -> None:
        """The worker that had it died. If its slot still holds it, it goes on there; else it
        begins anew, which costs it no try."""
        self._connection.execute(
            "UPDATE prompts SET deaths = deaths + 1 WHERE id = ? AND state = 'claimed'", (id,)
        )
        if not held:
            self._connection.execute(
                "UPDATE prompts SET state = 'pending', slot = '', tries = tries - 1"
                " WHERE id = ? AND state = 'claimed'",
                (id,),
            )

    def put_back(self, id: str, reason: str, error: str) -> None:
        """This attempt came to nothing; another one is due."""
        self._connection.execute(
            "UPDATE prompts SET state = 'pending', slot = '', deaths = 0, reason = ?, error = ?"
            " WHERE id = ? AND state = 'claimed'",
            (reason, error, id),
        )

    def finish(self, result: Result, state: State, file: str) -> None:
        """The end of a prompt, if this attempt is the one it waits for."""
        self._connection.execute(
            "UPDATE prompts SET state = ?, slot = '', reason = ?, error = ?, outcome = ?,"
            " reward = ?, tool_calls = ?, prompt_tokens = ?, completion_tokens = ?,"
            " seconds = ?, file = ?, ended_at = ?, interrupted = ?"
            " WHERE id = ? AND attempt = ? AND state = 'claimed'",
            (
                *(state, result.reason, result.error, result.outcome, result.reward),
                *(result.tool_calls, result.prompt_tokens, result.completion_tokens),
                *(result.seconds, file, time.time(), result.interrupted),
                *(result.id, result.attempt),
            ),
        )

    # -- questions ------------------------------------------------------------------------------

    def unfinished(self) -> bool:
        query = "SELECT 1 FROM prompts WHERE state IN ('pending', 'claimed') LIMIT 1"
        return self._connection.execute(query).fetchone() is not None

    def pending(self, most: int) -> int:
        """How many wait, counted up to `most`."""
        query = "SELECT count(*) FROM (SELECT 1 FROM prompts WHERE state = 'pending' LIMIT ?)"
        count: int = self._connection.execute(query, (max(0, most),)).fetchone()[0]
        return count

    def spent(self, since: float) -> int:
        """Tokens of the prompts that ended since then (seconds since the epoch)."""
        query = (
            "SELECT coalesce(sum(prompt_tokens + completion_tokens), 0) FROM prompts"
            " WHERE ended_at >= ?"
        )
        tokens: int = self._connection.execute(query, (since,)).fetchone()[0]
        return tokens

    def counts(self) -> dict[str, int]:
        rows = self._connection.execute("SELECT state, count(*) FROM prompts GROUP BY state")
        return {"pending": 0, "claimed": 0, "done": 0, "failed": 0} | dict(map(tuple, rows))

    def ask(self, query: str) -> Sequence[sqlite3.Row]:
        """The rows that answer a question about the table `prompts`."""
        return self._connection.execute(query).fetchall()

    def _columns(self) -> set[str]:
        return {row["name"] for row in self.ask("PRAGMA table_info(prompts)")}

    def _row(self, id: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(
            "SELECT * FROM prompts WHERE id = ?", (id,)
        ).fetchone()
        return row


def _claimed(row: sqlite3.Row) -> Claimed:
    return Claimed(
        *(row["id"], row["slot"], row["attempt"], row["tries"], row["deaths"]),
        *(row["text"], row["template"], json.loads(row["data"])),
    )


def safe_name(id: str) -> str:
    """An id as part of a file's name: itself if it can be, else what can be read of it and a hash
    that tells it from others."""
    if _SAFE.fullmatch(id) and id == id.lower():
        return id
    return f"{_UNSAFE.sub('-', id)[:40].strip('-')}-{sha256(id.encode()).hexdigest()[:10]}".lstrip(
        "-"
    )


def session_file(id: str) -> str:
    return f"session_{safe_name(id)}.json"
