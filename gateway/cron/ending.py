"""What a job's run came to, as its session tells."""

from __future__ import annotations

from agent.events import Answered, RunFinished, RunParked, RunStarted, Stored, ToolFinished
from memory.occurrences import Status


class Done(Exception):
    """An occurrence has come to its end."""

    def __init__(self, status: Status, reason: str = "", output: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.output = status, reason, output


def ending(events: list[Stored], input: str) -> Done | None:
    """What came of the run that an input began; None while it goes on."""
    run = answer = denied = ""
    for stored in events:
        event = stored.event
        if isinstance(event, RunStarted) and event.cause == input:
            run, answer = stored.run, ""
        elif not run or stored.run != run:
            continue
        elif isinstance(event, Answered):
            answer = event.text
        elif isinstance(event, ToolFinished):
            denied = event.text if event.status == "denied" else denied
        elif isinstance(event, RunParked):
            return Done("failed", f"{event.reason}; hermes -r {stored.session} goes on", answer)
        elif isinstance(event, RunFinished):
            return _judged(event, answer, denied)
    return None


def _judged(finished: RunFinished, answer: str, denied: str) -> Done:
    if finished.reason == "blocked":
        why = denied.partition("\n")[0].removeprefix("denied: ")
        return Done("failed", f"it needed what it may not do alone: {why}", answer)
    if finished.reason != "done":
        return Done("failed", finished.error or f"the run ended: {finished.reason}", answer)
    if not answer.strip():
        return Done("failed", "the model gave no answer")
    return Done("ran", "", answer)
