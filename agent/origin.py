"""Which words of a text came from somewhere that nobody vouches for.

All tool output is untrusted, the workspace's included. A URL, an address, a command or a run of
eight words is tainted if it stood in untrusted text before the owner or the model first used it.
A call's output comes after its arguments, so it never taints them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

RUN = 8
"""Words in a row that are too many to be a coincidence."""
COMMAND_WORDS = 4
"""A command shorter than this says nothing about where it came from."""

_WORD = re.compile(r"\w+(?:[./:@-]\w+)*")
_ADDRESS = re.compile(r"https?://[^\s<>\"'`)]+|[\w.+-]+@[\w-]+\.[\w.-]+")
_COMMAND = re.compile(r"`([^`\n]+)`|^\s*\$ (.+)$", re.MULTILINE)


def tainted(text: str, sources: Sequence[tuple[bool, str]]) -> list[str]:
    """The parts of `text` whose first appearance in `sources` (trusted?, words; oldest first) is
    untrusted. Parts that appear in none are the author's own."""
    suspects = {_normal(part): part for part in _parts(text)}
    runs = {run for run in suspects if run.count(" ") == RUN - 1}
    found: list[str] = []
    for trusted, source in sources:
        if not suspects:
            break
        for part in _seen(source, suspects, runs):
            original = suspects.pop(part)
            runs.discard(part)
            if not trusted:
                found.append(original)
    return found


def _parts(text: str) -> Iterator[str]:
    yield from _ADDRESS.findall(text)
    for match in _COMMAND.finditer(text):
        command = match.group(1) or match.group(2)
        if len(_WORD.findall(command)) >= COMMAND_WORDS:
            yield command
    words = _WORD.findall(text)
    for start in range(len(words) - RUN + 1):
        yield " ".join(words[start : start + RUN])


def _normal(part: str) -> str:
    return " ".join(_WORD.findall(part.lower()))


def _seen(source: str, suspects: dict[str, str], runs: set[str]) -> set[str]:
    """Which suspects stand in this source."""
    words = _WORD.findall(source.lower())
    joined = f" {' '.join(words)} "
    seen = {part for part in suspects if part not in runs and f" {part} " in joined}
    if runs:
        seen |= runs & {" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}
    return seen
