"""What of a run is to be seen outside the journal, and where: messages for every attached chat.

They are stored together with the event they come from; gateway/chats/delivery.py sends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from agent.events import (
    Answered,
    AnyEvent,
    ApprovalDecided,
    ApprovalRequested,
    ChangeIntended,
    ChangeMade,
    CheckpointFinished,
    Noticed,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunParked,
    ToolFinished,
    UserSpoke,
)
from gateway.chats.principals import OWNER
from gateway.learning.announcing import announced
from memory.chats import Chat
from memory.outbox import TERMINAL, Delivery, Settled

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.worker import Worker

QUOTED = 120
"""Characters of a question from another view that its answer quotes."""
ACTION = 1500
"""Characters of an action that an approval request shows at most."""

Posting = Delivery | Settled


class Asked(msgspec.Struct, omit_defaults=True):
    """The body of an approval or a question. `call` names what waits; `session`: where."""

    text: str
    call: str
    session: str
    choices: tuple[str, ...] = ()


async def postings(app: App, worker: Worker, event: AnyEvent) -> list[Posting]:
    """What this event of a worker's run makes visible."""
    if isinstance(event, Answered):
        return await _answer(app, worker, event)
    if isinstance(event, ApprovalRequested | QuestionAsked):
        return _asked(app, worker, event)
    if isinstance(event, ApprovalDecided | QuestionAnswered | ToolFinished):
        return _settled(worker, event)
    if isinstance(event, CheckpointFinished):
        return await _news(app, worker.session, _evaluated(worker, event))
    if text := _notice(event):
        kind = "control" if isinstance(event, RunFinished) and event.reason == "stopped" else ""
        return await _ending(app, worker, event, text, kind)
    return []


async def told(app: App, session: str, event: AnyEvent) -> list[Posting]:
    """What an event makes visible that no loop emitted: something learned in the run itself, or a
    notice. What a self-evaluation learned is said when it is over."""
    if isinstance(event, Noticed):
        return await _news(app, session, event.text)
    change = app.intent(event.id) if isinstance(event, ChangeMade) else event
    if not isinstance(change, ChangeIntended) or change.actor != "agent" or change.checkpoint:
        return []
    waits = change.status == "proposed"
    if waits != isinstance(event, ChangeIntended):
        return []
    return await _news(app, session, announced(msgspec.to_builtins(change)))


async def _news(app: App, session: str, text: str) -> list[Posting]:
    """A notice where the owner is alone."""
    if not text:
        return []
    alone = sorted({one.address for one in app.chats.attached(session) if _is_owners(one)})
    return [posting for address in alone for posting in await _parts(app, address, text, "notice")]


def _evaluated(worker: Worker, event: CheckpointFinished) -> str:
    """What a self-evaluation changed or proposed, a line each."""
    checkpoint = worker.conversation.checkpoint
    made = checkpoint.changes if checkpoint else []
    return "\n".join(
        announced(msgspec.to_builtins(change))
        for id, change in worker.conversation.proposals.items()
        if change.checkpoint == event.number and (id in made or change.status == "proposed")
    )


async def _answer(app: App, worker: Worker, event: Answered) -> list[Posting]:
    found: list[Posting] = []
    if worker.conversation.source == TERMINAL and event.text:
        found.append(Delivery(TERMINAL, event.text))
    text = event.text or "(done, without a word)"
    quotes = {one: _quote(app, worker.heard, one) for one in _addresses(app, worker)}
    for address, quote in quotes.items():
        found += await _parts(app, address, quote + text)
    return found


async def _ending(app: App, worker: Worker, event: AnyEvent, text: str, kind: str) -> list[Posting]:
    """A run that ends without an answer: said in its draft, where there is one. What comes behind
    a colon is for the owner alone."""
    found: list[Posting] = []
    alone = {one.address for one in app.chats.attached(worker.session) if _is_owners(one)}
    for address in _addresses(app, worker):
        draft = bool(app.outbox.live("draft", worker.run, address))
        ends = isinstance(event, RunFinished)
        shown = text if address in alone else text.partition(":")[0].rstrip(".") + "."
        found += await _parts(app, address, shown, "answer" if draft and ends else kind or "notice")
    return found


def _is_owners(chat: Chat) -> bool:
    """Where details are shown: nobody else reads along."""
    return chat.private and chat.principal == OWNER


async def _parts(app: App, address: str, text: str, kind: str = "answer") -> list[Posting]:
    parts = await app.hub.split(address, text)
    return [Delivery(address, part, kind, number) for number, part in enumerate(parts)]


def _notice(event: AnyEvent) -> str:
    if isinstance(event, RunFinished):
        if event.reason == "stopped":
            return "Stopped."
        if event.reason in ("failed", "limit", "parked"):
            return f"This did not work out: {event.error or event.reason}"
    if isinstance(event, RunParked):
        return f"Paused; any message goes on with it, /stop drops it: {event.reason}"
    if isinstance(event, Noticed):
        return event.text
    return ""


def _addresses(app: App, worker: Worker) -> list[str]:
    """Every chat attached to the session, and those that asked what is answered, each once."""
    asked = {app.inbox.source_of(spoke.input) for spoke in worker.heard}
    attached = {chat.address for chat in app.chats.attached(worker.session)}
    return sorted(attached | {source for source in asked if source.count("/") >= 2})


def _quote(app: App, heard: Iterable[UserSpoke], address: str) -> str:
    """The latest question that is answered here and was asked somewhere else."""
    for spoke in reversed(list(heard)):
        if app.inbox.source_of(spoke.input) != address:
            line = " ".join(spoke.text.split())
            cut = line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
            return f"> {cut}\n\n"
    return ""


def _asked(app: App, worker: Worker, event: ApprovalRequested | QuestionAsked) -> list[Posting]:
    chats = app.chats.attached(worker.session)
    if isinstance(event, QuestionAsked):
        kind, text, choices = "question", event.question, event.choices
    else:
        kind, choices = "approval", ()
        action = event.action if len(event.action) <= ACTION else event.action[:ACTION] + " […]"
        text = f"May I do this? {_sentence(event.reason)}\n\n```\n{action}\n```"
        chats = _of_owner(app, chats)
    body = Asked(text, event.call_id, worker.session, choices)
    raw = msgspec.json.encode(body).decode()
    return [Delivery(address, raw, kind) for address in sorted({chat.address for chat in chats})]


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _of_owner(app: App, chats: Sequence[Chat]) -> list[Chat]:
    """Where the owner is asked what he alone decides: nobody else reads along, if that can be."""
    owned = [chat for chat in chats if chat.principal == OWNER]
    if not owned:
        return []
    return [chat for chat in owned if chat.private] or app.chats.private_of_owner() or owned


def _settled(
    worker: Worker, event: ApprovalDecided | QuestionAnswered | ToolFinished
) -> list[Posting]:
    """The real end of what was asked, once for each call."""
    call = worker.conversation.calls.get(event.call_id)
    if call is None or not (call.requested or call.asked):
        return []
    if isinstance(event, QuestionAnswered):
        return [Settled(call.id, f"Answered: {event.text}")]
    if isinstance(event, ApprovalDecided):
        return [Settled(call.id, f"{decided(event)}\n\n```\n{call.requested[:ACTION]}\n```")]
    if call.allowed is None and call.reply is None:
        return [Settled(call.id, f"No longer asked: {event.text[:200]}")]
    return []


def decided(event: ApprovalDecided) -> str:
    """The owner's decision in words."""
    if not event.allow:
        return "Denied."
    return "Allowed for this session." if event.session else "Allowed once."
