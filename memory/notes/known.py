"""What the notes say already, what a new entry supersedes, and which entries still stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from memory.notes.claims import Facet, contradict, exclude, facets, statements
from memory.notes.entries import normal
from memory.notes.saying import Words
from memory.notes.scope import Scoped, covers, parse, same_place
from memory.notes.wording import sentences, stems_of

CUT = "… (shortened)"
"""The end of an entry that a prompt shows a part of."""


def known_by(text: str, entries: Iterable[str]) -> bool:
    """Whether entries that hold wherever `text` does say everything it says."""
    if text.endswith(CUT):
        beginning = normal(text.removesuffix(CUT))
        return any(normal(entry).startswith(beginning) for entry in entries)
    new = parse(text)
    left = set(_sayings(new.claim))
    for entry in _near(new.claim, entries):
        scoped = parse(entry)
        found = left & _sayings(scoped.claim)
        if found and covers(scoped, new):
            left -= found
            if not left:
                return True
    return False


def superseded_by(text: str, entries: Sequence[str]) -> str:
    """The newest entry that does not stand beside `text`: it says otherwise of the same place, or
    the same of a smaller place or a shorter time. Empty if there is none."""
    new = parse(text)
    near = _near(new.claim, reversed(entries))
    return next((entry for entry in near if _gives_way(parse(entry), new)), "")


def standing(entries: Sequence[str]) -> list[int]:
    """The places of the entries (oldest first) that no newer one repeats or supersedes; a hand may
    have left both in the file."""
    said: dict[frozenset[Words], list[Scoped]] = defaultdict(list)
    settled: dict[Words, list[tuple[Scoped, Facet]]] = defaultdict(list)
    kept = []
    for at in range(len(entries) - 1, -1, -1):
        scoped = parse(entries[at])
        sayings, mine = _sayings(scoped.claim), facets(scoped.claim)
        repeated = any(covers(newer, scoped) for newer in said[sayings])
        if repeated or any(_denied(facet, scoped, settled[facet.about]) for facet in mine):
            continue
        kept.append(at)
        said[sayings].append(scoped)
        for facet in mine:
            settled[facet.about].append((scoped, facet))
    return kept[::-1]


def _denied(facet: Facet, scoped: Scoped, newer: Iterable[tuple[Scoped, Facet]]) -> bool:
    return any(same_place(other, scoped) and exclude(facet, theirs) for other, theirs in newer)


def _near(claim: str, entries: Iterable[str]) -> Iterator[str]:
    """The entries that hold at least a third of the words of some sentence: only they are looked at
    closely."""
    asked = [stems_of(sentence) for sentence in sentences(claim)] or [frozenset()]
    for entry in entries:
        held = stems_of(entry)
        if any(len(words & held) * 3 >= len(words) for words in asked):
            yield entry


def _gives_way(old: Scoped, new: Scoped) -> bool:
    if _sayings(old.claim) == _sayings(new.claim):
        return covers(new, old)
    return same_place(old, new) and contradict(old.claim, new.claim)


def _sayings(claim: str) -> frozenset[Words]:
    """What it says; itself, if there are no words in it."""
    return statements(claim) or frozenset([(normal(claim),)])
