"""The summary of a conversation, extracted: requests, calls with outcomes, where work stands."""

from __future__ import annotations

from collections.abc import Sequence

from agent.messages import Message
from agent.providers.offline.scene import scene_of, state_line
from agent.providers.offline.transcript import Done, dumped, finished, last_line, spoken

FIRST_LINE = "[compaction]"
CALLS = 60
"""How many of the last calls a summary lists."""


def summary(messages: Sequence[Message]) -> str:
    """An extractive summary of these messages, of which the last asks for it."""
    before = messages[:-1]
    said = [spoken(message.text).words for message in before if message.role == "user"]
    calls = finished(before)
    parts = [
        "The user asked:\n" + "\n".join(f"- {' '.join(text.split())[:400]}" for text in said[-20:]),
        "Calls and how they ended:\n" + ("\n".join(map(_line, calls[-CALLS:])) or "- none"),
        state_line(scene_of(before, frozenset())),
    ]
    return "\n\n".join(parts)


def _line(done: Done) -> str:
    said = last_line(done.text)[:100]
    return f"- {done.tool} {dumped(done.arguments)[:160]} -> {done.outcome}" + (
        f": {said}" if said else ""
    )
