"""Packing parts of a text into pieces that fit, with few questions; used by render_split and
render_inline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from wcwidth import iter_graphemes

Fits = Callable[[str], bool]

_LONGEST_GRAPHEME = 16
"""More marks on one letter than any language has are cut like letters."""


class Part(NamedTuple):
    """Something that stays together; `gap` stands between it and the part before. smaller: what
    it can be broken into if it does not fit."""

    text: str
    gap: str = "\n\n"
    smaller: Callable[[], list[Part]] | None = None


def joined(parts: Sequence[Part]) -> str:
    return "".join([part.gap + part.text for part in parts])[len(parts[0].gap) :]


def packed(parts: Sequence[Part], fits: Fits) -> list[str]:
    """As few texts as possible, in order. What does not fit alone and cannot be broken is a text
    of its own."""
    return [joined(group) for group in grouped(parts, fits)]


def grouped(parts: Sequence[Part], fits: Fits) -> list[list[Part]]:
    """The parts of each text."""
    rest = list(reversed(parts))
    groups: list[list[Part]] = []
    size = 0
    while rest:
        group = _first(rest, fits, size)
        size = sum(len(part.text) for part in group)
        if len(group) == 1 and group[0].smaller and not fits(group[0].text):
            _break(rest, group[0].smaller())
        else:
            del rest[-len(group) :]
            groups.append(group)
    return groups


def _first(rest: list[Part], fits: Fits, size: int) -> list[Part]:
    """As many as fit of the parts at the end of `rest`, the last one first. size: characters
    that are likely to fit."""

    def good(count: int) -> bool:
        return fits(joined(rest[: -count - 1 : -1]))

    guess = 0
    for part in reversed(rest):
        size -= len(part.text)
        if size < 0:
            break
        guess += 1
    return rest[: -most(good, len(rest), guess) - 1 : -1]


def _break(rest: list[Part], smaller: list[Part]) -> None:
    """Put the pieces in the place of the last part; what follows keeps off the last piece."""
    rest.pop()
    if rest and smaller:
        gap = max(rest[-1].gap, smaller[-1].gap, key=len)
        rest[-1] = rest[-1]._replace(gap=gap)
    rest.extend(reversed(smaller))


def most(good: Callable[[int], bool], limit: int, guess: int) -> int:
    """The largest count from 1 to `limit` that is good, if all counts below a good one are.
    1 is not asked about. Few questions when the answer is near `guess`."""
    low, high = 1, limit + 1  # low is good, high is not
    near = min(guess, limit)
    if near > 1 and good(near):
        low = near
    elif near > 1:
        high = near
    step = 1
    while high > limit > low:
        probe = min(low + step, limit)
        low, high = (probe, high) if good(probe) else (low, probe)
        step *= 2
    while high <= near and low == 1 and high > 2:
        probe = max(high - step, 2)
        low, high = (probe, high) if good(probe) else (low, probe)
        step *= 2
    while high - low > 1:
        probe = (low + high) // 2
        low, high = (probe, high) if good(probe) else (low, probe)
    return low


def graphemes(text: str, fits: Fits) -> list[str]:
    """Cut a text without any better place to cut it: between characters as people see them."""
    parts = [Part(sign, "") for cluster in iter_graphemes(text) for sign in _bounded(cluster)]
    return packed(parts, fits)


def _bounded(cluster: str) -> list[str]:
    if len(cluster) <= _LONGEST_GRAPHEME:
        return [cluster]
    signs = iter(cluster)
    return list(iter(lambda: "".join(islice(signs, _LONGEST_GRAPHEME)), ""))
