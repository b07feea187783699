"""What is asked of the notes, and the steps it comes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from hermes_home.errors import ToolError
from memory.entries import Document, holds_separator, normal

Action = Literal["add", "replace", "remove"]
Target = Literal["memory", "user"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One change to the notes, as a model or the owner asks for it."""

    action: Action
    target: Annotated[Target, "user: facts about the person; memory: everything else"]
    text: Annotated[str, "the new entry"] = ""
    old_text: Annotated[str, "part of exactly one entry, to replace or remove it"] = ""


class Step(NamedTuple):
    """An operation found to be possible: the whole entry before and after, empty = none."""

    target: Target
    before: str
    after: str

    @property
    def action(self) -> Action:
        if not self.before:
            return "add"
        return "replace" if self.after else "remove"

    def carry_out(self, document: Document) -> bool:
        """Whether the entry to change was there."""
        at = document.find(self.before)
        if at is None and self.before:
            return False
        if at is None:
            document.add(self.after)
        elif self.after:
            document.replace(at, self.after)
        else:
            document.remove(at)
        return True


def resolve(operations: Sequence[Operation], entries: Callable[[Target], list[str]]) -> list[Step]:
    """The operations as steps that do not depend on each other, without those that would say
    what is known. ToolError names the first that cannot be done."""
    steps: list[Step] = []
    for number, operation in enumerate(operations, 1):
        others = [step for step in steps if step.target == operation.target]
        try:
            step = _step(operation, entries(operation.target), others)
        except ToolError as error:
            which = f"operation {number}: " if len(operations) > 1 else ""
            hint = f"{error.hint} Nothing was changed.".strip()
            raise ToolError(which + error.message, hint) from error
        if step is not None:
            steps.append(step)
    return steps


def _step(operation: Operation, entries: Sequence[str], earlier: Sequence[Step]) -> Step | None:
    """None if the notes say it already."""
    target, after = operation.target, _new_text(operation)
    before = "" if operation.action == "add" else _only(entries, operation.old_text)
    if before and any(step.before == before for step in earlier):
        raise ToolError("one entry is changed twice", "Say it in one operation.")
    if before and normal(before) == normal(after):
        return Step(target, before, after) if before != after else None
    known = {normal(text) for text in (*entries, *(step.after for step in earlier))}
    if after and normal(after) in known:
        # Said elsewhere in the file: what was to say it, too, goes.
        return Step(target, before, "") if before else None
    return Step(target, before, after)


def _new_text(operation: Operation) -> str:
    text = operation.text.strip()
    if operation.action == "remove":
        return ""
    if not normal(text):
        raise ToolError(f"`{operation.action}` needs the entry's `text`")
    if holds_separator(text):
        raise ToolError("a line of only § separates entries", "Add them one by one.")
    return text


def _only(entries: Sequence[str], old_text: str) -> str:
    """The one entry that holds `old_text`."""
    wanted = old_text.strip()
    if not wanted:
        raise ToolError("`old_text` is missing", "Give a part of the entry that no other has.")
    found = [text for text in entries if wanted in text]
    found = [text for text in found if text == wanted] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise ToolError(f"no entry holds {old_text[:80]!r}", "Copy a part of it exactly.")
    shown = "; ".join(text[:60] for text in found[:5])
    raise ToolError(f"{len(found)} entries hold {old_text[:80]!r}: {shown}", "Give a longer part.")
