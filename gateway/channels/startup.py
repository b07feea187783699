"""The one notice about a start: work that a crash cut short, and an update."""

from __future__ import annotations

import time
from collections.abc import Container
from typing import TYPE_CHECKING

from agent.conversation import Conversation
from agent.events import RunSuspended
from gateway.channels.base import Place
from hermes_home.files import put
from hermes_home.version import VERSION

if TYPE_CHECKING:
    from gateway.app import App

NOTICE_SECONDS = 3600.0
"""At most one notice about a start in so long."""
CUT_SHORT = "I was cut short and go on where I was."
SHOWN = 5
"""Runs that a notice names, each by so many characters of what was said last."""
WORDS = 60


async def announce(app: App, platforms: Container[str]) -> None:
    """To be called before work goes on. Whoever waits for work that a crash cut short may know;
    so may the owner, on one of the platforms, after an update. An update that the hour keeps
    back is told by a later start: the version stored is the one he knows of."""
    known = _known_version(app)
    cut = [one for one in app.journal.sessions_unfinished() if _crashed(app, one)]
    texts = {chat.address: CUT_SHORT for one in cut for chat in app.chats.attached(one)}
    owner = _owners_chat(app, platforms)
    if owner and known not in ("", VERSION):
        texts[owner] = _update(app, known)
    if texts and time.time() - app.outbox.last("startup") < NOTICE_SECONDS:
        return
    for address, text in sorted(texts.items()):
        await app.outbox.put("", 0, address, text, kind="startup")
    if known != VERSION:
        put(app.home.known_version, VERSION.encode())


def _known_version(app: App) -> str:
    """Empty before the first start."""
    path = app.home.known_version
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _crashed(app: App, session: str) -> bool:
    events = app.journal.read(session)
    return bool(events) and not isinstance(events[-1].event, RunSuspended)


def _owners_chat(app: App, platforms: Container[str]) -> str:
    """Where the owner talked to us last, of what is switched on; empty where there is none."""
    chats = [chat.address for chat in app.chats.private_of_owner()]
    return next((one for one in chats if Place.at(one).platform in platforms), "")


def _update(app: App, known: str) -> str:
    text = f"I was updated from {known} to {VERSION}"
    work = [_words(app, session) for session in app.journal.sessions_unfinished()]
    named = [words for words in work if words]
    if not named:
        return f"{text}."
    more = [f"- and {len(named) - SHOWN} more"] if len(named) > SHOWN else []
    return "\n".join([f"{text} and go on with:", *(f"- {one}" for one in named[:SHOWN]), *more])


def _words(app: App, session: str) -> str:
    """What was said last in a session that goes on; empty for one that waits for a word."""
    conversation = Conversation.replay(app.journal.read(session))
    if conversation.run is None or conversation.run.parked:
        return ""
    line = " ".join((conversation.said[-1] if conversation.said else session).split())
    return line if len(line) <= WORDS else line[: WORDS - 1] + "…"
