"""What the calls show to be true of this machine and these files: notes, each with its evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.providers.offline.evidence import NOT_FOUND, Tried, named
from agent.providers.offline.review import Asked, Review
from agent.providers.offline.text import as_code, codes, plain


@dataclass(frozen=True, slots=True)
class Fact:
    """A note to write. `evidence`: numbers of calls. `replaces`: the note it is a newer form of,
    empty = it is new."""

    text: str
    evidence: tuple[int, ...]
    replaces: str = ""

    def operation(self) -> dict[str, str]:
        """As the tool `memory` takes it."""
        if not self.replaces:
            return {"action": "add", "target": "memory", "text": self.text}
        return {
            "action": "replace",
            "target": "memory",
            "text": self.text,
            "old_text": self.replaces,
        }


def facts(review: Review, asked: Asked, skill: str) -> list[Fact]:
    """What is not noted yet. `skill`: the one that covers this work, empty = none."""
    known = [*asked.notes, *(note.text for note in review.scene.spoken.notes)]
    return [*_missing_commands(review, known), *_kinds_that_differ(review, known, skill)]


def _missing_commands(review: Review, known: Sequence[str]) -> list[Fact]:
    """Commands that were not found while another way passed for the same kind of file."""
    date = re.search(r"\d{4}-\d{2}-\d{2}", review.scene.spoken.date)
    when = f" (seen {date[0]})" if date else ""
    found: dict[str, Fact] = {}
    for one in review.found:
        other = next((two for two in review.found if two.passed and two.kind == one.kind), None)
        if one.exit != NOT_FOUND or other is None or not one.numbers:
            continue
        missing, works = (as_code(two.command.split()[0]) for two in (one, other))
        opening = f"On this machine {missing} is not installed"
        text = f"{opening}{when}; {works} does the same work."
        if not any(opening in note for note in known):
            found.setdefault(opening, Fact(text, one.numbers + other.numbers))
    return list(found.values())


def _kinds_that_differ(review: Review, known: Sequence[str], skill: str) -> list[Fact]:
    """Where a way that passes for one kind of file fails for another, which skill tells them
    apart. A note about it grows with the kinds that were seen."""
    goal = review.work.goal if review.work else None
    seen = _telling(review.found)
    kinds = {one.kind for one in seen}
    numbers = sorted({number for one in seen for number in one.numbers})
    if goal is None or not skill or not numbers:
        return []
    ending = f"; the skill {as_code(skill)} tells which."
    old = next((note for note in known if note.endswith(ending)), "")
    before = set(codes(old.removesuffix(ending)))
    if kinds <= before:
        return []
    listed = named(sorted(kinds | before))
    text = f"{plain(goal.title, 120)}: the way that works depends on the kind of file, seen for"
    return [Fact(f"{text} {listed}{ending}", tuple(numbers), old)]


def _telling(found: Sequence[Tried]) -> list[Tried]:
    """The tries by which two kinds differ: a way passed for one and never for the other, for
    which another way passed."""
    passed = {(one.kind, one.command) for one in found if one.passed}
    solved = {kind for kind, _ in passed}
    telling: list[Tried] = []
    for failed in found:
        if failed.passed or failed.kind not in solved or (failed.kind, failed.command) in passed:
            continue
        elsewhere = {kind for kind, command in passed if command == failed.command}
        if elsewhere:
            telling.append(failed)
            telling += [
                one for one in found if one.passed and one.kind in {failed.kind, *elsewhere}
            ]
    return list(dict.fromkeys(telling))
