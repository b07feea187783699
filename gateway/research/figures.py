"""What a batch came to, from its ledger: every run of it counts, not only the last."""

from __future__ import annotations

from typing import Any

from gateway.research.ledger import Ledger

MOST_ERRORS = 20
"""Kinds of errors that are told, the most frequent first."""
ERROR_CHARS = 300


def statistics(ledger: Ledger) -> dict[str, Any]:
    """Plain data, ready for JSON. reward: the mean. seconds: of the runs, not of the clock.
    interrupted: calls that were cut short in prompts that are done, and how many of these."""
    ended = "state IN ('done', 'failed')"
    row = ledger.ask(
        "SELECT count(*) AS prompts, sum(attempt) AS attempts, avg(reward) AS reward,"
        " sum(tool_calls) AS calls, sum(prompt_tokens) AS sent, sum(completion_tokens) AS got,"
        " sum(seconds) AS seconds, avg(iif(seconds > 0, seconds, NULL)) AS mean,"
        " max(seconds) AS longest, sum(iif(state = 'done', interrupted, 0)) AS cut_calls,"
        " sum(state = 'done' AND interrupted > 0) AS cut_prompts FROM prompts"
    )[0]
    errors = ledger.ask(
        f"SELECT substr(error, 1, {ERROR_CHARS}) AS error, count(*) AS count FROM prompts"
        f" WHERE {ended} AND error <> '' GROUP BY 1 ORDER BY 2 DESC LIMIT {MOST_ERRORS}"
    )
    return {
        "prompts": row["prompts"],
        **ledger.counts(),
        "outcomes": _counted(ledger, "outcome", "file <> ''"),
        "ends": _counted(ledger, "reason", ended),
        "errors": {one["error"]: one["count"] for one in errors},
        "attempts": row["attempts"] or 0,
        "reward": None if row["reward"] is None else round(row["reward"], 4),
        "tool_calls": row["calls"] or 0,
        "interrupted": {"calls": row["cut_calls"] or 0, "prompts": row["cut_prompts"] or 0},
        "tokens": {"prompt": row["sent"] or 0, "completion": row["got"] or 0},
        "seconds": {
            "total": round(row["seconds"] or 0.0, 3),
            "mean": round(row["mean"] or 0.0, 3),
            "longest": round(row["longest"] or 0.0, 3),
        },
    }


def _counted(ledger: Ledger, column: str, where: str) -> dict[str, int]:
    rows = ledger.ask(
        f"SELECT {column}, count(*) FROM prompts WHERE {where} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return {row[0]: row[1] for row in rows}
