"""The first tier of skills as the model reads it: the few that match, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skills.skill import Skill

BYTES_LIMIT = 2048
ENTRIES_LIMIT = 8
ALWAYS = 3
"""So many of the best matches are shown; more only if they clearly match."""
LATER_BYTES, LATER_ENTRIES = 600, 3
"""Of the lines that tell of skills with a later message."""
DESCRIPTION_CUT = 300
"""Characters of a description in the answers of tools."""

_ALWAYS_FIT = 3
"""Of so many entries none keeps another out by its length: longer ones are cut."""
_SHORTEST = 80


@dataclass(frozen=True, slots=True)
class Catalog:
    """`text` is one line for the prompt ('' without skills or room); `entries` are what it shows,
    each `name — description`, of the skills `names`; `total` is how many skills there are."""

    text: str = ""
    names: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    total: int = 0


def build(matching: Iterable[Skill], total: int, tokens: int) -> Catalog:
    """The catalog of these skills, best first, in at most `tokens` (4 bytes each) and 2 KB. What
    it costs does not depend on `total` but for its digits."""
    room = min(tokens * 4, BYTES_LIMIT)
    if not total:
        return Catalog()
    names, entries = _fitting(matching, total, room, ENTRIES_LIMIT)
    text = _line(total, entries) if names else f"skills: {total}, none matches by its words"
    return Catalog(text if _size(text) <= room else "", names, entries, total)


def later(matching: Iterable[Skill], total: int) -> Catalog:
    """What a later message tells of these skills, in at most LATER_BYTES; '' if there is none."""
    names, entries = _fitting(matching, total, LATER_BYTES, LATER_ENTRIES)
    return Catalog(_line(total, entries) if names else "", names, entries, total)


def _fitting(
    matching: Iterable[Skill], total: int, room: int, most: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names and entries of the first skills that fit into so many bytes."""
    left = room - _size(_line(total, ()))
    longest = max(left // _ALWAYS_FIT - len("; "), _SHORTEST)
    names: list[str] = []
    entries: list[str] = []
    for skill in matching:
        shown = _cut(f"{skill.name} — {' '.join(skill.description.split())}", longest)
        left -= _size(shown) + len("; ")
        if len(names) == most or left < 0:
            break
        entries.append(shown)
        names.append(skill.name)
    return tuple(names), tuple(entries)


def _line(total: int, entries: Iterable[str]) -> str:
    return f"skills that match (of {total}): {'; '.join(entries)} (skill_view loads one)"


def entry(skill: Skill, limit: int = DESCRIPTION_CUT) -> str:
    """`name — description` on one line, the description cut at `limit` characters."""
    words = " ".join(skill.description.split())
    return f"{skill.name} — {words if len(words) <= limit else words[: limit - 1].rstrip() + '…'}"


def _cut(text: str, limit: int) -> str:
    """The text in at most `limit` bytes, cut between words where it has spaces."""
    if _size(text) <= limit:
        return text
    kept = text.encode("utf-8", "replace")[: limit - _size("…")].decode("utf-8", "ignore")
    head, space, tail = kept.rpartition(" ")
    return (head if space and len(tail) < len(kept) // 3 else kept).rstrip() + "…"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
