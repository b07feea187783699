"""The labelled pairs of tests/twin_cases.txt: 200 twins and 200 neighbours for different work in
ten fields, and 100 of each in five fields that were written later."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from skills.skill import Skill, parse
from tests.skill_texts import skill_text

HELD_OUT = ("git", "web", "research", "ml")
"""Of the ten those on which no number in skills/twins.py was chosen."""
LATER = ("kubernetes", "mail", "terraform", "spreadsheets")
"""Written when the rule stood, to see what it is worth where nothing was chosen for it: about half
of these twins were caught. Then synonyms were added, for these fields too."""
UNSEEN = ("support",)
"""Written after that; nothing was changed since."""

Job = list[Skill]
"""One job as three sittings would write it."""


def fields() -> dict[str, list[Job]]:
    """The jobs of each field."""
    blocks = Path(__file__).with_suffix(".txt").read_text().split("\n[")[1:]
    return {name: _jobs(text) for name, text in (block.split("]\n") for block in blocks)}


def _jobs(text: str) -> list[Job]:
    return [[_skill(line) for line in job.splitlines()] for job in text.strip().split("\n--\n")]


def _skill(line: str) -> Skill:
    name, description, steps = line.split(" | ", 2)
    return _written(name, description, steps.split(" / "))


def _written(name: str, description: str, steps: Sequence[str]) -> Skill:
    body = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    return parse(skill_text(name, description, f"# {name}\n\n{body}"), name)


def twins(jobs: Sequence[Job]) -> list[tuple[Skill, Skill]]:
    """Each two of the three, and the first with its steps reordered, one lost and one new, under
    the second's name and description."""
    found: list[tuple[Skill, Skill]] = []
    for job in jobs:
        found += combinations(job, 2)
        found.append((job[0], _shuffled(job[0], job[1])))
    return found


def neighbours(jobs: Sequence[Job]) -> list[tuple[Skill, Skill]]:
    """Two pairs for each two jobs of a field."""
    pairs = combinations(jobs, 2)
    return [pair for one, other in pairs for pair in ((one[0], other[0]), (one[1], other[2]))]


def _shuffled(steps_of: Skill, named_as: Skill) -> Skill:
    lines = [line.partition(". ")[2] for line in steps_of.body.splitlines()[2:]]
    random.Random(steps_of.name).shuffle(lines)
    return _written(named_as.name, named_as.description, [*lines[1:], "Write down what was done"])
