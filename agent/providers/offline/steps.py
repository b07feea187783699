"""A message as a list of steps: numbered, bulleted, or "first … then …"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.providers.offline.actions import step_of
from agent.providers.offline.plan import Step
from agent.providers.offline.text import masked, spans

_ITEM = re.compile(r"(?m)^[ \t]{0,8}(?:\d{1,3}[.)]|[-*•])[ \t]+(?=\S|\0)")
_INLINE = re.compile(r"(?:^|(?<=\s))(\d{1,3})[.)]\s+(?=\S|\0)")
_FIRST = re.compile(r"(?i)^\W*(?:please\W+)?first(?:ly)?\b[,:]?\s*")
_THEN = re.compile(
    r"(?i)[\s,;.]*(?:\band\s+)?(?:\bthen\b|\bafter that\b|\bfinally\b|\blastly\b|\bnext\b,)[,:]?\s*"
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one step and the fenced blocks under it."""

    text: str
    blocks: tuple[str, ...] = ()


def listed(text: str) -> list[Words]:
    """The items of the list a message is, empty if it is none."""
    lines = _line_items(text)
    bounds = lines if len(lines) > 1 else _inline_items(text) or lines or _then_items(text)
    return [_words(text[start:end]) for start, end in bounds]


def _line_items(text: str) -> list[tuple[int, int]]:
    return _between([(found.start(), found.end()) for found in _ITEM.finditer(masked(text))], text)


def _inline_items(text: str) -> list[tuple[int, int]]:
    """`1. run x  2. read y` on one line: the numbers must count from one."""
    marks: list[tuple[int, int]] = []
    for found in _INLINE.finditer(masked(text)):
        if int(found[1]) == len(marks) + 1:
            marks.append((found.start(), found.end()))
    return _between(marks, text) if len(marks) > 1 else []


def _then_items(text: str) -> list[tuple[int, int]]:
    hidden = _unquoted(masked(text))
    first = _FIRST.match(hidden)
    thens = [(found.start(), found.end()) for found in _THEN.finditer(hidden)]
    if not thens or (not first and thens[0][0] == 0):
        return []
    return _between([first.span() if first else (0, 0), *thens], text)


def _unquoted(text: str) -> str:
    return re.sub(r'"[^"\n]*"', lambda found: "\0" * len(found[0]), text)


def _between(marks: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    ends = [start for start, _ in marks[1:]] + [len(text)]
    return [(start, end) for (_, start), end in zip(marks, ends, strict=True)] if marks else []


def _words(text: str) -> Words:
    """An item's own words end at the first empty line after them; its blocks follow."""
    pieces: list[str] = []
    blocks: list[str] = []
    position = 0
    for span in spans(text):
        if span.fenced:
            pieces.append(text[position : span.start])
            blocks.append(_dedented(span.code, text[: span.start]))
            position = span.end
    pieces.append(text[position:] if not blocks else "")
    own = "".join(pieces).strip().split("\n\n")[0]
    return Words(own.strip().rstrip(";,"), tuple(blocks))


def _dedented(code: str, before: str) -> str:
    """A block inside a list is indented like its fence."""
    indent = before[before.rfind("\n") + 1 :]
    lines = code.removesuffix(indent.strip("\n") if not indent.strip() else "").split("\n")
    if indent and not indent.strip():
        lines = [line.removeprefix(indent) for line in lines]
    return "\n".join(lines).removesuffix("\n")


def understood(items: list[Words]) -> tuple[list[Step], list[Words]]:
    """The steps, and the items no rule knows."""
    steps: list[Step] = []
    strange: list[Words] = []
    for item in items:
        step = step_of(item.text, item.blocks)
        if step is None:
            strange.append(item)
        else:
            steps.append(step)
    return steps, strange
