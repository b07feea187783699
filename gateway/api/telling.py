"""One question's answer, folded from the events of its session as they come."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from agent.events import (
    Answered,
    ModelReplied,
    ModelRetried,
    RunEnd,
    RunFinished,
    RunParked,
    RunStarted,
    Stored,
    TextStreamed,
    UserSpoke,
)
from agent.messages import Usage
from gateway.api.stream import follow
from hermes_home.errors import BudgetError, HermesError, UnavailableError
from memory.queues import Arrived

if TYPE_CHECKING:
    from gateway.app import App

PARAGRAPH = "\n\n"
LIVE = frozenset({"TextStreamed", "ModelRetried"})
WHOLE = frozenset(
    {"RunStarted", "UserSpoke", "ModelReplied", "Answered", "RunFinished", "RunParked"}
)


class Spoken(NamedTuple):
    """More of a reply's text. `whole`: this is its end, and all of it that was shown."""

    reply: int
    text: str
    whole: str | None = None
    final: bool = False


class RunFailed(HermesError):
    """The run ended without an answer; read by the caller of the API."""


class Telling:
    """The run that answers one input. `replies`: the texts the model gave, those it gave before
    its calls too; `answer`: the last, once it is there."""

    def __init__(self, asked: Arrived) -> None:
        self.session = asked.session
        self.input = asked.receipt.id
        self.after = asked.receipt.after_seq
        self.answer: str | None = None
        self.replies: list[str] = []
        self.usage = Usage()
        self.at = time.time()
        self._run = ""
        self._heard = ""
        self._shown = ""
        self._void = 0

    async def follow(self, app: App, *, live: bool) -> AsyncGenerator[list[Spoken]]:
        """What is said, as it is said, until the answer is whole; an empty list now and then
        while nothing is. Raises what kept the run from answering."""
        kinds = WHOLE | LIVE if live else WHOLE
        async with aclosing(follow(app, self.session, self.after, kinds)) as events:
            async for stored in events:
                if not isinstance(stored, Stored):
                    yield []
                    continue
                if spoken := self.take(stored):
                    yield spoken
                if self.answer is not None:
                    return
        raise UnavailableError(
            "the daemon stops; the run goes on at its next start",
            "Send the request again with the same Idempotency-Key, or read the session.",
        )

    async def whole(self, app: App) -> str:
        """The answer, when it is there."""
        async for _ in self.follow(app, live=False):
            pass
        return self.answer or ""

    def take(self, stored: Stored) -> list[Spoken]:
        """Fold one event; what there is to show of it."""
        event = stored.event
        begins = isinstance(event, RunStarted) and event.cause == self.input
        if begins or (isinstance(event, UserSpoke) and event.input == self.input):
            self._run = stored.run
            self.at = stored.at if begins else self.at
        if not self._run or stored.run != self._run:
            return []
        if isinstance(event, ModelRetried):
            self._heard = ""
        elif isinstance(event, TextStreamed):
            return [] if event.reasoning else self._stream(event.text)
        elif isinstance(event, ModelReplied):
            return self._replied(event)
        elif isinstance(event, Answered):
            self.answer = event.text
        elif isinstance(event, RunFinished):
            self._finished(event.reason, event.error)
        elif isinstance(event, RunParked):
            raise UnavailableError(
                f"the run waits for its owner: {event.reason}", f"hermes -r {self.session}"
            )
        return []

    def _stream(self, text: str) -> list[Spoken]:
        self._heard += text
        fresh = self._fresh()
        return [Spoken(len(self.replies), fresh)] if fresh else []

    def _fresh(self) -> str:
        """What of the reply under way was not shown. After a retry the same words come again;
        other words follow as a paragraph of their own, since nothing can be taken back."""
        shown = self._shown[self._void :]
        if shown.startswith(self._heard):
            return ""
        if self._heard.startswith(shown):
            fresh = self._heard[len(shown) :]
        else:
            fresh = PARAGRAPH + self._heard
            self._void = len(self._shown) + len(PARAGRAPH)
        self._shown += fresh
        return fresh

    def _replied(self, event: ModelReplied) -> list[Spoken]:
        self.usage = self.usage + event.usage
        if event.purpose != "run":
            return []
        self._heard = event.text
        fresh, shown = self._fresh(), self._shown
        self._heard = self._shown = ""
        self._void = 0
        if not shown:
            return []
        self.replies.append(shown)
        return [Spoken(len(self.replies) - 1, fresh, shown, final=not event.tool_calls)]

    def _finished(self, reason: RunEnd, error: str) -> None:
        """The run ended before it answered."""
        message, _, hint = error.partition("\n")
        hint = hint.strip()
        if reason == "limit":
            raise BudgetError(message, hint)
        if message.startswith("model unreachable"):
            raise UnavailableError(message, hint)
        raise RunFailed(message or f"the run ended: {reason}", hint)
