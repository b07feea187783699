"""The first tier of skills as the model reads it: the few that match, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skills.skill import Skill

BYTES_LIMIT = 2048
ENTRIES_LIMIT = 8
DESCRIPTION_CUT = 300


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
    left = room - _size(_line(total, []))
    entries: list[str] = []
    names: list[str] = []
    for skill in matching:
        shown = entry(skill)
        left -= _size(shown) + len("; ")
        if len(names) == ENTRIES_LIMIT or left < 0:
            break
        entries.append(shown)
        names.append(skill.name)
    text = _line(total, entries) if names else f"skills: {total}, none matches by its words"
    return Catalog(text if _size(text) <= room else "", tuple(names), tuple(entries), total)


def _line(total: int, entries: list[str]) -> str:
    return f"skills that match (of {total}): {'; '.join(entries)} (skill_view loads one)"


def entry(skill: Skill, limit: int = DESCRIPTION_CUT) -> str:
    """`name — description` on one line, the description cut at `limit` characters."""
    words = " ".join(skill.description.split())
    return f"{skill.name} — {words if len(words) <= limit else words[: limit - 1].rstrip() + '…'}"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
