"""One use of a slash command, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from agent.inputs import RunOptions
from gateway.chats.principals import OWNER
from memory.chats import Chat

if TYPE_CHECKING:
    from gateway.app import App


class Done(msgspec.Struct):
    """What a command did. `session`: switch there; `input`: it started or steered a run, whose
    events follow `after`."""

    text: str = ""
    session: str = ""
    input: str = ""
    after: int = 0


class Listed(msgspec.Struct):
    name: str
    summary: str
    kind: str


@dataclass(frozen=True)
class From:
    """Who uses a command. key: of the event it comes from, so that the same event does the same
    only once; chat: where, None in a terminal."""

    principal: str = OWNER
    key: str = ""
    chat: Chat | None = None


THE_OWNER = From()
"""At a terminal."""


@dataclass(frozen=True)
class Call:
    """One use of a command: where, with what words behind it, and how a run would be made."""

    app: App
    session: str
    words: str
    options: RunOptions
    by: From = THE_OWNER
