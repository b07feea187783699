"""A due time as people read it."""

from __future__ import annotations

from datetime import datetime


def due_text(due: str) -> str:
    """`2026-11-23T09:00:00+01:00` as `Mon 2026-11-23 09:00 +0100`: by the job's own clock."""
    moment = datetime.fromisoformat(due)
    return moment.strftime("%a %Y-%m-%d %H:%M" + (":%S" if moment.second else "") + " %z")
