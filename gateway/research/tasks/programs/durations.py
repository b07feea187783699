"""Lengths of time as text: "1d 2h 3m 4s"."""

from __future__ import annotations

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def parse(text: str) -> int:
    """Seconds. Numbers with a unit, the larger unit first, each unit once; spaces between them do
    not matter, and a bare number is seconds. A leading - makes it negative. ValueError for
    anything else."""
    rest = text.strip().lower()
    sign = -1 if rest.startswith("-") else 1
    rest = rest.removeprefix("-").strip()
    if rest.isdecimal():
        return sign * int(rest)
    seconds, largest = 0, 10**9
    while rest:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        rest = rest[len(digits) :].lstrip()
        unit = UNITS.get(rest[:1], 0)
        if not digits or not unit or unit >= largest:
            raise ValueError(f"not a length of time: {text!r}")
        seconds, largest = seconds + int(digits) * unit, unit
        rest = rest[1:].lstrip()
    if largest == 10**9:
        raise ValueError("there is nothing")
    return sign * seconds


def show(seconds: int) -> str:
    """As text, without the units of which there is none; "0s" for nothing."""
    if seconds < 0:
        return "-" + show(-seconds)
    parts = []
    for unit, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def rounded(seconds: int, step: int) -> int:
    """The nearest multiple of step; halfway between two, the one further from zero. ValueError
    unless step is positive."""
    if step <= 0:
        raise ValueError("a step is positive")
    if seconds < 0:
        return -rounded(-seconds, step)
    return (2 * seconds + step) // (2 * step) * step


def clock(seconds: int) -> str:
    """Hours, minutes and seconds of a day: "01:02:03". After a day it begins anew."""
    hours, rest = divmod(seconds % 86_400, 3_600)
    minutes, left = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}:{left:02}"
