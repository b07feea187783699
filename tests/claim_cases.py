"""The cases of claim_cases.txt: what says the same, what contradicts, what stands side by side; and
those of told_again_cases.txt: what says the same, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

SAME, CONTRADICTION, COMPATIBLE, OTHER = "=", ">", "+", "!"


def cases(
    kind: str, *, held_out: bool | None = None, file: str = "claim_cases.txt"
) -> list[list[str]]:
    """The texts of each case; those held out while the rules were written, the others, or all."""
    text = (Path(__file__).parent / file).read_text()
    seen, _, unseen = text.partition("# -- held out")
    part = {True: unseen, False: seen, None: text}[held_out]
    lines = [line for line in part.splitlines() if line.startswith(kind + " ")]
    return [[text.strip() for text in line[2:].split(" | ")] for line in lines]


def told_again(kind: str, *, held_out: bool | None = None) -> list[tuple[str, str]]:
    """The first text of each case with each other one."""
    found = cases(kind, held_out=held_out, file="told_again_cases.txt")
    return [(first, other) for first, *others in found for other in others]


def restatements(texts: list[str]) -> list[str]:
    """Ten ways to say it again: those of the case, and with other case, marks and spaces."""
    first, *others = texts
    bare = first.rstrip(".")
    varied = [bare, bare.upper(), bare.lower() + "!", first.replace(" ", "  "), f"- {first}"]
    return [*others, *varied, f"**{bare}**"][:10]
