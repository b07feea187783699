"""The way from the app to recurring work, whose parts are imported when a home has some."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.load import load
from hermes_home.errors import HermesError
from memory.occurrences import has_jobs

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.cron.service import Cron

log = logging.getLogger(__name__)


class Recurring:
    """One per app. Nothing is imported or started before it is needed. `clock` gives seconds
    since the epoch."""

    def __init__(self, app: App, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._clock = clock
        self._starting: asyncio.Task[Cron] | None = None

    async def cron(self) -> Cron:
        """The jobs of the home, at work."""
        if self._starting is None or self._failed:
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def resume(self) -> None:
        """At the start of the daemon: go on if there are jobs, or something was begun."""
        if not has_jobs(self._app.home, self._app.database):
            return
        try:
            await self.cron()
        except Exception as error:
            log.exception("recurring work could not begin")
            self._app.warn(f"recurring work could not begin: {error}")

    async def rest(self) -> None:
        """The daemon stops: nothing is begun any more."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
        if cron := self.begun:
            await cron.close()

    @property
    def begun(self) -> Cron | None:
        """The jobs, if they are at work already."""
        task = self._starting
        return task.result() if task is not None and task.done() and not self._failed else None

    @property
    def _failed(self) -> bool:
        """It could not begin; the next who asks tries again."""
        task = self._starting
        return bool(task and task.done() and (task.cancelled() or task.exception()))

    @property
    def busy(self) -> bool:
        """Something is under way, or will be due."""
        if cron := self.begun:
            return cron.busy
        return self._starting is not None and not self._failed

    @property
    def warnings(self) -> list[str]:
        cron = self.begun
        return cron.warnings if cron else []

    def files_changed(self, paths: set[Path]) -> None:
        self._app.background(self._take(paths))

    def settings_changed(self) -> None:
        """Jobs without a zone of their own may be due at other times now."""
        if cron := self.begun:
            self._app.background(cron.reload())

    async def _take(self, paths: set[Path]) -> None:
        try:
            await (await self.cron()).changed(paths)
        except HermesError as error:
            self._app.warn(f"the jobs could not be read: {error}")

    async def _start(self) -> Cron:
        cron: Cron = load("gateway.cron.service:Cron")(self._app, self._clock)
        await cron.start()
        return cron
