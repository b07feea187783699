"""The work since a message as a self-evaluation sees it: calls by number, and what they show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.providers.offline.evidence import Tried, tried
from agent.providers.offline.plan import Progress
from agent.providers.offline.scene import Scene
from agent.providers.offline.transcript import Done, Entry, catalog, dumped
from agent.providers.offline.work import Work, work_of

_CALL = re.compile(
    r"#(\d{1,9}) (\S+) (.*) -> (ok|failed|denied|invalid|skipped|interrupted|open)"
    r"(?:, exit -?\d+)?"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request tells: the calls by number, the skills that match, and the notes."""

    calls: tuple[tuple[int, str, str, str], ...]
    skills: tuple[Entry, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """The work so far as a checkpoint sees it."""

    scene: Scene
    work: Work | None
    progress: Progress
    found: tuple[Tried, ...]


def asked_of(text: str) -> Asked:
    """Read the checkpoint message."""
    calls: list[tuple[int, str, str, str]] = []
    skills: list[Entry] = []
    notes: list[str] = []
    for line in text.split("\n"):
        if found := _CALL.fullmatch(line):
            calls.append((int(found[1]), found[2], found[3], found[4]))
        elif line.startswith(("Skills that match", "skills that match")):
            skills = catalog(line)
        elif line.startswith("Notes:"):
            notes = _notes(text[text.index(line) :].removeprefix("Notes:"))
    return Asked(tuple(calls), tuple(skills), tuple(notes))


def _notes(text: str) -> list[str]:
    """The entries of a list; a line that is indented goes on with the one before."""
    entries = re.split(r"^- ", text.lstrip(), flags=re.MULTILINE)[1:]
    return [entry.replace("\n  ", "\n").strip() for entry in entries]


def review_of(scene: Scene, asked: Asked) -> Review:
    results = _numbered(scene.results, asked)
    scene = replace(scene, results=tuple(results))
    work = work_of(scene.spoken, scene.earlier, results, scene.offered)
    progress = work.progress(results) if work else Progress()
    return Review(scene, work, progress, tuple(tried(progress)))


def _numbered(results: Sequence[Done], asked: Asked) -> list[Done]:
    """The results with the numbers the message gives them, matched from the last one back."""
    numbered = list(results)
    position = len(numbered) - 1
    for number, tool, arguments, status in reversed(asked.calls):
        place = position
        while place >= 0 and not _same(numbered[place], tool, arguments):
            place -= 1
        if place >= 0:
            known = status in ("ok", "failed", "denied", "skipped", "interrupted")
            outcome: Any = status if known else numbered[place].outcome
            numbered[place] = replace(numbered[place], number=number, outcome=outcome)
            position = place - 1
    return numbered


def _same(done: Done, tool: str, arguments: str) -> bool:
    written = dumped(done.arguments)
    return done.tool == tool and (
        written == arguments or (arguments.endswith("…") and written.startswith(arguments[:-1]))
    )
