"""What is asked of the notes, and the steps it comes to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

from agent.characters import unseen
from agent.learning.negative import DAYS, negative
from hermes_home.errors import ToolError
from memory.notes.entries import Document, holds_separator, normal
from memory.notes.known import known_by, superseded_by
from memory.notes.scope import parse, shown, written

Action = Literal["add", "replace", "remove"]
Target = Literal["memory", "user"]
TARGETS: tuple[Target, ...] = ("memory", "user")
SUPERSEDE = "supersede"
ENTRY_CHARS = 4_000
"""Of one entry; the file is unbounded."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One change to the notes, as a model or the owner asks for it."""

    action: Action
    target: Annotated[Target, "user: facts about the person; memory: everything else"]
    text: Annotated[str, "the new entry"] = ""
    old_text: Annotated[str, "part of exactly one entry, to replace or remove it"] = ""
    project: Annotated[bool, "it holds in this workspace only"] = False


class Step(NamedTuple):
    """An operation found to be possible: the whole entry before and after, empty = none.
    `supersedes`: it was to be added, and the entry before says otherwise."""

    target: Target
    before: str
    after: str
    supersedes: bool = False

    @property
    def action(self) -> str:
        if not self.before:
            return "add"
        if self.supersedes:
            return SUPERSEDE
        return "replace" if self.after else "remove"

    def carry_out(self, document: Document) -> bool:
        """Whether the entry to change was there."""
        at = document.find(self.before)
        if at is None and self.before:
            return False
        if at is None:
            document.add(self.after)
        elif self.supersedes:
            # What is new stands at the end, where the newest entries are.
            document.remove(at)
            document.add(self.after)
        elif self.after:
            document.replace(at, self.after)
        else:
            document.remove(at)
        return True


def resolve(
    operations: Sequence[Operation], entries: Callable[[Target], list[str]], cwd: str = ""
) -> list[Step]:
    """The operations as steps that do not depend on each other, without those that would say
    what is known. `cwd`: the workspace of entries for one. ToolError names the first that cannot
    be done."""
    steps: list[Step] = []
    entries = lru_cache(entries)
    for number, operation in enumerate(operations, 1):
        try:
            step = _step(operation, entries, steps, cwd)
        except ToolError as error:
            which = f"operation {number}: " if len(operations) > 1 else ""
            hint = f"{error.hint} Nothing was changed.".strip()
            raise ToolError(which + error.message, hint) from error
        if step is not None:
            steps.append(step)
    return steps


def _step(
    operation: Operation,
    entries: Callable[[Target], list[str]],
    earlier: Sequence[Step],
    cwd: str,
) -> Step | None:
    """None if the notes say it already."""
    target = operation.target
    if operation.action == "add":
        return _added(target, _new_text(operation, cwd), entries, earlier)
    touched = {step.before for step in earlier if step.target == target}
    before = _only(entries(target), operation.old_text, _in_other(operation, entries))
    if before in touched:
        raise ToolError("one entry is changed twice", "Say it in one operation.")
    if operation.action == "remove":
        return Step(target, before, "")
    after = _in_its_place(_new_text(operation, cwd), before)
    if before == after:
        return None
    others = [text for text in entries(target) if text != before and text not in touched]
    others += [step.after for step in earlier if step.target == target]
    # Said elsewhere in the file: what was to say it, too, goes.
    known = normal(before) != normal(after) and known_by(after, others)
    return Step(target, before, "" if known else after)


def _added(
    target: Target,
    text: str,
    entries: Callable[[Target], list[str]],
    earlier: Sequence[Step],
) -> Step | None:
    gone = {step.before for step in earlier}
    standing = [entry for entry in entries(target) if entry not in gone]
    new = [step.after for step in earlier]
    if known_by(text, standing + new) or known_by(text, _elsewhere(target, entries, gone)):
        return None
    former = superseded_by(text, standing)
    return Step(target, former, text, bool(former))


def _elsewhere(
    target: Target, entries: Callable[[Target], list[str]], gone: Collection[str]
) -> list[str]:
    """The entries of the other file; none if that cannot be read, which is no reason to refuse."""
    try:
        return [
            entry
            for other in TARGETS
            if other != target
            for entry in entries(other)
            if entry not in gone
        ]
    except ToolError:
        return []


def _new_text(operation: Operation, cwd: str) -> str:
    text = operation.text.strip()
    if not normal(text):
        raise ToolError(f"`{operation.action}` needs the entry's `text`")
    if holds_separator(text):
        raise ToolError("a line of only § separates entries", "Add them one by one.")
    if hidden := unseen(text):
        raise ToolError(f"the entry hides {hidden[0][1]}", "Write it without that character.")
    if len(text) > ENTRY_CHARS:
        raise ToolError(
            f"the entry has {len(text):,} characters of at most {ENTRY_CHARS:,}",
            "Say it shorter, or make several entries of it.",
        )
    if not operation.project or parse(text).place:
        return text
    if not cwd:
        raise ToolError("there is no workspace here", "Leave `project` out.")
    return written(parse(text)._replace(place=shown(cwd)))


def dated(operation: Operation, today: date) -> Operation:
    """That something does not work is told for a while only."""
    scoped = parse(operation.text)
    if scoped.until or not negative(scoped.claim):
        return operation
    until = today + timedelta(days=DAYS)
    return replace(operation, text=written(scoped._replace(until=until)))


def says_again(text: str, entry: str) -> bool:
    """Whether an entry says what `text` says, until whenever."""
    one, other = (written(parse(said)._replace(until=None)) for said in (text, entry))
    return known_by(one, [other])


def same_words(text: str, refused: str) -> bool:
    """Whether a text says what was refused, of the same place; `refused` is in lower case."""
    one, other = parse(text), parse(refused)
    return one.place.casefold() == other.place and says_again(one.claim, other.claim)


def _in_its_place(text: str, before: str) -> str:
    """A new wording holds where the old one did, unless it says where."""
    place = parse(before).place
    return written(parse(text)._replace(place=place)) if place and not parse(text).place else text


def _in_other(operation: Operation, entries: Callable[[Target], list[str]]) -> str:
    """What to do if it is the other file that holds `old_text`; empty if it does not."""
    other: Target = "user" if operation.target == "memory" else "memory"
    wanted = operation.old_text.strip()
    if not any(wanted in text for text in entries(other)):
        return ""
    return f"{other.upper()}.md holds it: the target is {other} (`--to {other}`)."


def _only(entries: Sequence[str], old_text: str, elsewhere: str) -> str:
    """The one entry that holds `old_text`; else ToolError, with `elsewhere` to say where it is."""
    wanted = old_text.strip()
    if not wanted:
        raise ToolError("`old_text` is missing", "Give a part of the entry that no other has.")
    found = [text for text in entries if wanted in text]
    found = [text for text in found if text == wanted] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise ToolError(
            f"no entry holds {old_text[:80]!r}", elsewhere or "Copy a part of it exactly."
        )
    shown = "; ".join(text[:60] for text in found[:5])
    raise ToolError(f"{len(found)} entries hold {old_text[:80]!r}: {shown}", "Give a longer part.")
