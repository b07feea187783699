"""Which skills match a request: BM25 over name, description, triggers and body, no model needed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from skills.kin import Kin
from skills.synonyms import SYNONYMS
from skills.words import COMMON, terms

HEARD = 2.5
"""From this weight on a term is one of those the skill is about; in a body alone it rarely is."""

CLEAR_TERMS, CLEAR_SHARE = 2, 0.33
LEAST_SHARE = 0.05
"""From these on of `Hit.about` and `Hit.share` a request is surely of a skill's kind."""

_K1 = 3.0
_OF_COMMON = 0.3
"""What a common word counts beside one that is as rare in the library."""
_SYNONYM = 0.1
"""What a synonym counts beside the word itself: enough to be found where nothing else is."""
_UNSEEN = 50
"""So many skills more, which hold none of the terms, are thought of when terms are called rare."""
_QUERY_CHARACTERS = 4000
_QUERY_TERMS = 24
"""Of a long request the rarest terms decide; the rest would cost time and change little."""


@dataclass(frozen=True, slots=True)
class _Field:
    """How much one mention weighs in a field of `typical` terms, and by how much of its length
    (`even`, 0 to 1) a longer field's mentions weigh less."""

    weight: float
    typical: int
    even: float


_NAME = _Field(8, 3, 0.2)
_DESCRIPTION = _Field(6, 24, 0.4)
_TRIGGERS = _Field(6, 20, 0.3)
_BODY = _Field(1, 200, 0.4)

Terms = Mapping[str, float]
"""A document's terms and how much each weighs in it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that matches. `about`: how many of the request's terms it is about; `share`: how
    much of what the request says, by rarity, these are, 0 to 1."""

    key: str
    score: float
    about: int
    share: float

    @property
    def told(self) -> bool:
        """Whether it has anything to do with the request: `say hi` is about no skill that says
        something."""
        return self.about >= CLEAR_TERMS or (self.about > 0 and self.share > LEAST_SHARE)

    @property
    def clear(self) -> bool:
        """Whether the request is surely of its kind. Of 50 remarks that go on with a task 3 seem
        so, of 300 requests for a skill 3 in 4."""
        return self.about >= CLEAR_TERMS and self.share >= CLEAR_SHARE


_Meant = tuple[str, Mapping[str, float]]
"""A term that was asked for, and the known ones it means."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The documents that say what a term means, by weight (of the terms meant, whichever is most),
    and how much having it tells."""

    weights: Mapping[str, float]
    rarity: float


def weigh(name: str, description: str, body: str, triggers: str = "") -> Terms:
    """The terms of one skill. The weights do not depend on the other skills there are."""
    weights: dict[str, float] = {}
    texts = ((name, _NAME), (description, _DESCRIPTION), (triggers, _TRIGGERS), (body, _BODY))
    for text, field in texts:
        counts = Counter(terms(text))
        length = max(counts.total() / field.typical, 0.3)
        mention = field.weight / (1 - field.even + field.even * length)
        for term, count in counts.items():
            weights[term] = weights.get(term, 0.0) + mention * math.log2(1 + count)
    return weights


class Index:
    """What is searched. Never changes: `updated` gives a new one that shares what stayed."""

    def __init__(self) -> None:
        self._postings: dict[str, dict[str, float]] = {}
        self._held: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._held)

    @cached_property
    def _kin(self) -> Kin:
        return Kin(self._postings.keys())

    def updated(self, added: Mapping[str, Terms], removed: Collection[str] = ()) -> Index:
        """An index where `added` replace those of the same key and `removed` are gone."""
        new = Index()
        new._postings, new._held = dict(self._postings), dict(self._held)
        owned: set[str] = set()
        for key in {*removed, *added} & self._held.keys():
            for term in new._held.pop(key):
                new._posting(term, owned).pop(key)
                if not new._postings[term]:
                    del new._postings[term]
                    owned.discard(term)
        for key, weights in added.items():
            for term, weight in weights.items():
                new._posting(term, owned)[key] = weight
            new._held[key] = tuple(weights)
        return new

    def _posting(self, term: str, owned: set[str]) -> dict[str, float]:
        """This index's own copy of a term's posting list."""
        if term not in owned:
            owned.add(term)
            self._postings[term] = dict(self._postings.get(term, ()))
        return self._postings[term]

    def rarity(self, term: str) -> float:
        """How rare a term is, 0 to 1; in a small library none is much commoner than others."""
        count = len(self) + _UNSEEN
        return math.log(count / (1 + len(self._postings.get(term, ())))) / math.log(count)

    def search(self, text: str, limit: int) -> list[Hit]:
        """What matches, best first; ties by key. To match, a document is about one of the terms,
        or has two of them at all."""
        asked = sorted(set(terms(text[:_QUERY_CHARACTERS])))
        known = [(term, meant) for term in asked if (meant := self._meant(term))]
        groups = [self._group(term, meant) for term, meant in self._rarest(known)]
        said = sum(group.rarity for group in groups)
        said += (len(asked) - len(known)) * self._rarity(0)
        scores: dict[str, float] = {}
        heard: dict[str, int] = {}
        about: dict[str, list[float]] = {}
        for group in groups:
            for key, weight in group.weights.items():
                scores[key] = scores.get(key, 0.0) + group.rarity * weight / (_K1 + weight)
                heard[key] = heard.get(key, 0) + (2 if weight >= HEARD else 1)
                if weight >= HEARD:
                    about.setdefault(key, []).append(group.rarity)
        needed = min(2, len(asked))
        ranked = ((-score, key) for key, score in scores.items() if heard[key] >= needed)
        return [
            Hit(key, -score, len(about.get(key, ())), sum(about.get(key, ())) / said)
            for score, key in sorted(ranked)[:limit]
        ]

    def _meant(self, term: str) -> Mapping[str, float]:
        """The known terms that one asked for may mean, each with how much it counts."""
        kin = self._kin.of(term)
        for other in SYNONYMS.get(term, frozenset()) & self._postings.keys():
            kin.setdefault(other, _SYNONYM)
        return kin

    def _rarest(self, known: Sequence[_Meant]) -> list[_Meant]:
        def holding(meant: _Meant) -> int:
            return max(len(self._postings[other]) for other in meant[1])

        return sorted(known, key=holding)[:_QUERY_TERMS]

    def _group(self, term: str, meant: Mapping[str, float]) -> _Group:
        alone = meant == {term: 1.0}
        weights = self._postings[term] if alone else self._heaviest(meant)
        rarity = self._rarity(len(weights))
        return _Group(weights, rarity * (_OF_COMMON if term in COMMON else 1.0))

    def _heaviest(self, meant: Mapping[str, float]) -> Mapping[str, float]:
        weights: dict[str, float] = {}
        for other, likeness in meant.items():
            for key, weight in self._postings[other].items():
                weights[key] = max(weights.get(key, 0.0), weight * likeness)
        return weights

    def _rarity(self, holding: int) -> float:
        return math.log(1 + (len(self) - holding + 0.5) / (holding + 0.5))
