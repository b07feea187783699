"""What jobs had to tell while no terminal was there: shown once, at the start of a chat."""

from __future__ import annotations

from gateway.cli.output import Paint, clean, when
from gateway.cli.start import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINES = 12
"""Of one result; the whole of it is in its session and in `hermes cron history --json`."""


def while_away(paint: Paint, rows: list[dict[str, Any]]) -> list[str]:
    """The inbox as lines for the screen."""
    lines = [paint("dim", "· while you were away")]
    for row in rows:
        colour = "red" if row["status"] == "failed" else "bold"
        lines.append(f"{paint(colour, row['job'] or 'jobs')} {paint('dim', when(row['due']))}")
        text = clean(row["text"]).strip().split("\n")
        lines += [f"  {line}" for line in text[:LINES]]
        if len(text) > LINES:
            left = f"… {len(text) - LINES} more lines: hermes cron history {row['job']} --json"
            lines.append(paint("dim", f"  {left}"))
    return [*lines, ""]


def mark_seen(home: str, rows: list[dict[str, Any]]) -> None:
    """They were shown."""
    with connect(home) as wire:
        wire.post("/api/inbox/seen", {"ids": [row["id"] for row in rows]})
