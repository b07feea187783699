"""Carries out what the end of a run, or the owner's next words, decide about its notes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent.events import AnyEvent, RunFinished, RunJudged, UserSpoke
from agent.learning.door import Author
from hermes_home.errors import HermesError
from memory.outcomes.settling import Decision, settle

if TYPE_CHECKING:
    from gateway.app import App

log = logging.getLogger(__name__)


class Settling:
    """Looks at a session's notes when something was said or done that may decide about them."""

    def __init__(self, app: App) -> None:
        self._app = app

    def after(self, session: str, event: AnyEvent) -> None:
        """Beside everything else, and only where there are notes at all."""
        if not isinstance(event, RunFinished | UserSpoke | RunJudged):
            return
        worker = self._app.router.workers.get(session)
        written = worker is None or any(
            change.kind != "skill" for change in worker.conversation.proposals.values()
        )
        if written and self._app.learning.mode == "auto":
            self._app.background(self._settle(session))

    async def _settle(self, session: str) -> None:
        door = self._app.door
        for decision in settle(self._app.journal.read(session), door.status):
            try:
                await self._carry_out(decision, session)
            except HermesError as error:
                log.warning("change %s stays as it is: %s", decision.id, error)

    async def _carry_out(self, decision: Decision, session: str) -> None:
        if decision.status == "active":
            await self._app.door.prove(decision.id, decision.reason)
        else:
            await self._app.door.undo(decision.id, Author("agent", session))
