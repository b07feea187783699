"""Which notes say the same, and which contradict each other: by rule, never by a model.

What is not certain counts as two different claims: to keep one note too many is the smaller harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from memory.notes.lexicon import (
    ATTRIBUTES,
    CONDITIONS,
    COUNTED,
    DONE_TO,
    HELD,
    INDEFINITE,
    OPPOSITES,
    PLACED,
    PREPOSITIONS,
    PROGRAMS,
    QUANTIFIERS,
    STATE_ENDINGS,
    STATES,
    STEPS,
    THINGS,
    VALUED,
    WEEKDAYS,
    WHERE,
)
from memory.notes.saying import Words, said, turned_round
from memory.notes.wording import SITE, begun, names_of, sentences, words_of

MOST_WORDS = 24
"""Of a longer sentence nothing is understood."""
VALUE_WORDS = 4

_NUMBER = re.compile(r"\d[\d.,:-]*(?:st|nd|rd|th)?(?:%|[a-z]{1,2})?|\d+\.[a-z]+")


class Facet(NamedTuple):
    """One thing a claim settles: what it is about, and what it says of it."""

    about: Words
    says: Words


@lru_cache(maxsize=16_384)
def statements(text: str) -> frozenset[Words]:
    """The sentences of a text, and the order of its orders; two texts with the same ones say the
    same."""
    parts = [(part, said(part)) for part in sentences(text)]
    orders = [words for part, words in parts if _is_order(part)]
    found = {words for _, words in parts if words}
    if len(orders) > 1:
        found.add(("then", *(word for words in orders for word in words)))
    return frozenset(found)


@lru_cache(maxsize=8_192)
def facets(text: str) -> tuple[Facet, ...]:
    """What a text of one sentence settles; nothing if that is not certain."""
    parts = sentences(text)
    return _facets(parts[0]) if len(parts) == 1 else ()


def contradict(one: str, other: str) -> bool:
    """Whether both cannot hold: the same is said of something, and another value is given."""
    return any(exclude(mine, theirs) for mine in facets(one) for theirs in facets(other))


def exclude(one: Facet, other: Facet) -> bool:
    """Whether they give two values of the same."""
    return one.about == other.about and _differ(one.says, other.says)


def _is_order(sentence: str) -> bool:
    """Whether it begins with a program or with what is to be done, as in `drop the table`."""
    first, second, *_ = [*begun(sentence.casefold().strip()).split(), "", ""]
    if first in STEPS | PROGRAMS:
        return True
    return first not in PREPOSITIONS | CONDITIONS | QUANTIFIERS and second in DONE_TO


def _facets(sentence: str) -> tuple[Facet, ...]:
    words = words_of(sentence)
    if len(words) > MOST_WORDS:
        return ()
    single = not INDEFINITE & set(sentence.casefold().split())
    found = list(_choice(words))
    if CONDITIONS & set(words):
        return tuple(found)
    found += _denial(words)
    if single and "not" not in words:
        names = names_of(sentence)
        found += [*_number(words), *_attribute(words, names), *_place(words, names)]
        found += _holder(words)
    return tuple(found)


def _denial(words: Words) -> Iterator[Facet]:
    """Said, and denied."""
    if words.count("not") > 1 or len(words) < 2 or QUANTIFIERS & set(words):
        return
    plain = tuple(OPPOSITES.get(word, word) for word in words if word != "not")
    denials = words.count("not") + sum(word in OPPOSITES for word in words)
    yield Facet(("whether", *turned_round(plain)), (("no", "yes")[denials % 2 == 0],))


def _choice(words: Words) -> Iterator[Facet]:
    """Prefer A over B; use A for B."""
    if "over" in words:
        over = words.index("over")
        yield from _swap(words, over)
    for verb in ("use", "prefer"):
        if verb in words and "for" in words:
            at, purpose = words.index(verb) + 1, words.index("for")
            if 0 < purpose - at <= 2 and not PREPOSITIONS & set(words[at:purpose]):
                yield Facet((*words[:at], *words[purpose:]), words[at:purpose])


def _swap(words: Words, over: int) -> Iterator[Facet]:
    if 2 <= over < len(words) - 1:
        mine, other = words[over - 1], words[over + 1]
        rest = (*words[: over - 1], *words[over + 2 :])
        yield Facet(("over", *sorted((mine, other)), *rest), (mine,))


def _number(words: Words) -> Iterator[Facet]:
    """A number that is a measure, a version or a time, and not one thing's name."""
    start = words.index("=") if "=" in words else 0
    for at in range(start + 1, len(words)):
        word, before = words[at], words[at - 1]
        after = words[at + 1] if at + 1 < len(words) else ""
        if not _NUMBER.fullmatch(word) or (at == 1 and not start and after not in COUNTED):
            continue
        ordinal = word.endswith(("st", "nd", "rd", "th"))
        dotted = "." in word or ":" in word
        if ordinal or dotted or before in VALUED or after in COUNTED or "=" in words[:at]:
            yield Facet(("number", *words[:at], "#", *words[at + 1 :]), (word,))


