"""Upkeep of the library: once a week, when nothing else goes on, or when the owner asks for it.

It asks no model, so it costs nothing; it marks, archives and proposes, and deletes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Literal

from agent.events import CuratorPaused, CuratorRan, Stored
from agent.learning.door import OWNER, Author
from hermes_home.errors import HermesError, UsageError
from memory.listings import changes
from memory.outcomes.usual import last_loaded
from skills.curation import Step, plan

if TYPE_CHECKING:
    from gateway.app import App

EVERY = 7 * 86_400.0
LOOK = 300.0
"""Seconds between two looks at whether the week is over and the daemon rests."""

NOTES: tuple[Literal["memory", "user"], ...] = ("memory", "user")

log = logging.getLogger(__name__)


class Curator:
    """One per app. `ran` is when it last ran, in seconds since the epoch; 0 = never."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = asyncio.Lock()
        self.paused = False
        self.ran = 0.0
        self.report: tuple[str, ...] = ()

    def reconcile(self, events: list[Stored]) -> None:
        """At the start: fold what the journal says."""
        for stored in events:
            if isinstance(stored.event, CuratorRan):
                self.ran, self.report = stored.at, stored.event.report
            elif isinstance(stored.event, CuratorPaused):
                self.paused = stored.event.on

    async def watch(self) -> None:
        """Run when it is due, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            if self._due():
                try:
                    await self.run("curator")
                except HermesError as error:
                    log.warning("the curator stopped: %s", error)

    def _due(self) -> bool:
        learns = self._app.learning.mode != "off" and not self.paused
        learned = any(self._app.upkeep.states.of(n).learned for n in self._app.library.skills())
        over = time.time() - self.ran >= EVERY
        return learns and learned and over and not self._app.router.busy

    async def run(self, by: Literal["curator", "owner"]) -> list[str]:
        """Look the library through now; one line for each thing done. The owner may run it while
        it is paused, but not while learning is off."""
        if self._app.learning.mode == "off":
            raise UsageError("learning is off", "hermes config set learning.mode auto")
        async with self._lock:
            await asyncio.to_thread(self._app.library.refresh)
            loaded = await self._app.index.ask(last_loaded)
            steps = plan(
                list(self._app.library.skills().values()),
                self._app.upkeep.states,
                loaded,
                self._held,
                time.time(),
            )
            waiting = await self._waiting()
            lines = [await self._take(step) for step in steps if not _asked(step, waiting)]
            await self._app.record(CuratorRan(by=by, report=tuple(lines)), "", "")
            self.ran, self.report = time.time(), tuple(lines)
            return lines

    async def pause(self, *, on: bool) -> None:
        await self._app.record(CuratorPaused(on=on), "", "")
        self.paused = on

    async def restore(self, name: str) -> None:
        """Put back what was archived, quarantined or marked stale."""
        standing = self._app.upkeep.states.of(name)
        if standing.state != "archived":
            await self._app.upkeep.restore(name)
            return
        rows = await self._app.index.ask(lambda tables: changes(tables, 10_000, everyone=True))
        archived = next(
            (
                row.id
                for row in rows
                if (row.kind, row.name, row.action) == ("skill", name, "archive")
                and row.status not in ("undone", "proposed", "rejected")
            ),
            None,
        )
        if archived is None:
            raise UsageError(f"no archive of {name} is known", "Look into skills/.archive.")
        await self._app.door.undo(archived, OWNER)
        await asyncio.to_thread(self._app.library.refresh)

    def status(self) -> dict[str, Any]:
        """For people and scripts."""
        states = self._app.upkeep.states
        return {
            "paused": self.paused,
            "ran": self.ran,
            "due": 0.0 if self.paused else self.ran + EVERY if self.ran else time.time(),
            "report": list(map(self._app.journal.masks.text, self.report)),
            "states": {
                name: standing.state
                for name in self._app.library.skills()
                if (standing := states.of(name)).learned
            },
            "rights": {
                name: sorted(held)
                for name in self._app.library.skills()
                if (held := self._app.door.rights.held("skill", name))
            },
            "locked_notes": sum(
                bool(self._app.door.rights.held(kind, entry))
                for kind in NOTES
                for entry in self._app.notes.entries(kind)
            ),
            "quarantined": states.named("quarantined"),
            "archived": states.named("archived"),
        }

    def _held(self, name: str) -> bool:
        return bool(self._app.door.rights.held("skill", name))

    async def _waiting(self) -> set[str]:
        """The skills the owner is asked about already."""
        rows = await self._app.index.ask(lambda tables: changes(tables, 10_000, everyone=True))
        return {row.name for row in rows if row.status == "proposed" and row.action == "archive"}

    async def _take(self, step: Step) -> str:
        """Carry out one step; what became of it."""
        name = step.skill
        try:
            if step.action == "propose":
                change = await self._app.writer.archive(name, Author("curator", asks=step.reason))
                return f"{name}: archive proposed as change {change.id}: {step.reason}"
            if step.action == "archive":
                change = await self._app.writer.archive(name, Author("curator"))
                return f"{name}: archived as change {change.id} ({change.status}): {step.reason}"
            await self._app.upkeep.move(name, step.action, "curator", step.reason)
            return f"{name}: {step.action}: {step.reason}"
        except HermesError as error:
            return f"{name}: left as it is: {error.message}"


def _asked(step: Step, waiting: set[str]) -> bool:
    return step.action == "propose" and step.skill in waiting
