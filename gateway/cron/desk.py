"""What the owner does with jobs. Each change is on disk and committed when it returns."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.cron.job import (
    Job,
    check_name,
    file_of,
    name_from,
    names,
    now_text,
    path_of,
    read_text,
    rewritten,
    understand,
    written,
)
from gateway.cron.results import addresses
from gateway.cron.runner import Loaded
from gateway.cron.schedule import Schedule, parse
from hermes_home.errors import SettingsError, UsageError
from memory.occurrences import Occurrence

if TYPE_CHECKING:
    from gateway.cron.service import Cron

MOST_JOBS = 1_000


class Desk:
    """One per `Cron`. UsageError says what is wrong with a wish, and nothing is changed."""

    def __init__(self, cron: Cron) -> None:
        self._cron = cron

    async def create(self, job: Job, name: str = "") -> Loaded:
        """A new job; on disk and committed when this returns."""
        async with self._cron.changing:
            if len(self._cron.jobs) >= MOST_JOBS:
                raise UsageError(f"there are {MOST_JOBS} jobs already", "remove some")
            taken = {*self._cron.jobs, *names(self._cron.app.home)}
            name = check_name(name) if name else name_from(job.prompt or job.script, taken)
            if name in taken:
                raise UsageError(f"there is a job {name} already", f"hermes cron show {name}")
            created = now_text(self._cron.clock())
            schedule = self._checked(job, created)
            text = written(_replaced(job, schedule=schedule.text, created=created))
            understand(text, name)
            await self._put(name, None, text, f"created the job {name}")
        return self._cron.jobs[name]

    async def edit(self, name: str, changes: dict[str, Any]) -> Loaded:
        """Change some of a job's keys; the rest of its file stays as it is."""
        async with self._cron.changing:
            self._cron.find(name)
            before = read_text(self._cron.app.home, name) or ""
            place = str(path_of(self._cron.app.home, name))
            job = _replaced(understand(before, place), **changes)
            if {"schedule", "tz"} & changes.keys():
                changes = {**changes, "created": now_text(self._cron.clock())}
                schedule = self._checked(job, changes["created"])
                changes["schedule"] = schedule.text
            elif "deliver" in changes:
                addresses(self._cron.app, job.deliver)
            text = rewritten(before, place, changes)
            await self._put(name, before, text, f"changed the job {name}")
        return self._cron.jobs[name]

    async def replace(self, name: str, before: str, after: str) -> Loaded:
        """Put a job's whole file, as its owner edited it."""
        async with self._cron.changing:
            self._cron.find(name)
            job = understand(after, file_of(name))
            self._checked(job, job.created or now_text(self._cron.clock()), past=True)
            await self._put(name, before, after, f"changed the job {name}")
        return self._cron.jobs[name]

    async def pause(self, name: str, *, paused: bool) -> Loaded:
        return await self.edit(name, {"enabled": not paused})

    async def remove(self, name: str) -> None:
        async with self._cron.changing:
            self._cron.find(name)
            before = read_text(self._cron.app.home, name)
            await self._put(name, before, None, f"removed the job {name}")

    async def run(self, name: str) -> Occurrence:
        """Run a job now, besides its schedule."""
        loaded = self._cron.find(name)
        if loaded.job is None:
            raise UsageError(f"the job {name} is broken: {loaded.error}")
        if self._cron.runner.working(name):
            raise UsageError(f"the job {name} is running", f"hermes cron history {name}")
        claimed = await self._cron.occurrences.claim(name, self._cron.clock())
        if claimed is None:
            raise UsageError(f"the job {name} was due just now", f"hermes cron history {name}")
        self._cron.runner.enqueue([claimed])
        return claimed

    def _checked(self, job: Job, created: str, *, past: bool = False) -> Schedule:
        """The job's schedule, if it and where its result goes can be used."""
        addresses(self._cron.app, job.deliver)
        understand(written(job), "the job")
        anchor = _replaced(job, created=created).anchor or 0.0
        schedule = parse(job.schedule, ZoneInfo(job.tz or self._cron.zone_name), anchor)
        if not past and schedule.due_after(self._cron.clock()) is None:
            raise UsageError(
                f"{job.schedule!r} is over: that was {schedule.text}",
                "name a time to come, for example: tomorrow at 9",
            )
        return schedule

    async def _put(self, name: str, before: str | None, after: str | None, reason: str) -> None:
        relative = f"cron/{file_of(name)}"
        history = self._cron.app.history
        if not history.replace(relative, before, after):
            raise SettingsError(f"{relative} changed just now", "look at it and try again")
        history.record([relative], actor="owner", reason=reason)
        await history.flush()
        await self._cron.load(name)


def _replaced(job: Job, **changes: Any) -> Job:
    return Job(**{**asdict(job), **changes})