def _attribute(words: Words, names: frozenset[str]) -> Iterator[Facet]:
    """`the deploy branch is main`."""
    if words.count("=") != 1:
        return
    at = words.index("=")
    subject, value = words[:at], words[at + 1 :]
    relation: Words = ()
    if value and value[0] in WHERE:
        relation, value = value[:1], value[1:]
    if not (subject and value) or len(value) > VALUE_WORDS or PREPOSITIONS & set(value):
        return
    head = next((at for at, word in enumerate(subject) if word in PREPOSITIONS), len(subject)) - 1
    if _kind(value) == "state" or head < 0:
        return
    one = subject[head] in ATTRIBUTES or (subject[head] in THINGS and names & set(value))
    if one or _kind(value) in ("number", "site"):
        yield Facet(("=", *subject, *relation, "=", _kind(value)), value)


def _place(words: Words, names: frozenset[str]) -> Iterator[Facet]:
    """`lives in Porto`, `is deployed to Netlify`."""
    plain = tuple(word for word in words if word != "=")
    for at in range(len(plain) - 2):
        verb = plain[at].removesuffix("ed") if plain[at] not in STATES else plain[at]
        value = plain[at + 2 :]
        known = (plain[at], plain[at + 1]) in PLACED or (verb, plain[at + 1]) in PLACED
        known = known or (verb + "e", plain[at + 1]) in PLACED
        known = known and (plain[at + 1] in ("with", "as") or bool(names & set(value)))
        if known and len(value) <= VALUE_WORDS and not PREPOSITIONS & set(value):
            kind = _kind(value)
            if kind not in ("state", "weekday"):
                yield Facet((*plain[: at + 2], "number" if kind == "number" else "word"), value)


def _holder(words: Words) -> Iterator[Facet]:
    """`Ann owns the billing service`: what is held has one holder."""
    if len(words) >= 3 and words[1] in HELD and not PREPOSITIONS & set(words):
        yield Facet(("held", *words[1:]), words[:1])


def _differ(one: Words, other: Words) -> bool:
    """Whether they are two values; not if one only says more than the other."""
    few, many = sorted((set(one), set(other)), key=len)
    if few <= many:
        return False
    short, long = sorted((one[-1], other[-1]), key=len)
    return not (_kind((short,)) == "number" and long.startswith(short + "."))


def _kind(value: Words) -> str:
    """What sort of value; values of two sorts do not exclude each other."""
    if any(word.rstrip("s") in WEEKDAYS for word in value):
        return "weekday"
    if any(map(SITE.match, value)):
        return "site"
    if any(map(_NUMBER.fullmatch, value)):
        return "number"
    first, last = value[0], value[-1]
    if first in STATES or last in STATES or first.endswith(STATE_ENDINGS):
        return "state"
    return "word"
