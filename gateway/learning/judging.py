"""/good and /bad: the owner's word on the run that a session finished last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.events import RunJudged
from hermes_home.errors import UsageError
from memory.outcomes.outcome import Ground
from memory.outcomes.progress import last_run
from memory.views import title_from

if TYPE_CHECKING:
    from gateway.app import App

REASON_CHARS = 500
GROUNDS: dict[Ground, str] = {
    "judged": "by your word",
    "end": "by how it ended",
    "checks": "by its checks",
    "words": "by what you said next",
    "evaluation": "by its own evaluation",
    "none": "",
}


async def judge(app: App, session: str, *, good: bool, by: str, reason: str = "") -> str:
    """Store the verdict; one line that says what it was about. The last verdict counts."""
    run = await app.index.ask(lambda tables: last_run(tables, session))
    if run is None:
        raise UsageError("no run has ended in this session", "Say /good or /bad after an answer.")
    event = RunJudged(run=run.id, good=good, by=by, reason=reason[:REASON_CHARS])
    await app.record(event, session, run.id)
    word, before = "good" if good else "bad", run.result
    counted = f"{before.outcome} {GROUNDS[before.ground]}".strip()
    return f"“{title_from(run.request)}” counts as {word} from here on (before: {counted})."
