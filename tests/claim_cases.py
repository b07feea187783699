"""The cases of claim_cases.txt: what says the same, what contradicts, what stands side by side."""

from __future__ import annotations

from pathlib import Path

SAME, CONTRADICTION, COMPATIBLE = "=", ">", "+"


def cases(kind: str, *, held_out: bool | None = None) -> list[list[str]]:
    """The texts of each case; those held out while the rules were written, the others, or all."""
    text = (Path(__file__).parent / "claim_cases.txt").read_text()
    seen, _, unseen = text.partition("# -- held out")
    part = {True: unseen, False: seen, None: text}[held_out]
    lines = [line for line in part.splitlines() if line.startswith(kind + " ")]
    return [[text.strip() for text in line[2:].split(" | ")] for line in lines]


def restatements(texts: list[str]) -> list[str]:
    """Ten ways to say it again: those of the case, and with other case, marks and spaces."""
    first, *others = texts
    bare = first.rstrip(".")
    varied = [bare, bare.upper(), bare.lower() + "!", first.replace(" ", "  "), f"- {first}"]
    return [*others, *varied, f"**{bare}**"][:10]
