"""Which known words are meant by one that was asked for: other endings, the same root, and the
parts of compounds. It needs no dictionary, so it serves German, French and Spanish alike:
Sicherung meets sichern and Datenbanksicherung, traduction meets traduire, facturas factura."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from itertools import islice

ENDING, PART, ROOT = 0.8, 0.7, 0.8
"""How much a kindred word counts beside the word itself; one of the same root counts less, the
more of the two differs."""

_ENDINGS = ("s", "e", "n", "en", "er", "ern", "es", "em", "r", "on", "x", "o", "a")
_ROOT_LETTERS, _LEAST_SHARED, _MOST_OF_IT, _MOST_KIN = 6, 0.6, 0.8, 12
_SHORTEST_PART, _SHORTEST_ROOT = 4, 5


class Kin:
    """The kin among `known` words, which must not change."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = known
        self._sorted = sorted(word for word in known if len(word) >= _ROOT_LETTERS)
        self._compounds: dict[str, list[str]] = {}
        for word in self._sorted:
            for part in self._parts(word):
                self._compounds.setdefault(part, []).append(word)

    def of(self, word: str) -> dict[str, float]:
        """The known words meant by this one, each with how much it counts, 1 for itself."""
        kin = {word: 1.0} if word in self._known else {}
        if not word.isalpha() or len(word) < _SHORTEST_PART:
            return kin
        near = [(other, ENDING) for other in _reinflected(word) if other in self._known]
        near += [(other, PART) for other in self._compounds.get(word, ())[:_MOST_KIN]]
        if not kin:
            near += [(part, PART) for part in self._parts(word)]
        near += list(self._same_root(word))
        for other, likeness in near:
            kin[other] = max(likeness, kin.get(other, 0.0))
        return kin

    def _same_root(self, word: str) -> Iterator[tuple[str, float]]:
        root = word[:_ROOT_LETTERS]
        if len(root) < _SHORTEST_ROOT:
            return
        start = bisect_left(self._sorted, root)
        for other in islice(self._sorted, start, start + _MOST_KIN):
            if not other.startswith(root):
                return
            shared = _shared(word, other)
            of_both = 2 * shared / (len(word) + len(other))
            whole = shared >= _MOST_OF_IT * min(len(word), len(other))
            if other != word and (whole or of_both >= _LEAST_SHARED):
                yield other, ROOT * max(of_both, _LEAST_SHARED)

    def _parts(self, word: str) -> list[str]:
        """The known words a compound is made of, with or without a joining s; else none."""
        for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
            first, second = word[:at], word[at:]
            if second in self._known:
                for part in (first, first.removesuffix("s"), first + "e"):
                    if part in self._known and len(part) >= _SHORTEST_PART:
                        return [part, second]
        return []


def _reinflected(word: str) -> Iterator[str]:
    for ending in _ENDINGS:
        yield word + ending
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_PART:
            yield word.removesuffix(ending)


def _shared(one: str, other: str) -> int:
    """How many letters two words begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
