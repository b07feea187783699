"""SKILL.md texts for tests: good ones, and malformed ones made by rule from a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from hermes_home.paths import Home
from skills.strict import render

GOOD = """\
---
name: weekly-report
description: Collect the week's numbers into one report. Use on Fridays.
license: MIT
metadata:
  author: Ann
---

# Weekly report

1. Run `make report`.
"""


def skill_text(name: str, description: str = "", body: str = "") -> str:
    words = name.replace("-", " ")
    return render(name, description or f"Do the {words}.", body or f"1. Run `{name}`.")


def add_skill(folder: Path, text: str, **files: str | bytes) -> Path:
    """Writes a skill; keyword `scripts__run_sh` stands for scripts/run.sh."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(text, encoding="utf-8")
    for key, content in files.items():
        place, _, name = key.partition("__")
        path = folder / place / name.replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def add_home_skill(home: Home, name: str, description: str = "", body: str = "") -> Path:
    return add_skill(home.skills / name, skill_text(name, description, body))


Mutation = Callable[[random.Random, str], str]


def _line(old: str, new: str) -> Mutation:
    return lambda dice, text: text.replace(old, new)


def _insert(what: str) -> Mutation:
    """Puts characters somewhere into the description."""

    def mutate(dice: random.Random, text: str) -> str:
        start = text.index("description: ") + len("description: ") + 1
        at = dice.randrange(start, text.index("\nlicense"))
        return text[:at] + what + text[at:]

    return mutate


def _cut(dice: random.Random, text: str) -> str:
    """Ends somewhere before the frontmatter does."""
    return text[: dice.randrange(4, text.index("\n---\n\n"))]


MUTATIONS: dict[str, Mutation] = {
    "no frontmatter": lambda dice, text: text.split("---\n", 2)[2],
    "byte order mark": lambda dice, text: "\ufeff" + text,
    "leading blank lines": lambda dice, text: "\n" * dice.randint(1, 4) + text,
    "windows line ends": lambda dice, text: text.replace("\n", "\r\n"),
    "cut off": _cut,
    "empty": lambda dice, text: " \n" * dice.randint(0, 3),
    "no name": _line("name: weekly-report\n", ""),
    "empty name": _line("name: weekly-report", "name:"),
    "uppercase name": _line("name: weekly-report", "name: Weekly Report"),
    "punctuated name": _line("name: weekly-report", "name: '../weekly!report'"),
    "other name": _line("name: weekly-report", "name: daily-report"),
    "long name": lambda dice, text: text.replace("weekly-report", "x" * dice.randint(65, 200)),
    "no description": lambda dice, text: "".join(
        line for line in text.splitlines(True) if not line.startswith("description")
    ),
    "long description": lambda dice, text: text.replace(
        "Collect", "word " * dice.randint(300, 900) + "Collect"
    ),
    "description of parts": _line("description: ", "description:\n  - "),
    "colon in value": _insert(": "),
    "value begins with an asterisk": _line("description: ", "description: *really* "),
    "value begins with an ampersand": _line("description: ", "description: &amp "),
    "value begins with a bracket": _line("description: ", "description: [a] [b] "),
    "value begins with an at sign": _line("description: ", "description: @here "),
    "open quote": _line("description: ", 'description: "'),
    "tab indent": _line("  author", "\tauthor"),
    "control character": _insert("\x07"),
    "zero width": _insert("\u200b"),
    "right to left override": _insert("\u202e"),
    "tag characters": _insert("\U000e0041\U000e0042"),
    "unknown field": _line("license: MIT", "version: 1.0\ntags: [a, b]"),
    "nested metadata": _line("  author: Ann", "  author: {name: Ann, id: 7}"),
    "metadata is text": _line("metadata:\n  author: Ann", "metadata: Ann"),
    "tools are a list": _line("license: MIT", "allowed-tools: [Bash, Read]"),
    "long compatibility": _line("license: MIT", "compatibility: " + "python " * 90),
    "field twice": _line("license: MIT", "license: MIT\nlicense: BSD"),
    "two documents": _line("license: MIT", "--- x\nlicense: MIT"),
    "head is a list": _line("name: weekly-report\n", "- a\n- b\n"),
    "head is a scalar": lambda dice, text: "---\njust words\n---\n\nbody\n",
    "deep nesting": _line("license: MIT", "license: " + "[" * 500 + "]" * 500),
    "alias bomb": _line("license: MIT", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"),
    "key is no text": _line("license: MIT", "? [a]\n: b"),
    "a directive": _line("name: weekly-report", "%YAML 9.9\nname: weekly-report"),
    "a lone surrogate": _insert("\ud800"),
}


def malformed(count: int, seed: int = 15) -> Iterator[tuple[str, str]]:
    """(what is wrong, text), each mutation in turn, later ones with a second one on top."""
    dice = random.Random(seed)
    kinds = list(MUTATIONS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        text = MUTATIONS[kind](dice, GOOD)
        if number >= len(kinds) and "description: C" in text and "\nlicense" in text:
            other = dice.choice(["unknown field", "other name", "colon in value", "zero width"])
            text = MUTATIONS[other](dice, text)
            kind = f"{kind}, {other}"
        yield kind, text
