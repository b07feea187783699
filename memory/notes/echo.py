"""What a conversation was only reminded of is not learned again, also when it was removed from the
notes meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.conversation import Conversation
from agent.learning.origin import rests_on
from memory.notes.claims import statements
from memory.notes.scope import parse

SEARCH = "session_search"

_HIT = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC, \w+, session .*?\): ")


def echoes(text: str, conversation: Conversation | None) -> bool:
    """Whether all it says was shown from the notes or by a search, and nobody said it now."""
    if conversation is None:
        return False
    said = statements(parse(_HIT.sub("", text)).claim)
    if not said or rests_on(text, conversation.said):
        return False
    return said <= {one for line in _shown(conversation) for one in statements(line)}


def _shown(conversation: Conversation) -> Iterator[str]:
    """What the program told of earlier times, line by line and without what stands before it."""
    tails = [
        message.text.rpartition("<context>\n")[2]
        for message in conversation.messages
        if message.role == "user" and "<context>\n" in message.text
    ]
    found = [call.text for call in conversation.calls.values() if call.name == SEARCH]
    for told in (*tails, *found):
        yield from (parse(_HIT.sub("", line)).claim for line in told.splitlines())
