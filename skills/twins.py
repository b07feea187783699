"""Search before create: is there a skill that already does nearly this, perhaps in other words?

Two skills are compared by the words they are about: those of name and description count most, words
of any instruction (run, check, file) little; kindred words and synonyms meet. What is copied but
for the thing it is done to (a dump of MySQL after one of Postgres) is no twin.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations, product

from skills.kin import Kin
from skills.library import Library
from skills.ranking import weigh
from skills.skill import Skill
from skills.synonyms import ACTS, OPPOSITES, SYNONYMS
from skills.words import COMMON, PROCEDURAL, terms

TWIN = 0.29
"""Likeness from which a new skill is refused in favour of patching the old one; chosen on the
fields of tests/twin_cases.txt that are not held out."""

CANDIDATES = 10

_SYNONYM = 0.9
_PLAIN = 0.4
"""What a word of any request or instruction counts."""
_SAME_ACT, _OTHER_ACT, _OPPOSITE = 1.15, 0.85, 0.6
"""What likeness is multiplied by, if the names tell of one act; the key words of none that is the
same; the names of opposite ones."""
_MENTION = 0.6
"""Of what weight a term is about half as telling as one that is everywhere in its skill."""
_CHANCE = 0.025
"""What two skills of n terms have in common by chance is about this times the root of n."""
_COPIED = 0.25
"""Share of runs of three words in common from which one text is taken for a copy of the other."""
_WORTH_A_LOOK = 0.05
"""Likeness by equal words alone, below which kin and synonyms cannot make a twin."""
_HEADING = re.compile(r"^#.*$", re.MULTILINE)
_CLAUSE = re.compile(r"[.:;](?:\s|$)")


class Profile:
    """What of a skill is compared. `rarity`: how rare a term is where it is compared, 0 to 1."""

    def __init__(self, skill: Skill, rarity: Callable[[str], float] = lambda term: 1.0) -> None:
        self.skill = skill
        self.name = set(terms(skill.name))
        self.key = self.name | set(terms(_CLAUSE.split(skill.description, maxsplit=1)[0]))
        self.acts = _acts(self.key)
        self.steps = list(terms(_HEADING.sub("", skill.body)))
        said = weigh(skill.name, skill.description, skill.body)
        self.weights = {
            term: weight / (weight + _MENTION) * (_PLAIN if _plain(term) else rarity(term) ** 0.5)
            for term, weight in said.items()
        }
        self.size = math.sqrt(sum(weight * weight for weight in self.weights.values()))

    @cached_property
    def runs(self) -> set[tuple[str, ...]]:
        words = [*terms(self.skill.description), *self.steps]
        return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}

    @cached_property
    def kin(self) -> Kin:
        return Kin(self.weights.keys())


def twin(library: Library, new: Skill) -> Skill | None:
    """The most alike skill that is near enough to be patched instead, if any."""
    profile = Profile(new, library.rarity)
    text = f"{new.name} {new.description} {new.body}"
    found = library.matches(text, CANDIDATES)
    near = [(compare(profile, Profile(old, library.rarity)), old) for old in found]
    best = max(near, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= TWIN else None


def pairs(skills: Sequence[Skill]) -> Iterator[tuple[Skill, Skill]]:
    """The twins among these skills, the earlier one first."""
    for one, other in combinations([Profile(skill) for skill in skills], 2):
        if compare(one, other) >= TWIN:
            yield one.skill, other.skill


def likeness(one: Skill, other: Skill) -> float:
    """How much two skills say the same, 0 to 1."""
    return compare(Profile(one), Profile(other))


def compare(one: Profile, other: Profile) -> float:
    """The same of two profiles: the cosine of what they are about, each term meeting the nearest
    of the other's, less what chance would give."""
    if one.name and one.name == other.name:
        return 1.0
    if not one.size or not other.size:
        return 0.0
    size = one.size * other.size
    equal = one.weights.keys() & other.weights.keys()
    if sum(one.weights[term] * other.weights[term] for term in equal) < _WORTH_A_LOOK * size:
        return 0.0
    if _copied(one, other) and _own(one, other) and _own(other, one):
        return 0.0
    met = (_met(one, other) + _met(other, one)) / 2 / size * _by_act(one, other)
    chance = min(_CHANCE * math.sqrt(min(len(one.weights), len(other.weights))), 0.5)
    return min(1.0, max(0.0, (met - chance) / (1 - chance)))


def _acts(words: Collection[str]) -> set[int]:
    return {act for word in words for act in ACTS.get(word, ())}


def _by_act(one: Profile, other: Profile) -> float:
    if not one.acts or not other.acts:
        return 1.0
    named = _acts(one.name), _acts(other.name)
    parted = all(named) and not named[0] & named[1]
    if parted and all(frozenset(pair) in OPPOSITES for pair in product(*named)):
        return _OPPOSITE
    if not one.acts & other.acts:
        return _OTHER_ACT
    return 1.0 if parted else _SAME_ACT


def _met(one: Profile, other: Profile) -> float:
    return sum(
        weight * max((near * other.weights[t] for t, near in _kin(other, term).items()), default=0)
        for term, weight in one.weights.items()
    )


def _kin(profile: Profile, term: str) -> Mapping[str, float]:
    """The terms of a profile that this one means, each with how much it counts."""
    kin = profile.kin.of(term)
    for other in SYNONYMS.get(term, ()):
        if other in profile.weights:
            kin[other] = max(_SYNONYM, kin.get(other, 0.0))
    return kin


def _copied(one: Profile, other: Profile) -> bool:
    least = min(len(one.runs), len(other.runs))
    return least > 0 and len(one.runs & other.runs) >= _COPIED * least


def _own(one: Profile, other: Profile) -> list[str]:
    """The key words of a skill, worked with in its steps, that the other never says."""
    return [
        term
        for term in one.key
        if not _plain(term) and not _kin(other, term) and _worked_with(term, one.steps)
    ]


def _worked_with(term: str, steps: Collection[str]) -> bool:
    means = {term, *SYNONYMS.get(term, ())}
    return any(term in step or step in means for step in steps)


def _plain(term: str) -> bool:
    return term in COMMON or term in PROCEDURAL or term.isdigit()
