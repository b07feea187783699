"""What controls a run from a chat: /stop, /status, /approve, /deny and pressed buttons.

Nothing here waits for a model, a tool or a channel. What is shown is the state in the journal,
never what somebody meant it to become.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from agent.events import ApprovalRequested, QuestionAsked, Stored
from agent.inputs import Answer, Decision, Stop, input_id
from gateway import commands
from gateway.channels.base import ChannelError, Incoming
from gateway.chats.decisions import SETTLE_SECONDS, decide, request, settle
from gateway.chats.principals import OWNER
from gateway.worker import Worker

if TYPE_CHECKING:
    from gateway.app import App

NAMES = ("stop", "status", "approve", "deny")
PRESS_SECONDS = 10.0

log = logging.getLogger(__name__)


class Speaker(NamedTuple):
    """Who controls, from where, and the key of the event."""

    principal: str
    incoming: Incoming
    key: str


def is_control(incoming: Incoming) -> bool:
    words = commands.addressed(incoming.text).removeprefix("/").split(None, 1)
    slash = incoming.text.startswith("/") and bool(words) and words[0] in NAMES
    return bool(incoming.button) or slash


async def handle(app: App, speaker: Speaker) -> str:
    """Do it; what is to be said about it in the chat, if anything."""
    if speaker.incoming.button:
        text = await _pressed(app, speaker)
        return "" if await _told(app, speaker, text) else text
    name, _, words = commands.addressed(speaker.incoming.text).removeprefix("/").partition(" ")
    session = _session(app, speaker)
    if name == "stop":
        return await _stop(app, speaker, session)
    if name == "status":
        return await _status(app, speaker, session)
    return await decide(app, speaker.principal, session, name == "approve", words, speaker.key)


def _session(app: App, speaker: Speaker) -> str:
    chat = app.chats.find(speaker.incoming.place.address, speaker.principal)
    return chat.session if chat else ""


# -- stop and status ----------------------------------------------------------------------------


async def _stop(app: App, speaker: Speaker, session: str) -> str:
    worker = app.router.workers.get(session)
    if worker is None or not (worker.conversation.run or len(worker.inbox)):
        return "Nothing is running."
    stop = Stop(id=input_id(speaker.key), principal=speaker.principal)
    with closing(app.journal.subscribe(session, kinds=frozenset({"RunFinished"}))) as coming:
        source = speaker.incoming.place.address
        await app.router.submit(session, stop, source=source, key=speaker.key)
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await anext(coming, None)
        except TimeoutError:
            return f"Stopping; {worker.phase} is being ended."
    return ""  # the end of the run says so itself


async def _status(app: App, speaker: Speaker, session: str) -> str:
    worker = app.router.workers.get(session)
    here = f"this chat  {_phase(worker)}"
    if speaker.principal != OWNER or speaker.incoming.group:
        return here  # others read along
    return "\n".join([here, await commands.status_text(app)])


def _phase(worker: Worker | None) -> str:
    if worker is None or worker.conversation.run is None:
        return "at rest"
    return worker.describe()


# -- approvals and questions --------------------------------------------------------------------


async def _pressed(app: App, speaker: Speaker) -> str:
    """A button: `a:NUMBER:once|session|no` or `q:NUMBER:CHOICE`."""
    kind, _, rest = speaker.incoming.button.partition(":")
    number, _, choice = rest.partition(":")
    asked = request(app, int(number)) if number.isdigit() else None
    if asked is None:
        return "This button is none of mine."
    if kind == "a" and isinstance(asked.event, ApprovalRequested):
        if speaker.principal != OWNER:
            return "Only the owner decides this."
        return await settle(app, asked, _decision(speaker, asked.event, choice), speaker.key)
    if kind == "q" and isinstance(asked.event, QuestionAsked) and choice.isdigit():
        return await _choose(app, speaker, asked, asked.event, int(choice))
    return "This button is none of mine."


def _decision(speaker: Speaker, event: ApprovalRequested, choice: str) -> Decision:
    return Decision(
        id=input_id(speaker.key),
        call_id=event.call_id,
        allow=choice in ("once", "session"),
        session=choice == "session",
    )


async def _choose(
    app: App, speaker: Speaker, asked: Stored, event: QuestionAsked, choice: int
) -> str:
    if speaker.principal != OWNER and _session(app, speaker) != asked.session:
        return "This was not asked of you."
    if choice >= len(event.choices):
        return "There is no such choice."
    answer = Answer(
        id=input_id(speaker.key),
        principal=speaker.principal,
        call_id=event.call_id,
        text=event.choices[choice],
    )
    return await settle(app, asked, answer, speaker.key)


async def _told(app: App, speaker: Speaker, text: str) -> bool:
    """Show the result to whoever pressed, where the platform can."""
    channel = app.hub.channel_at(speaker.incoming.place)
    if channel is None or not channel.features.buttons or not speaker.incoming.press:
        return False
    try:
        async with asyncio.timeout(PRESS_SECONDS):
            await channel.answer_press(speaker.incoming.press, text[:200])
    except (ChannelError, TimeoutError) as error:
        log.info("a press was not answered: %s", error)
        return False
    return True
