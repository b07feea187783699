"""Search before create: is there a skill that already says nearly this?"""

from __future__ import annotations

from collections.abc import Sequence

from skills import ranking
from skills.library import Library
from skills.skill import Skill

TWIN = 0.7
"""Likeness from which a new skill is refused in favour of patching the old one. A text with one
word in ten changed keeps 0.85, with one in five 0.75; two skills for different work written after
one template stay below 0.7."""

CANDIDATES = 10


def twin(library: Library, new: Skill) -> Skill | None:
    """The most alike skill that is near enough to be patched instead, if any."""
    text = f"{new.name} {new.description} {new.body}"
    near = [(likeness(new, old), old) for old in library.matches(text, CANDIDATES)]
    best = max(near, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= TWIN else None


def likeness(one: Skill, other: Skill) -> float:
    """How much two skills say the same, 0 to 1: the same words in name, shared runs of three
    words, or shared words in both description and body, whichever is most."""
    names = set(ranking.terms(one.name)), set(ranking.terms(other.name))
    if names[0] and names[0] == names[1]:
        return 1.0
    about = list(ranking.terms(one.description)), list(ranking.terms(other.description))
    steps = list(ranking.terms(one.body)), list(ranking.terms(other.body))
    words = (_share(set(about[0]), set(about[1])) + _share(set(steps[0]), set(steps[1]))) / 2
    return max(words, _share(_runs(about[0] + steps[0]), _runs(about[1] + steps[1])))


def _share(one: set[str], other: set[str]) -> float:
    """What two sets have in common of all they hold (Jaccard)."""
    return len(one & other) / len(one | other) if one and other else 0.0


def _runs(words: Sequence[str]) -> set[str]:
    return {" ".join(words[at : at + 3]) for at in range(len(words) - 2)}
