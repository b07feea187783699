"""Upkeep of the library: once a week, when nothing else goes on, or when the owner asks for it.

It asks no model, so it costs nothing; it marks, archives and proposes, and deletes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from agent.events import CuratorPaused, CuratorRan, Stored
from agent.learning.door import OWNER, Author
from hermes_home.errors import HermesError, UsageError
from memory.listings import ChangeRow, changes
from memory.outcomes.usual import last_loaded
from skills.archived import Archived, archives, moving_back
from skills.curation import Step, plan
from skills.sharing.lock import read_lock

if TYPE_CHECKING:
    from gateway.app import App

EVERY = 7 * 86_400.0
LOOK = 300.0
"""Seconds between two looks at whether the week is over and the daemon rests."""

NOTES: tuple[Literal["memory", "user"], ...] = ("memory", "user")

log = logging.getLogger(__name__)


class Back(NamedTuple):
    """The skill that is in use again; what of it was in the archive, None if it was not there; and
    what of its name still is."""

    name: str
    archived: Archived | None
    others: list[Archived]


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

    async def restore(self, name: str) -> Back:
        """Put back what was archived, quarantined or marked stale; of several that were archived
        the newest of the owner's own, or the one that lies in a folder called `name`."""
        await asyncio.to_thread(self._app.library.refresh)
        found, waiting = await self._archived(name)
        name = found.name if found else name
        there = self._app.library.get(name)
        state = self._app.upkeep.states.of(name).state
        if there is not None and there.layer == "home":
            if found and state in ("active", "archived"):
                raise _taken(self._app, name)
            found, waiting = None, []
        if found is not None:
            await self._put_back(found)
        elif state == "archived":
            raise UsageError(f"no archive of {name} is known", "Look into skills/.archive.")
        else:
            await self._app.upkeep.restore(name)
        return Back(name, found, [one for one in waiting if one != found])

    async def _archived(self, name: str) -> tuple[Archived | None, list[Archived]]:
        """What to put back, and everything of its name that is in the archive."""
        if found := await self._archives(name):
            return next((one for one in found if one.own), found[0]), found
        found = await self._archives(name.rpartition("-")[0])
        return next((one for one in found if one.place.name == name), None), found

    async def _archives(self, name: str) -> list[Archived]:
        stand = [(row.id, self._app.intent(row.id)) for row in reversed(await self._changes(name))]
        kept = [(id, change) for id, change in stand if change is not None and change.files]
        return await asyncio.to_thread(archives, self._app.home, kept)

    async def _changes(self, name: str) -> list[ChangeRow]:
        """Those of a skill that were written and stand, newest first."""
        rows = await self._app.index.ask(lambda tables: changes(tables, 10_000, everyone=True))
        gone = ("undone", "proposed", "rejected")
        return [r for r in rows if (r.kind, r.name) == ("skill", name) and r.status not in gone]

    async def _put_back(self, archived: Archived) -> None:
        """By taking back what put it away, unless other changes of its name were made since."""
        if (await self._changes(archived.name))[0].id == archived.id:
            await self._app.door.undo(archived.id, OWNER)
        else:
            await self._app.door.apply(lambda: moving_back(self._app.home, archived), OWNER)
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


def _taken(app: App, name: str) -> UsageError:
    installed = read_lock(app.home, name) is not None
    first = f"hermes skills uninstall {name}" if installed else f"hermes curator archive {name}"
    what = "the installed one" if installed else "another one"
    return UsageError(
        f"{name} is in use: {what}, so the archived one cannot come back",
        f"Put that away first: {first}",
    )
