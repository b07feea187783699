"""What a session is doing, in one line: folded from its events, told with the time it took."""

from __future__ import annotations

import time
from typing import Any

from gateway.cli.output import count, cut, one_line
from gateway.cli.status import duration
from gateway.cli.view import subject

EVALUATING = {"checkpoint": "evaluating", "compaction": "shortening the conversation"}


class Phase:
    """`window` is the model's context in tokens, 0 = unknown."""

    def __init__(self, model: str = "", window: int = 0) -> None:
        self.model = model
        self.window = window
        self.context = 0
        self.tokens = 0
        self.waiting = ""
        self._doing = ""
        self._since = 0.0
        self._age = 0.0
        self._running: dict[str, str] = {}

    @property
    def working(self) -> bool:
        return bool(self._doing)

    def add(self, stored: dict[str, Any]) -> None:
        event = stored["event"]
        if fold := FOLDS.get(event["type"]):
            self._age = max(0.0, time.time() - stored["at"])
            fold(self, event)
            self._age = 0.0

    def line(self, room: int, now: float | None = None) -> str:
        """At most `room` columns: phase, elapsed, tokens, how full the context is, model."""
        parts = []
        if self._doing:
            elapsed = (time.monotonic() if now is None else now) - self._since
            parts += [self.waiting or self._doing, duration(elapsed)]
        if self.tokens:
            parts.append(f"{count(self.tokens)} tokens")
        if self.context and self.window:
            parts.append(f"context {100 * self.context // self.window} %")
        return cut(" · ".join(filter(None, [*parts, self.model])), room)

    def begin(self, what: str = "starting") -> None:
        """Something was sent; the elapsed time counts from the first such moment."""
        if not self._doing:
            self._since = time.monotonic() - self._age
        self._doing = what

    def rest(self) -> None:
        """Nothing is going on, as far as is known."""
        self._doing = self.waiting = ""
        self._running = {}

    def _started(self, event: dict[str, Any]) -> None:
        self.begin("thinking")
        self.tokens = 0
        self.model = event["model"] or event["provider"]

    def _asked(self, event: dict[str, Any]) -> None:
        self.begin(EVALUATING.get(event.get("purpose", ""), "thinking"))

    def _streamed(self, event: dict[str, Any]) -> None:
        if self._doing == "thinking" and not event.get("reasoning"):
            self._doing = "writing"

    def _retried(self, event: dict[str, Any]) -> None:
        self.begin(f"trying again in {event['wait']:.0f} s ({one_line(event['reason'])})")

    def _replied(self, event: dict[str, Any]) -> None:
        usage = event.get("usage", {})
        used = usage.get("prompt", 0) + usage.get("completion", 0)
        self.tokens += used
        self.model = event.get("model") or self.model
        if event.get("purpose", "run") == "run":
            self.context = used

    def _tool_started(self, event: dict[str, Any]) -> None:
        if not event.get("checkpoint"):
            what = f"running {event['name']} {subject(event['arguments'])}"
            self._running[event["call_id"]] = cut(one_line(what), 50)
            self.begin(self._running[event["call_id"]])

    def _tool_finished(self, event: dict[str, Any]) -> None:
        self._running.pop(event["call_id"], None)
        self.waiting = ""
        if self._running:
            self.begin(next(iter(self._running.values())))

    def _waits(self, event: dict[str, Any]) -> None:
        self.begin(self._doing or "waiting")
        self.waiting = "waiting for you"

    def _goes_on(self, event: dict[str, Any]) -> None:
        self.waiting = ""
        self.begin("thinking")

    def _ended(self, event: dict[str, Any]) -> None:
        self.rest()


FOLDS = {
    "RunStarted": Phase._started,
    "RunResumed": Phase._goes_on,
    "ModelAsked": Phase._asked,
    "TextStreamed": Phase._streamed,
    "ModelRetried": Phase._retried,
    "ModelReplied": Phase._replied,
    "ToolStarted": Phase._tool_started,
    "ToolFinished": Phase._tool_finished,
    "ApprovalRequested": Phase._waits,
    "QuestionAsked": Phase._waits,
    "ApprovalDecided": Phase._goes_on,
    "QuestionAnswered": Phase._goes_on,
    "RunParked": Phase._ended,
    "RunFinished": Phase._ended,
}
