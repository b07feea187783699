"""APScheduler as the alarm clock. What is due, and what becomes of it, is decided elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from gateway.cron.schedule import Schedule

HEARTBEAT = 20
"""Seconds between two looks at the clock, which may have been set or have slept."""
_HEARTBEAT_ID = " heartbeat"  # no job has a name like this

logging.getLogger("apscheduler").setLevel(logging.WARNING)


class DueTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Our schedule as one of APScheduler's: its own cron trigger counts weekdays from Monday,
    wants both day fields, and knows nothing of a time that comes twice."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        after = now if previous_fire_time is None else max(now, previous_fire_time)
        return self._schedule.next(after)


class Timer:
    """Calls `wake(name)` when a job is due, and `wake("")` now and then."""

    def __init__(self, wake: Callable[[str], Awaitable[None]]) -> None:
        self._wake = wake
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 4},
        )

    def start(self) -> None:
        self._scheduler.start()
        self._add(_HEARTBEAT_ID, IntervalTrigger(seconds=HEARTBEAT, timezone=UTC), "")

    def set(self, name: str, schedule: Schedule) -> None:
        """From now on this is the job's schedule."""
        self._add(name, DueTrigger(schedule), name)

    def drop(self, name: str) -> None:
        if self._scheduler.get_job(name):
            self._scheduler.remove_job(name)

    def close(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _add(self, id: str, trigger: BaseTrigger, name: str) -> None:
        self._scheduler.add_job(self._wake, trigger, [name], id=id, replace_existing=True)
