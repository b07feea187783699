"""A notes file as entries, separated by lines with only §. Untouched entries keep their bytes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

SIMILAR = 0.6
"""From this likeness on, an entry that took another's place counts as its new wording."""

PAIRS = 2_500
"""More pairs than this are not compared: a file written anew has no new wordings."""

_SEPARATOR = re.compile(r"(^[ \t]*§[ \t]*\r?(?:\n|\Z))", re.MULTILINE)
_EDGES = " \t\r\n\ufeff"


class Document:
    """One notes file. `texts` are the entries without the blank space around them."""

    def __init__(self, text: str) -> None:
        # Entries at even places, the separators between them at odd ones.
        self._parts = list(_split(text))
        self._newline = "\r\n" if "\r\n" in text else "\n"

    @property
    def texts(self) -> list[str]:
        return [text for text in map(_entry, self._parts[::2]) if text]

    def render(self) -> str:
        return "".join(self._parts)

    def find(self, text: str) -> int | None:
        """The place of the entry `text`, to be given to `replace` and `remove`."""
        for at in range(0, len(self._parts), 2):
            if text and _entry(self._parts[at]) == text:
                return at
        return None

    def says(self, text: str, but: int | None = None) -> bool:
        """Whether an entry, other than the one at `but`, says the same as `text`."""
        places = range(0, len(self._parts), 2)
        return any(at != but and normal(_entry(self._parts[at])) == normal(text) for at in places)

    def add(self, text: str) -> None:
        last = self._parts[-1]
        if not last.strip(_EDGES):
            self._parts[-1] = last + self._written(text) + self._newline
            return
        if not last.endswith("\n"):
            self._parts[-1] = last + self._newline
        self._parts += [f"§{self._newline}", self._written(text) + self._newline]

    def replace(self, at: int, text: str) -> None:
        raw = self._parts[at]
        start = len(raw) - len(raw.lstrip(_EDGES))
        end = len(raw.rstrip(_EDGES))
        self._parts[at] = raw[:start] + self._written(text) + raw[end:]

    def remove(self, at: int) -> None:
        """The entry and one of the separators beside it."""
        if at + 1 < len(self._parts):
            del self._parts[at : at + 2]
        elif at:
            del self._parts[at - 1 : at + 1]
        else:
            self._parts = [""]

    def _written(self, text: str) -> str:
        return self._newline.join(_entry(text).split("\n"))


@lru_cache(maxsize=8)
def _split(text: str) -> tuple[str, ...]:
    """A change looks at the same texts several times."""
    return tuple(_SEPARATOR.split(text))


def holds_separator(text: str) -> bool:
    """Whether writing `text` as one entry would make it several."""
    return _SEPARATOR.search(text) is not None


class Merge(NamedTuple):
    """A document both sides' changes are in. `restored`: entries the save had not known."""

    document: Document
    restored: list[str]


@lru_cache(maxsize=16_384)
def normal(text: str) -> str:
    """What two texts have in common that say the same: case, spaces, final stops aside."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.rstrip(".!。") or folded


def merge_hand(base: str, ours: str, theirs: str) -> str:
    """`theirs`, a save by hand that began at `base`, with what we changed since then.

    By entry: what the hand touched stays as the hand left it; what it did not touch follows us.
    """
    return merge(Document(base).texts, Document(ours).texts, theirs).document.render()


def merge(base: Sequence[str], ours: Sequence[str], theirs: str) -> Merge:
    """`merge_hand` on entries already taken apart."""
    document = Document(theirs)
    restored = []
    for before, after in _changes(base, ours):
        at = document.find(before)
        if before and at is None:
            continue  # the hand touched it
        if at is not None and (not after or document.says(after, but=at)):
            document.remove(at)
        elif at is not None:
            document.replace(at, after)
            restored.append(after)
        elif not document.says(after):
            document.add(after)
            restored.append(after)
    return Merge(document, restored)


def _changes(base: Sequence[str], ours: Sequence[str]) -> list[tuple[str, str]]:
    """What we did since `base`: (before, after), either empty for an entry added or removed."""
    kept = set(base) & set(ours)
    changes: list[tuple[str, str]] = []
    for _, i, j, k, m in SequenceMatcher(None, base, ours, autojunk=False).get_opcodes():
        gone = [text for text in base[i:j] if text not in kept]
        come = [text for text in ours[k:m] if text not in kept]
        changes += paired(gone, come)
        changes += [("", text) for text in come]
    return changes


def paired(gone: list[str], come: list[str]) -> list[tuple[str, str]]:
    """Each entry that is gone with its new wording, empty if there is none. Wordings that were
    found are taken out of `come`."""
    comparable = len(gone) * len(come) <= PAIRS
    pairs = []
    for text in gone:
        ratios = [_likeness(text, other) for other in come] if comparable else []
        best = max(ratios, default=0.0)
        pairs.append((text, come.pop(ratios.index(best)) if best >= SIMILAR else ""))
    return pairs


@lru_cache(maxsize=4_096)
def _likeness(one: str, other: str) -> float:
    """From 0 to 1; 0 also if it is certain to be too little."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= 4 and shorter in longer:
        return 1.0
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= SIMILAR else 0.0


def _entry(raw: str) -> str:
    return raw.strip(_EDGES).replace("\r\n", "\n")
