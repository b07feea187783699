"""The last versions of a notes file that we know, to recognise a save that began at an old one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from memory.notes.entries import Document, Merge, merge, paired

KEPT = 50
WINDOW = 86_400.0
"""Seconds an editor may have had a version open."""


class Version(NamedTuple):
    hash: str
    texts: tuple[str, ...]
    entries: frozenset[str]
    at: float


class Versions:
    """What one file held, oldest first; kept in memory only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._versions: list[Version] = []
        self._words: dict[str, str] = {}

    def saw(self, text: str) -> None:
        """The file holds `text` now."""
        hash = _hash(text)
        if self._versions and self._versions[-1].hash == hash:
            return
        # The same entry in many versions is one string.
        texts = tuple(self._words.get(entry, entry) for entry in Document(text).texts)
        self._words = {entry: entry for entry in texts}
        self._versions.append(Version(hash, texts, frozenset(texts), self._clock()))
        del self._versions[:-KEPT]

    def merged(self, text: str) -> Merge:
        """`text`, found in the file, with what the save that wrote it had not known.

        A save began at the version it differs least from, the newest if several. It is taken as
        it is if that is the newest; also if it is an older version unchanged: then a person took
        back what we had added.
        """
        hash = _hash(text)
        if not self._versions or any(known.hash == hash for known in self._versions):
            return Merge(Document(text), [])
        found = frozenset(Document(text).texts)
        base = min(reversed(self._open()), key=lambda known: _distance(known, found))
        newest = self._versions[-1]
        if base is newest:
            return Merge(Document(text), [])
        return merge(base.texts, newest.texts, text)

    def _open(self) -> list[Version]:
        """The versions an editor may still hold: replaced within the window."""
        limit = self._clock() - WINDOW
        followers = [*self._versions[1:], None]
        return [
            known
            for known, next in zip(self._versions, followers, strict=True)
            if next is None or next.at >= limit
        ]


def _distance(known: Version, found: frozenset[str]) -> int:
    """How many entries were removed, added or worded anew."""
    # In a fixed order, so that the same texts always make the same pairs.
    gone, come = sorted(known.entries - found), sorted(found - known.entries)
    return len(paired(gone, come)) + len(come)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
