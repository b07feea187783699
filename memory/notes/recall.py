"""Which notes a prompt gets: those that match what it is about, then those of its workspace, then
the newest. And which a search finds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from memory.notes.known import CUT, standing
from memory.notes.scope import parse
from memory.notes.wording import stems_in, stems_of

MOST_MATCHING = 200
FEW_CHARACTERS = 20
"""Entries are mostly longer: how many of the newest are looked at for a prompt hangs on it."""


def choose(entries: Sequence[str], about: str, room: int) -> list[str]:
    """Entries of at most `room` characters together, separators counted as one each; in their
    own order, and none that a newer one of them repeats or supersedes. One that would take more
    than half the room is shortened."""
    shown = [_shortened(text, room // 2) for text in entries]
    matching = _matching(entries, about)[:MOST_MATCHING]
    # The sort keeps the newest first among those of the workspace, and among the others.
    newest = sorted(range(len(entries))[::-1], key=lambda at: not parse(entries[at]).place)
    pool = sorted({*matching, *newest[: room // FEW_CHARACTERS]})
    current = {pool[at] for at in standing([entries[at] for at in pool])}
    chosen: set[int] = set()
    half = [at for at in matching if at in current]
    left = _take(half, shown, room // 2, chosen) + (room - room // 2)
    _take([at for at in newest if at in current - chosen], shown, left, chosen)
    return [shown[at] for at in sorted(chosen)]


def search(entries: Sequence[str], query: str, limit: int) -> list[str]:
    """The entries that match best, the newest of equals first."""
    return [entries[at] for at in list(_ranked(entries, query))[:limit]]


def _take(order: Sequence[int], shown: Sequence[str], room: int, chosen: set[int]) -> int:
    """Choose in this order what still fits; the room left."""
    for at in order:
        size = len(shown[at]) + 1
        if size <= room:
            chosen.add(at)
            room -= size
    return room


def _matching(entries: Sequence[str], about: str) -> list[int]:
    """The entries that match about as well as the best one."""
    ranked = _ranked(entries, about)
    best = max(ranked.values(), default=0.0)
    return [at for at, score in ranked.items() if score * 3 >= best]


def _ranked(entries: Sequence[str], about: str) -> dict[int, float]:
    """The entries that share words with a text, with their scores, the best first. A word counts
    the more the fewer entries hold it."""
    asked = stems_in(about)
    held = [stems_of(text) & asked for text in entries] if asked else []
    counts = Counter(word for words in held for word in words)
    weights = {word: math.log(1 + len(entries) / count) for word, count in counts.items()}
    # Summed in a fixed order: the order of a set would change the last digits, and with them ties.
    scores = {at: sum(weights[w] for w in sorted(words)) for at, words in enumerate(held) if words}
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], -pair[0])))


def _shortened(text: str, most: int) -> str:
    if len(text) + 1 <= most:
        return text
    return text[: max(0, most - len(CUT) - 1)] + CUT if most > len(CUT) else ""
