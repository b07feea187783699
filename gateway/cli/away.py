"""What jobs had to tell while no terminal was there: shown once, at the start of a chat."""

from __future__ import annotations

from gateway.cli.output import Paint, clean, when
from gateway.cli.start import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINES = 12
"""Of one result; the whole of it is in its session and in `hermes cron history --json`."""
LATEST = 3
"""Results of one job that are shown; the older ones are counted."""


def while_away(paint: Paint, rows: list[dict[str, Any]]) -> list[str]:
    """The inbox as lines for the screen."""
    lines = [paint("dim", "· while you were away")]
    latest, older = _latest(rows)
    for job, count in older.items():
        where = f"hermes cron history {job}" if job else "hermes cron list"
        lines.append(paint("dim", f"{job or 'jobs'}: {count} earlier, see {where}"))
    for row in latest:
        colour = "red" if row["status"] == "failed" else "bold"
        lines.append(f"{paint(colour, row['job'] or 'jobs')} {paint('dim', when(row['due']))}")
        text = clean(row["text"]).strip().split("\n")
        lines += [f"  {line}" for line in text[:LINES]]
        if len(text) > LINES:
            left = f"… {len(text) - LINES} more lines: hermes cron history {row['job']} --json"
            lines.append(paint("dim", f"  {left}"))
    return [*lines, ""]


def _latest(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The latest of each job in their order, and how many older ones each has."""
    counts: dict[str, int] = {}
    latest = []
    for row in reversed(rows):
        counts[row["job"]] = counts.get(row["job"], 0) + 1
        if counts[row["job"]] <= LATEST:
            latest.append(row)
    older = {job: count - LATEST for job, count in counts.items() if count > LATEST}
    return latest[::-1], older


def mark_seen(home: str, rows: list[dict[str, Any]]) -> None:
    """They were shown."""
    with connect(home) as wire:
        wire.post("/api/inbox/seen", {"ids": [row["id"] for row in rows]})
