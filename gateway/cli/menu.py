"""Numbered choices at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gateway.cli.output import one_line
from hermes_home.errors import UsageError

MOST = 40
"""Choices that are listed; more are narrowed down by typing a part."""


def need_terminal(instead: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this asks, and there is no terminal", instead)


def choose(title: str, choices: Sequence[str]) -> int | None:
    """The position of the choice made; None for none. A part of a name narrows the list."""
    shown = list(range(len(choices)))
    while True:
        print(title)
        for number, position in enumerate(shown[:MOST], 1):
            print(f"  {number:>2}  {one_line(choices[position])}")
        if len(shown) > MOST:
            print(f"      … {len(shown) - MOST} more: type a part of the name")
        word = ask("number, or Enter for none").lower()
        if not word:
            return None
        if word.isdigit() and 1 <= int(word) <= min(len(shown), MOST):
            return shown[int(word) - 1]
        narrowed = [p for p in range(len(choices)) if word in choices[p].lower()]
        if len(narrowed) == 1:
            return narrowed[0]
        shown = narrowed or shown


def ask(question: str) -> str:
    """One line; the end of input means nothing was said."""
    try:
        return input(f"{question}: ").strip()
    except EOFError:
        return ""


def secret(question: str) -> str:
    from getpass import getpass

    try:
        return getpass(f"{question}: ").strip()
    except EOFError:
        return ""
