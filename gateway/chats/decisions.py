"""The owner's word on what waits for him, from a chat or a terminal; and what really came of it.

A decision stays open until somebody decides it: there is no expiry. Late, double and foreign ones
change nothing and are told what the journal says.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

from agent.events import (
    AnyEvent,
    ApprovalDecided,
    ApprovalRequested,
    QuestionAnswered,
    RunFinished,
    Stored,
    ToolFinished,
)
from agent.inputs import Answer, Decision, input_id
from gateway.chats.postings import decided
from gateway.chats.principals import OWNER
from hermes_home.errors import UsageError

if TYPE_CHECKING:
    from gateway.app import App

SETTLE_SECONDS = 1.2
"""How long an answer waits for what it caused."""
ENDS = frozenset({"ApprovalDecided", "QuestionAnswered", "ToolFinished", "RunFinished"})


async def decide(app: App, principal: str, session: str, allow: bool, words: str, key: str) -> str:
    """Carry out `/approve [NUMBER] [session]` or `/deny [NUMBER] [REASON]`."""
    if principal != OWNER:
        raise UsageError("only the owner decides this")
    first, _, rest = words.strip().partition(" ")
    asked = request(app, int(first)) if first.isdigit() else _open_request(app, session)
    if not first.isdigit():
        rest = words.strip()
    if asked is None or not isinstance(asked.event, ApprovalRequested):
        return f"There is no request {first}." if first.isdigit() else "Nothing waits for you here."
    decision = Decision(
        id=input_id(key),
        call_id=asked.event.call_id,
        allow=allow,
        session=allow and rest.strip() == "session",
        reason="" if allow else rest.strip(),
    )
    return await settle(app, asked, decision, key)


def request(app: App, seq: int) -> Stored | None:
    """The request of that number."""
    found = app.journal.read_all(after=seq - 1, limit=1) if 0 < seq < 2**62 else []
    return found[0] if found and found[0].seq == seq else None


def _open_request(app: App, session: str) -> Stored | None:
    """What a session waits for the owner to allow."""
    worker = app.router.workers.get(session)
    waiting = {
        call.id
        for call in (worker.conversation.unanswered if worker else ())
        if call.requested and call.allowed is None
    }
    if not waiting:
        return None
    for stored in reversed(app.journal.read(session)):
        event = stored.event
        if isinstance(event, ApprovalRequested) and event.call_id in waiting:
            return stored
    return None


async def settle(app: App, asked: Stored, input: Decision | Answer, key: str) -> str:
    """Hand it in, unless it is decided already; what the journal then says."""
    with closing(app.journal.subscribe(asked.session, kinds=ENDS)) as coming:
        for stored in app.journal.read(asked.session, asked.seq):
            if text := _outcome(stored.event, input.call_id):
                return f"Already decided. {text}"
        await app.router.submit(asked.session, input, source="decision", key=key)
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                async for one in coming:
                    if isinstance(one, Stored) and (text := _outcome(one.event, input.call_id)):
                        return text
        except TimeoutError:
            pass
    return "Noted; it counts as soon as the run goes on."


def _outcome(event: AnyEvent, call: str) -> str:
    """What an event says about a call that somebody was asked about."""
    if isinstance(event, RunFinished):
        return "The run has ended; nothing waits any more."
    if isinstance(event, ApprovalDecided) and event.call_id == call:
        return decided(event)
    if isinstance(event, QuestionAnswered) and event.call_id == call:
        return f"Answered: {event.text[:150]}"
    if isinstance(event, ToolFinished) and event.call_id == call:
        return "This is no longer asked."
    return ""
