"""Which skills match a request: Okapi BM25 over name, description and body, no model needed."""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

NAME_WEIGHT, DESCRIPTION_WEIGHT, BODY_WEIGHT = 8, 6, 1

_K1, _B = 1.2, 0.75
_QUERY_CHARACTERS = 4000
_QUERY_TERMS = 32
"""Of a long request the rarest terms decide; the rest would cost time and change little."""

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_STOP = frozenset(
    "a about all also an and any are as at be been but by can could did do does done for from get"
    " had has have how i if in into is it its just let like make many me more most my no not of"
    " on one only or other our out over please should so some such than that the their them then"
    " there these they this to too up us use used user using want was we were what when where"
    " which who why will with would you your".split()
)

Terms = Mapping[str, int]
"""A document's terms and how much each weighs in it."""


def terms(text: str) -> Iterator[str]:
    """The words of a text as they are compared: folded, stemmed, without the commonest. Scripts
    without spaces give pairs of characters."""
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if word in _STOP:
            continue
        if _UNSPACED.match(word):
            yield from (word[at : at + 2] for at in range(max(1, len(word) - 1)))
        else:
            yield stem(word)


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """A word without its commonest English endings: reports, reporting, reported -> report."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 3 and re.search("[aeiouy]", root):
            word = root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def weigh(name: str, description: str, body: str) -> Terms:
    """The terms of one skill."""
    weights: Counter[str] = Counter()
    fields = ((name, NAME_WEIGHT), (description, DESCRIPTION_WEIGHT), (body, BODY_WEIGHT))
    for text, weight in fields:
        for term, count in Counter(terms(text)).items():
            weights[term] += weight * count
    return weights


class Index:
    """What is searched. Never changes: `updated` gives a new one that shares what stayed."""

    def __init__(self) -> None:
        self._postings: dict[str, dict[str, int]] = {}
        self._held: dict[str, tuple[str, ...]] = {}
        self._lengths: dict[str, int] = {}
        self._norms: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._lengths)

    def updated(self, added: Mapping[str, Terms], removed: Collection[str] = ()) -> Index:
        """An index where `added` replace those of the same key and `removed` are gone."""
        new = Index()
        new._postings = dict(self._postings)
        new._held, new._lengths = dict(self._held), dict(self._lengths)
        owned: set[str] = set()
        for key in {*removed, *added} & self._held.keys():
            for term in new._held.pop(key):
                new._posting(term, owned).pop(key)
                if not new._postings[term]:
                    del new._postings[term]
                    owned.discard(term)
            del new._lengths[key]
        for key, weights in added.items():
            for term, weight in weights.items():
                new._posting(term, owned)[key] = weight
            new._held[key] = tuple(weights)
            new._lengths[key] = sum(weights.values())
        new._norms = _norms(new._lengths)
        return new

    def _posting(self, term: str, owned: set[str]) -> dict[str, int]:
        """This index's own copy of a term's posting list."""
        if term not in owned:
            owned.add(term)
            self._postings[term] = dict(self._postings.get(term, ()))
        return self._postings[term]

    def search(self, text: str, limit: int) -> list[tuple[str, float]]:
        """The keys that match, best first, with their scores; ties by key. To match, a document
        has one of the terms about as often as in its description, or two of them at all."""
        scores: dict[str, float] = {}
        heard: Counter[str] = Counter()
        asked = set(terms(text[:_QUERY_CHARACTERS]))
        for term in self._rarest(asked):
            posting = self._postings[term]
            rarity = math.log(1 + (len(self) - len(posting) + 0.5) / (len(posting) + 0.5))
            for key, weight in posting.items():
                share = weight * (_K1 + 1) / (weight + self._norms[key])
                scores[key] = scores.get(key, 0.0) + rarity * share
                heard[key] += 2 if weight >= DESCRIPTION_WEIGHT else 1
        needed = min(2, len(asked))
        matching = ((key, score) for key, score in scores.items() if heard[key] >= needed)
        return heapq.nsmallest(limit, matching, key=lambda item: (-item[1], item[0]))

    def _rarest(self, asked: set[str]) -> list[str]:
        known = sorted(asked & self._postings.keys())
        return heapq.nsmallest(_QUERY_TERMS, known, key=lambda term: len(self._postings[term]))


def _norms(lengths: Mapping[str, int]) -> dict[str, float]:
    average = sum(lengths.values()) / len(lengths) if lengths else 1.0
    return {key: _K1 * (1 - _B + _B * length / average) for key, length in lengths.items()}
