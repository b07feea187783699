"""What the doors tell about jobs. Plain data, ready for JSON."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from gateway.cron.results import delivery, stamp
from gateway.cron.rules import moment
from gateway.cron.runner import Loaded
from memory.occurrences import Occurrence

if TYPE_CHECKING:
    from gateway.cron.service import Cron

Row = dict[str, Any]


def job_row(cron: Cron, loaded: Loaded, now: float, count: int = 1) -> Row:
    """One job: what its file says, how it stands, its next due times with their offset."""
    job, schedule = loaded.job, loaded.schedule
    last = cron.occurrences.last(loaded.name)
    row: Row = {
        "name": loaded.name,
        "state": state(cron, loaded, now),
        "error": cron.problem(loaded),
        "schedule": job.schedule if job else "",
        "description": schedule.description if schedule else "",
        "tz": schedule.zone.key if schedule else "",
        "next": next_dues(loaded, now, count),
        "last": occurrence_row(cron, last) if last else None,
        "running": cron.runner.working(loaded.name),
    }
    for key in ("prompt", "script", "deliver", "misfire", "model", "provider", "workspace"):
        row[key] = getattr(job, key) if job else ""
    row["skills"] = list(job.skills) if job else []
    return row


def state(cron: Cron, loaded: Loaded, now: float) -> str:
    """active, paused, over (nothing is due any more) or broken."""
    if loaded.job is None or loaded.schedule is None:
        return "broken"
    if not loaded.job.enabled:
        return "paused"
    return "active" if loaded.schedule.due_after(now) is not None else "over"


def next_dues(loaded: Loaded, now: float, count: int) -> list[str]:
    if not loaded.active or loaded.schedule is None:
        return []
    zone = loaded.schedule.zone
    coming = loaded.schedule.due_between(now, float("inf"))
    return [moment(due, zone).isoformat() for due in islice(coming, count)]


def occurrence_row(cron: Cron, one: Occurrence) -> Row:
    """What became of one due time. `delivery` stands beside it: it never changes the status."""
    return {
        "id": one.id,
        "due": stamp(one.due),
        "status": one.status,
        "reason": one.reason,
        "delivery": delivery(cron.occurrences, one),
        "session": one.session,
        "output": one.output,
        "ended": stamp(one.ended_at) if one.ended_at else None,
    }
