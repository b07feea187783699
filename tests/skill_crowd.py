"""A library of some hundred skills that are hard to tell apart: every job of a field for every
thing of it, each described as people describe skills, in English, German, French and Spanish, some
with triggers in Chinese, Japanese or German. The tables are in tests/skill_crowd.txt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skills.strict import render

TABLES = Path(__file__).with_suffix(".txt")
PLACES = ("", "branch-office", "customer")
"""Where it is done; a larger crowd does everything for another place too."""


@dataclass(frozen=True)
class Made:
    """One skill of the crowd."""

    name: str
    description: str
    body: str
    triggers: str

    def text(self) -> str:
        """Its SKILL.md."""
        metadata = {"hermes-triggers": self.triggers} if self.triggers else None
        return render(self.name, self.description, self.body, metadata=metadata)


@dataclass
class Field:
    """What is done, `name, description, steps, triggers`, and to which things, `name, thing, tool,
    word` and perhaps a `title` in another script."""

    things: list[list[str]]
    jobs: list[list[str]]

    def made(self, place: str) -> Iterator[Made]:
        for job in self.jobs:
            for thing in self.things:
                yield _made(thing, job, place)


def crowd(count: int) -> list[Made]:
    """The first so many of the crowd, fields taking turns, so that a small one has all of them."""
    fields = _fields()
    ordered = []
    for place in PLACES:
        made = [list(field.made(place)) for field in fields]
        rounds = range(max(map(len, made)))
        ordered += [field[at] for at in rounds for field in made if at < len(field)]
    assert len(ordered) >= count
    return ordered[:count]


def _fields() -> list[Field]:
    fields: list[Field] = []
    for line in TABLES.read_text().splitlines():
        if line.startswith("["):
            fields.append(Field([], []))
        elif line.startswith("* "):
            fields[-1].things.append(_cells(line[2:]))
        elif "|" in line and not line.startswith("#"):
            fields[-1].jobs.append(_cells(line))
    return fields


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def _made(thing: list[str], job: list[str], place: str) -> Made:
    values = dict(zip(("name", "thing", "tool", "word", "title"), thing, strict=False))
    job_name, description, steps, *triggers = [cell.format(**values) for cell in job]
    name = "-".join(part for part in (job_name, values["name"], place) if part)
    where = f" At the {place.replace('-', ' ')}." if place else ""
    lines = [f"# {name.replace('-', ' ')}", "", f"About: {thing[1]} ({thing[3]}).", ""]
    lines += [f"{number}. {step}." for number, step in enumerate(steps.split(" / "), 1)]
    lines += ["", f"Check: the result can be read by `{thing[2]}` and nothing else changed."]
    return Made(name, description + where, "\n".join(lines), "".join(triggers))
