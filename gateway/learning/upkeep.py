"""Keeps the skills good: which are in use and which are withheld, and what their runs decide.

After each run the skills it was offered are judged by their figures (skills/lifecycle.py); what
moves is stored first and then shown, with the figures it rests on.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from functools import partial
from typing import TYPE_CHECKING

from agent.events import AnyEvent, Noticed, RunFinished, SkillMoved, SkillState, Stored
from agent.learning.evidence import Figures
from gateway.learning.announcing import moved
from hermes_home.errors import HermesError, UsageError
from memory.outcomes.evidence import Series
from memory.outcomes.usual import at_hand, usual
from skills.lifecycle import Usual, judge, withheld
from skills.overlays import Origins
from skills.states import Standing, States

if TYPE_CHECKING:
    from gateway.app import App

log = logging.getLogger(__name__)


class Upkeep:
    """The states of a home's skills, and the moves that evidence and the owner make."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.states = States()
        self.origins = Origins()

    def reconcile(self, events: list[Stored]) -> None:
        """At the start: fold what the journal says."""
        for stored in events:
            self.states.take(stored.seq, stored.event, stored.at)
            self.origins.take(stored.seq, stored.event)

    def take(self, seq: int, event: AnyEvent) -> None:
        """Fold a new event."""
        self.states.take(seq, event, time.time())
        self.origins.take(seq, event)

    def withheld_in(self, session: str) -> frozenset[str]:
        """The candidates that this session is not offered, to measure what they are worth; none
        while learning is off."""
        learning = self._app.learning
        share = 0.0 if learning.mode == "off" else learning.withhold
        library = self._app.library
        found = (library.get(name) for name in self.states.named("candidate"))
        return frozenset(
            skill.name
            for skill in found
            if skill is not None
            and withheld(session, skill.name, library.ref(skill).version, share)
        )

    def quarantined(self) -> frozenset[str]:
        """What no session is offered any more."""
        return frozenset(self.states.named("quarantined"))

    def hidden_in(self, session: str) -> frozenset[str]:
        """What a session neither sees in its catalog nor finds by searching."""
        if trial := self._app.router.options(session).trial:
            return self.quarantined() - {trial} | self.absent_in(session)
        return self.quarantined() | self.withheld_in(session)

    def absent_in(self, session: str) -> frozenset[str]:
        """What is not there at all for a session: the skill that a trial does without."""
        options = self._app.router.options(session)
        return frozenset({options.trial} if options.without else ())

    def after(self, session: str, event: AnyEvent) -> None:
        """A run ended: judge the skills this session was offered, beside everything else."""
        ended = isinstance(event, RunFinished) and self._app.learning.mode != "off"
        if ended and self.states.judged():
            self._app.background(self._judge(session))

    async def move(
        self,
        name: str,
        state: SkillState,
        by: str,
        reason: str,
        figures: dict[str, float] | None = None,
        version: str = "",
        session: str = "",
    ) -> None:
        """Store that a skill's state changed; if the runs of a `session` decided it, say it there
        in one line."""
        event = SkillMoved(
            name=name, state=state, by=by, reason=reason, version=version, figures=figures or {}
        )
        await self._app.record(event, "", "")
        if by != "owner":
            log.info("skill %s is %s: %s", name, state, reason)
        if session:
            await self._app.record(Noticed(text=moved(name, state, reason)), session, "")

    async def restore(self, name: str) -> None:
        """The owner wants a skill in use, whatever its figures say."""
        standing = self.states.of(name)
        if standing == Standing():
            self._app.library.require(name)
        if standing.state not in ("quarantined", "stale", "candidate"):
            raise UsageError(
                f"{name} is {standing.state}", "Only what is out of use can be put back."
            )
        await self.move(name, "active", "owner", "put back by the owner")

    async def _judge(self, session: str) -> None:
        try:
            for series, usually in await self._app.index.ask(partial(_at_hand, session)):
                await self._decide(series, usually, session)
        except HermesError as error:
            log.warning("the skills of %s were not judged: %s", session, error)

    async def _decide(self, series: Series, usually: Usual, session: str) -> None:
        """Only a text that is still the skill's is judged, and nothing the owner decided."""
        standing = self.states.of(series.skill)
        library = self._app.library
        skill = library.get(series.skill)
        current = skill is not None and library.ref(skill).version == series.version
        rights = self._app.door.rights.held("skill", series.skill)
        if not standing.learned or standing.by == "owner" or not current or rights:
            return
        move = judge(standing.state, series.figures, usually)
        if move is not None:
            shown = _shown(series.figures) | {"certainty": round(move.certainty, 3)}
            await self.move(
                *(series.skill, move.state, "evidence", move.reason, shown, series.version),
                session=session,
            )


def _at_hand(session: str, tables: sqlite3.Connection) -> list[tuple[Series, Usual]]:
    return [
        (series, Usual(*usual(tables, series.skill, series.model)))
        for series in at_hand(tables, session)
    ]


def _shown(figures: Figures) -> dict[str, float]:
    """The figures a decision rested on."""
    return {
        "runs_with": figures.runs_with,
        "success_with": figures.success_with,
        "runs_without": figures.runs_without,
        "success_without": figures.success_without,
        "calls_with": round(figures.calls_with, 2),
        "calls_without": round(figures.calls_without, 2),
    }
