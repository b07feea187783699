"""Spans of whole numbers: [start, end] holds start, but not end."""

from __future__ import annotations

Span = list[int]


def overlap(one: Span, other: Span) -> int:
    """How many numbers both hold; 0 if they do not meet."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def merge(spans: list[Span]) -> list[Span]:
    """The same numbers in as few spans as possible, in order. Spans that touch become one; those
    that hold nothing are left out. ValueError if one ends before it starts."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if end < start:
            raise ValueError(f"{start} to {end} ends before it starts")
        if end == start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def total(spans: list[Span]) -> int:
    """How many different numbers the spans hold together."""
    return sum(end - start for start, end in merge(spans))


def gaps(spans: list[Span], start: int, end: int) -> list[Span]:
    """The parts of [start, end] that no span holds, in order."""
    found: list[Span] = []
    at = start
    for first, last in merge(spans):
        if first >= end:
            break
        if first > at:
            found.append([at, first])
        at = max(at, last)
    if at < end:
        found.append([at, end])
    return found


def busiest(spans: list[Span]) -> list[int]:
    """[how many, number]: the most spans that hold the same number, and the lowest number that so
    many hold. [0, 0] without any."""
    best = [0, 0]
    for at in sorted({start for start, end in spans if end > start}):
        here = sum(start <= at < end for start, end in spans)
        if here > best[0]:
            best = [here, at]
    return best
