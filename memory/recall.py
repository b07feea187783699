"""Which notes a prompt gets: those that match what it is about, then the newest."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from memory.words import indexable

_WORD = re.compile(r"[^\W_]{2,}")
_CUT = "… (shortened)"


def choose(entries: Sequence[str], about: str, room: int) -> list[str]:
    """Entries of at most `room` characters together, separators counted as one each; in their
    own order. One that would take more than half the room is shortened."""
    shown = [_shortened(text, room // 2) for text in entries]
    chosen: set[int] = set()
    left = _take(_matching(entries, about), shown, room // 2, chosen) + (room - room // 2)
    newest = [at for at in range(len(entries) - 1, -1, -1) if at not in chosen]
    _take(newest, shown, left, chosen)
    return [shown[at] for at in sorted(chosen)]


def _take(order: Sequence[int], shown: Sequence[str], room: int, chosen: set[int]) -> int:
    """Choose in this order what still fits; the room left."""
    for at in order:
        size = len(shown[at]) + 1
        if size <= room:
            chosen.add(at)
            room -= size
    return room


def _matching(entries: Sequence[str], about: str) -> list[int]:
    """The entries that share words with the request, those with the rarest first."""
    asked = _words(about)
    if not asked or not entries:
        return []
    held = [_words(text) for text in entries]
    counts = Counter(word for words in held for word in words & asked)
    weights = {word: math.log(1 + len(entries) / count) for word, count in counts.items()}
    # Summed in a fixed order: the order of a set would change the last digits, and with them ties.
    scores = [sum(weights[word] for word in sorted(words & asked)) for words in held]
    least = max(scores) / 3
    matching = [at for at, score in enumerate(scores) if score > 0 and score >= least]
    return sorted(matching, key=lambda at: (-scores[at], -at))


@lru_cache(maxsize=8_192)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(indexable(text).casefold()))


def _shortened(text: str, most: int) -> str:
    if len(text) + 1 <= most:
        return text
    return text[: max(0, most - len(_CUT) - 1)] + _CUT if most > len(_CUT) else ""
