"""What the owner wants forgotten, and how every view hides it. Pure: folded from the journal.

A mask hides the words of a change in all that was said before it was laid: whoever says them again
afterwards has said them anew. What is purged is hidden no more, since nothing is left of it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from agent.events import AnyEvent, ChangeIntended, FileChange, Forgotten, Stored
from agent.learning.hiding import SIGN, Words, plain_lines, telling

TEXTS = frozenset(
    "text quoted preface tail reasoning title action reason error question choices summary report"
    " accomplished worked failed".split()
)
"""Fields that hold what was said or done."""
_OF_SKILLS = frozenset({"offered", "withheld"})
_NAMING = frozenset({"SkillMoved", "RightSet"})
_ESCAPES = re.compile(r"\\+[nrtbf\"/]")


@dataclass(frozen=True)
class Mask:
    """id: the change that is forgotten. until: what was stored before this event is hidden.
    changes: every change that holds the words. paths: the files they stood in, below the home.
    names: of what only these changes keep below files/."""

    id: int
    until: int
    words: Words
    changes: frozenset[int]
    paths: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def value(self, key: str, value: Any) -> Any:
        """One field of an event, as plain data, without the words."""
        if isinstance(value, str):
            if key == "arguments":
                return self.words.out_of_arguments(value)
            return self.words.out_of(value) if key in TEXTS else value
        if isinstance(value, dict):
            return {name: self.value(name, inner) for name, inner in value.items()}
        if not isinstance(value, list):
            return value
        if key in _OF_SKILLS:
            return [ref for ref in value if ref["name"] != self.words.name]
        return [self.value(key, inner) for inner in value]

    def fields(self, seq: int, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        """An event's fields without the words."""
        if seq in self.changes:
            return without_words(fields)
        if seq >= self.until:
            return fields
        if kind == "ChangeIntended":
            return self._other(fields)
        hidden: dict[str, Any] = self.value("", fields)
        if hidden.get("loaded") and kind == "ToolFinished":
            if hidden["loaded"]["name"] == self.words.name:
                del hidden["loaded"]
        elif "loaded" in hidden:
            hidden["loaded"] = self.value("offered", hidden["loaded"])
        if kind in _NAMING:
            name = hidden["name"]
            hidden["name"] = SIGN if name == self.words.name else self.words.out_of(name)
        return hidden

    def _other(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A change of something else, in whose file the words may stand; a skill's are its own."""
        if fields["kind"] == "skill" or not self.words.wholes:
            return fields
        files = [
            {
                key: self.words.wholly(text) if key in ("before", "after") and text else text
                for key, text in file.items()
            }
            for file in fields.get("files", [])
        ]
        return {**fields, "files": files} if files else fields


def without_words(fields: dict[str, Any]) -> dict[str, Any]:
    """A change of which only its place in the history is left."""
    hidden = {
        key: value
        for key, value in fields.items()
        if key not in ("files", "entry_before", "entry_after", "reason")
    }
    return {**hidden, "name": SIGN if fields["kind"] == "skill" else fields["name"]}


class Masks:
    """The masks of a home. `last`: the last event that changed them (see `alters`); 0 = none
    ever. `forgotten`: the changes that were named, and those of which nothing is left."""

    def __init__(
        self,
        masks: Sequence[Mask] = (),
        last: int = 0,
        forgotten: frozenset[int] = frozenset(),
        purged: frozenset[int] = frozenset(),
    ) -> None:
        self.masks = tuple(masks)
        self._places: dict[str, list[int]] = {}
        self._needed: list[tuple[Mask, int]] = []
        for mask in masks:
            for words, needed in mask.words.needed or ():
                for word in words:
                    self._places.setdefault(word, []).append(len(self._needed))
                self._needed.append((mask, needed))
        self.last = last
        self.forgotten = forgotten
        self.purged = purged

    def hide(self, seq: int, kind: str, body: str) -> str:
        """An event's fields as JSON, without what is forgotten; the same text if nothing was."""
        if not self.masks:
            return body
        near = [mask for mask in self._near(seq, body) if seq < mask.until or seq in mask.changes]
        if not near:
            return body
        fields = hidden = json.loads(body)
        for mask in near:
            hidden = mask.fields(seq, kind, hidden)
        return body if hidden == fields else json.dumps(hidden, ensure_ascii=False)

    def _near(self, seq: int, body: str) -> list[Mask]:
        """The masks that may hide something of an event: reading its words once tells that of all
        masks together."""
        if "\\u" in body:
            return list(self.masks)
        if len(self.masks) == 1:
            low = body.casefold() if body.isascii() else normalize("NFKC", body).casefold()
            return [mask for mask in self.masks if _may_hide(mask, seq, low)]
        counts = Counter(
            at for word in telling(_ESCAPES.sub(" ", body)) for at in self._places.get(word, ())
        )
        near = {id(self._needed[at][0]) for at, n in counts.items() if n >= self._needed[at][1]}
        return [
            mask
            for mask in self.masks
            if id(mask) in near or mask.words.needed is None or seq in mask.changes
        ]

    def text(self, text: str) -> str:
        """A text that is no event, kept before any of the masks was laid."""
        for mask in self.masks:
            text = mask.words.out_of(text)
        return text

    def arguments(self, text: str) -> str:
        """The same for a text that may be JSON."""
        for mask in self.masks:
            text = mask.words.out_of_arguments(text)
        return text

    def holding(self, id: int) -> Mask | None:
        """The mask that hides a change; None if there is none, or nothing is left to hide."""
        return next((mask for mask in self.masks if id in mask.changes), None)

    def covers(self, id: int) -> bool:
        """Whether a change holds what is forgotten."""
        return id in self.forgotten or self.holding(id) is not None


def _may_hide(mask: Mask, seq: int, low: str) -> bool:
    needed = mask.words.needed
    return (
        needed is None
        or seq in mask.changes
        or any(sum(word in low for word in words) >= count for words, count in needed)
    )


def alters(event: AnyEvent) -> bool:
    """Whether masks read before this event are to be read anew."""
    return isinstance(event, Forgotten) or (isinstance(event, ChangeIntended) and event.forgets > 0)


def masks_of(events: Iterable[Stored]) -> Masks:
    """The masks in force after these events, of which the kinds about changes count."""
    changes: dict[int, ChangeIntended] = {}
    laid: dict[int, int] = {}
    purged: set[int] = set()
    last = 0
    for stored in events:
        last = stored.seq if alters(stored.event) else last
        if isinstance(stored.event, ChangeIntended):
            changes[stored.seq] = stored.event
        elif isinstance(stored.event, Forgotten):
            id = stored.event.id
            if stored.event.off:
                laid.pop(id, None)
            else:
                laid.setdefault(id, stored.seq)
            if stored.event.purged:
                purged.add(id)
    known = Changes(changes)
    masks = [known.mask(id, until) for id, until in laid.items() if id in changes]
    emptied = {id for id, change in changes.items() if not (change.files or _entries(change))}
    forgotten = frozenset(laid.keys() | (emptied if purged else set()))
    return Masks([mask for mask in masks if mask], last, forgotten, frozenset(purged))


class Changes:
    """The changes of a home by their ids, and by what they are about."""

    def __init__(self, changes: dict[int, ChangeIntended]) -> None:
        self._changes = changes
        self._about: dict[tuple[str, str], list[int]] = {}
        self._removals: dict[int, list[int]] = {}
        for id, change in changes.items():
            about = {change.name} if change.kind == "skill" else _entries(change)
            for thing in about:
                self._about.setdefault((change.kind, thing), []).append(id)
            if change.forgets:
                self._removals.setdefault(change.forgets, []).append(id)

    def mask(self, id: int, until: int) -> Mask | None:
        """What hides change `id` in all that comes before `until`; None if no words are left."""
        change = self._changes[id]
        if not change.files:
            return None
        if change.kind == "skill":
            things = [change.name]
        else:
            things = self._wordings(change, until)
        found = {one for thing in things for one in self._of(change.kind, thing, until)}
        found |= {id, *self._removals.get(id, ())}
        files = [file for one in found for file in self._changes[one].files]
        words = _of_skill(change.name, files) if change.kind == "skill" else Words(tuple(things))
        paths = frozenset(file.path for file in files)
        return Mask(id, until, words, frozenset(found), paths, self._names(found))

    def _names(self, found: set[int]) -> frozenset[str]:
        """What these changes keep below files/, and no other one does."""
        names = set().union(*(_kept_names(self._changes[id]) for id in found))
        if names:
            others = (one for id, one in self._changes.items() if id not in found)
            names = names.difference(*map(_kept_names, others))
        return frozenset(names)

    def _of(self, kind: str, thing: str, until: int) -> list[int]:
        return [id for id in self._about[kind, thing] if id < until]

    def _wordings(self, change: ChangeIntended, until: int) -> list[str]:
        """A note goes with its earlier wordings."""
        entries = [change.entry_after or change.entry_before]
        for entry in entries:
            about = self._of(change.kind, entry, until)
            before = (self._changes[id] for id in about)
            entries += {
                one.entry_before
                for one in before
                if one.entry_after == entry and one.entry_before not in ("", *entries)
            }
        return entries


def _of_skill(name: str, files: Iterable[FileChange]) -> Words:
    """A skill goes with every text it had, whichever of its changes is named."""
    texts = [text for file in files for text in (file.before, file.after) if text]
    described = tuple(sorted(set(filter(None, map(_description, texts)))))
    return Words(described, plain_lines(texts), name)


def _entries(change: ChangeIntended) -> set[str]:
    return {change.entry_before, change.entry_after} - {""}


def _kept_names(change: ChangeIntended) -> set[str]:
    texts = [text for file in change.files if file.kept for text in (file.before, file.after)]
    return set(filter(None, texts))


def _description(text: str) -> str:
    """The one line of a skill that catalogs show."""
    for line in text.split("\n")[:20]:
        if line.startswith("description:"):
            return line.partition(":")[2].strip().strip("\"'")
    return ""
