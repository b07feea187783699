"""Questions answered from the notes in the tail and earlier talks, quoted with their source."""

from __future__ import annotations

import re

from agent.providers.offline.plan import Action
from agent.providers.offline.report import quoted
from agent.providers.offline.scene import Scene
from agent.providers.offline.text import content_words, masked, shared
from agent.providers.offline.transcript import Note

_TALKS = re.compile(
    r"(?i)\b(?:what|when|where|which|why|how|who|did)\b.{0,40}\b(?:did|do|had|have|has|was|were)?\s*"
    r"\b(?:we|i|you)\b.{0,20}\b(?:talk|talked|say|said|tell|told|decide|decided|discuss|discussed|"
    r"agree|agreed|ask|asked|mention|mentioned|do|did|done|use|used|call|called|write|wrote|run|ran)\b"
    r"|\b(?:our|earlier|past|previous|old|last)\s+(?:\w+\s+)?(?:talks?|sessions?|conversations?|chats?)\b"
    r"|\blast (?:time|week|month|year)\b"
)
_KNOWN = re.compile(
    r"(?i)\b(?:what|do|anything)\b.{0,30}\b(?:know|remember|noted|learned|learnt)\b"
    r"|\bwho am i\b|\b(?:what|which|who|where|when|how)\b.{0,40}\bmy\b"
)
_FILLER = frozenset(
    "talk talked talks session sessions say said tell told did know remember find search "
    "earlier previous past last time conversation conversations anything about".split()
)


def is_question(words: str) -> bool:
    """Whether the words ask for something said or noted before."""
    if len(words) > 500 or "\n" in words or "\0" in masked(words):
        return False
    return bool(_TALKS.search(words) or _KNOWN.search(words))


def search_call(scene: Scene) -> Action | None:
    """The search of earlier talks, if there is something to search for and it was not made yet."""
    query = " ".join(_topic(scene.spoken.words))
    made = any(done.tool == "session_search" for done in scene.results)
    if made or not query or "session_search" not in scene.offered:
        return None
    return Action("session_search", {"query": query})


def _topic(words: str) -> list[str]:
    return [word for word in content_words(words) if word not in _FILLER]


def answer(scene: Scene) -> str:
    """What the notes and the search say, each with where it comes from."""
    parts: list[str] = []
    notes = matching_notes(scene)
    if notes:
        parts.append("From the notes:\n" + "\n".join(f"- {note.text}" for note in notes))
    found = [done.text for done in scene.results if done.tool == "session_search" and done.ok]
    talks = _without_question(found[-1], scene.spoken.words) if found else ""
    if talks:
        parts.append("From earlier talks:\n" + quoted(talks, 2500))
    return "\n\n".join(parts) or "Neither the notes nor earlier talks say anything about that."


def _without_question(found: str, words: str) -> str:
    """The search finds the question as well: it is part of the talks by now."""
    asked = " ".join(words.lower().split())
    return "\n".join(line for line in found.splitlines() if asked not in line.lower()).strip()


def matching_notes(scene: Scene) -> list[Note]:
    """The notes that share a word with the question; all of them if it names no topic."""
    topic = " ".join(_topic(scene.spoken.words))
    if not topic:
        return list(scene.spoken.notes)
    return [note for note in scene.spoken.notes if shared(topic, note.text)[0]]
