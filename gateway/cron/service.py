"""Recurring work of one home: the files, their accounts, the runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tzlocal import get_localzone_name

from gateway.cron.accounts import ASLEEP, Accounts
from gateway.cron.desk import Desk
from gateway.cron.job import (
    SUFFIX,
    Job,
    check_name,
    names,
    path_of,
    pointing,
    read_text,
    understand,
)
from gateway.cron.results import addresses, inbox, undelivered
from gateway.cron.rows import Row, job_row, occurrence_row
from gateway.cron.runner import Loaded, Runner
from gateway.cron.schedule import parse
from gateway.cron.timer import HEARTBEAT, Timer
from hermes_home.errors import HermesError, SettingsError, UsageError
from memory import old_occurrences
from memory.occurrences import Account, Occurrences
from memory.outbox import TERMINAL

if TYPE_CHECKING:
    from gateway.app import App

PRUNE_SECONDS = 3600.0
"""Between two looks for rows that are too old to be kept."""


@dataclass(frozen=True)
class State:
    """By which schedule an account is kept; stored beside it."""

    schedule: str = ""
    zone: str = ""
    anchor: float = 0.0
    enabled: bool = False
    error: str = ""

    @classmethod
    def read(cls, text: str) -> State:
        return cls(**json.loads(text)) if text else cls()

    def text(self) -> str:
        return json.dumps(asdict(self))


class Cron:
    """Made when a home has jobs or gets its first. `clock` gives seconds since the epoch."""

    def __init__(self, app: App, clock: Callable[[], float] = time.time) -> None:
        self.app = app
        self.jobs: dict[str, Loaded] = {}
        self.occurrences = Occurrences(app.database, clock)
        self.clock = clock
        self._accounts = Accounts(self.occurrences, clock)
        self.runner = Runner(app, self.occurrences, self.jobs.get)
        self._timer = Timer(self._wake)
        self.changing = asyncio.Lock()
        self.desk = Desk(self)
        self._prune_at = time.monotonic() + HEARTBEAT

    async def start(self) -> None:
        """Go on with what was claimed; account for what was due meanwhile; then wait."""
        known = set(names(self.app.home))
        async with self.changing:
            for name in sorted(known | set(self.occurrences.accounts())):
                await self.load(name, starting=True)
        self._timer.start()
        self.runner.enqueue(self.occurrences.open())
        await self._wake("")

    async def close(self) -> None:
        self._timer.close()
        await self.runner.close()

    @property
    def busy(self) -> bool:
        """Whether something is under way or will be due."""
        return self.runner.busy or any(
            loaded.schedule.due_after(self.clock()) is not None
            for loaded in self.jobs.values()
            if loaded.active and loaded.schedule
        )

    @property
    def warnings(self) -> list[str]:
        """What is wrong with jobs."""
        told = ((one.name, self.problem(one)) for one in self.jobs.values())
        return [f"job {name}: {problem}" for name, problem in told if problem]

    def problem(self, loaded: Loaded) -> str:
        """What is wrong with a job: with its file, or where its results are to go."""
        if loaded.job is None or not loaded.job.enabled:
            return loaded.error
        try:
            addresses(self.app, loaded.job.deliver)
        except UsageError as error:
            return f"its results come to the inbox: {error}"
        return ""

    @property
    def zone_name(self) -> str:
        """The zone of jobs that name none."""
        return self.app.settings.timezone or get_localzone_name() or "UTC"

    # -- the clock ------------------------------------------------------------------------------

    async def _wake(self, name: str) -> None:
        """A job is due; "" = look at all."""
        for one in [name] if name else list(self.jobs):
            await self._bring_up(one)
        if not name:
            await self._tidy()

    async def _tidy(self) -> None:
        if self.occurrences.undelivered(TERMINAL):
            await self.occurrences.redirect(TERMINAL, undelivered)
        if time.monotonic() > self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_SECONDS
            await old_occurrences.prune(self.app.database, self.clock())

    async def _bring_up(self, name: str) -> None:
        loaded = self.jobs.get(name)
        if loaded is None or not loaded.active or not loaded.schedule or not loaded.job:
            return
        claimed = await self._accounts.bring_up(
            name,
            loaded.schedule,
            loaded.job.misfire,
            working=lambda: self.runner.working(name),
        )
        self.runner.enqueue(claimed)

    # -- files ----------------------------------------------------------------------------------

    async def changed(self, paths: set[Path]) -> None:
        """Files below cron/ were changed by hand."""
        folder = self.app.home.cron
        files = [path for path in paths if path.parent == folder]
        named = {path.stem if path.suffix == SUFFIX else path.name for path in files}
        if folder in paths:
            named |= set(names(self.app.home)) | set(self.jobs)
        async with self.changing:
            for name in sorted(named):
                await self.load(name)

    async def reload(self) -> None:
        """The settings changed: jobs without a zone of their own may be due at other times."""
        async with self.changing:
            for name in list(self.jobs):
                await self.load(name)

    async def load(self, name: str, *, starting: bool = False) -> None:
        """Take a job as its file is now. What was due by its old schedule is accounted for.
        starting: the file may have been changed long ago."""
        await self._bring_up(name)
        account = self.occurrences.account(name)
        before = State.read(account.state) if account else State()
        loaded = self._read(name, before)
        if loaded is None and account is None:
            return
        if loaded is None:
            self.jobs.pop(name, None)
            after = State()
            await self.runner.drop(name, "the job was removed")
        else:
            self.jobs[name] = loaded
            after = _state(loaded)
        if account is None or after != before:
            turned = self._changed_at(name) if starting else self.clock()
            await self._turn(name, account, before, after, turned)
        if loaded and loaded.active and loaded.schedule:
            self._timer.set(name, loaded.schedule)
        else:
            self._timer.drop(name)

    def _read(self, name: str, before: State) -> Loaded | None:
        path = path_of(self.app.home, name)
        try:
            text = read_text(self.app.home, name)
            if text is None:
                return None
            if name.endswith(".yml"):
                raise SettingsError(f"{name} is not read", f"call it {Path(name).stem}{SUFFIX}")
            check_name(name)
            job = understand(text, str(path))
            anchor = self._anchor(job, before)
            zone = ZoneInfo(job.tz or self.zone_name)
            with pointing(text, "schedule", str(path)):
                schedule = parse(job.schedule, zone, anchor)
            return Loaded(name, job, schedule, anchor)
        except HermesError as error:
            return Loaded(name, error=str(error))

    def _anchor(self, job: Job, before: State) -> float:
        """Since when it holds: as the file says, else since it was first seen."""
        if job.anchor is not None:
            return job.anchor
        return before.anchor if before.schedule == job.schedule else self.clock()

    def _changed_at(self, name: str) -> float:
        """When a job's file came to be as it is; now if it is gone."""
        try:
            return min(self.clock(), path_of(self.app.home, name).stat().st_ctime)
        except OSError:
            return self.clock()

    async def _turn(
        self, name: str, account: Account | None, before: State, after: State, turned: float
    ) -> None:
        """From `turned` on a job's account goes on by another schedule."""
        if account is not None:
            turned = min(max(turned, account.accounted), self.clock())
            if before.enabled and not before.error:
                old = parse(before.schedule, ZoneInfo(before.zone), before.anchor)
                await self._accounts.pass_over(name, old, turned, ASLEEP)
        await self.occurrences.keep_account(name, Account(turned, after.text()))
        if not after.enabled:
            await self.runner.drop(name, "the job was paused")
        if after.error:
            text = f"The job {name} does not run: {after.error}"
            await self.app.outbox.put("", 0, TERMINAL, text, "job")

    # -- what the doors ask ---------------------------------------------------------------------

    def row(self, name: str, count: int = 1) -> Row:
        """A job with its next `count` due times; UsageError if there is no such job."""
        return job_row(self, self.find(name), self.clock(), count)

    def rows(self) -> list[Row]:
        return [self.row(name) for name in sorted(self.jobs)]

    def history(self, name: str, limit: int) -> list[Row]:
        """Newest first; also of a job that was removed."""
        found = self.occurrences.history(name, limit)
        if not found:
            self.find(name)
        return [occurrence_row(self, one) for one in found]

    def occurrence(self, id: int) -> Row:
        found = self.occurrences.get(id)
        if found is None:
            raise UsageError(f"there is no occurrence {id}")
        return occurrence_row(self, found)

    def unseen(self) -> list[Row]:
        """What waits in the owner's inbox."""
        return inbox(self.app, self.occurrences)

    def find(self, name: str) -> Loaded:
        """UsageError names the nearest if there is no such job."""
        if name in self.jobs:
            return self.jobs[name]
        known = ", ".join(self.jobs) or "none yet"
        raise UsageError(f"there is no job {name!r}", f"there are: {known}")


def _state(loaded: Loaded) -> State:
    """What the account of a job is to be kept by."""
    job, schedule = loaded.job, loaded.schedule
    if job is None or schedule is None:
        return State(error=loaded.error)
    return State(job.schedule, schedule.zone.key, loaded.anchor, job.enabled)
