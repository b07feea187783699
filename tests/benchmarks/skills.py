"""Reading and searching a library of skills, against SQLite FTS5 over the same texts."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from hermes_home.paths import Home
from skills.library import BUNDLED, Library
from skills.skill import Skill
from skills.triggers import triggers
from tests.benchmarks.bench import Bench
from tests.benchmarks.table import FLOOR
from tests.retrieval_cases import Case, cases
from tests.skill_crowd import crowd

TITLE = "skills"
FOUND = 3
ROUNDS = 5


def measure(bench: Bench) -> None:
    made = crowd(50 if bench.quick else 1000)
    home = Home(bench.folder / bench.name("skills"))
    for one in made:
        folder = home.skills / one.name
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(one.text())
    begun = time.perf_counter()
    library = Library(home, bundled=BUNDLED)
    library.matches("anything")
    ours = time.perf_counter() - begun
    with closing(sqlite3.connect(home.root / "floor.db")) as floor:
        theirs = _load(floor, list(library.usable().values()))
        _add(bench, f"{len(made):,} of them read and indexed", "ms", 1e3 * ours, 1e3 * theirs)
        _searches(bench, library, floor, len(made))


def _searches(bench: Bench, library: Library, floor: sqlite3.Connection, count: int) -> None:
    def ours(case: Case) -> list[str]:
        return [skill.name for skill in library.matches(case.request, FOUND)]

    def theirs(case: Case) -> list[str]:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", case.request))
        rows = floor.execute(SEARCH, (words, FOUND))
        return [str(name) for (name,) in rows]

    asked = [case for case in cases() if any(map(case.means, library.usable()))]
    times = _times(ours, asked), _times(theirs, asked)
    for share, name in ((0.5, "median"), (0.95, "p95")):
        figures = [sorted(one)[int(len(one) * share)] for one in times]
        _add(bench, f"a request among {count:,}, {name}", "ms", *figures)
    right = [100 * _recall(search, asked) for search in (ours, theirs)]
    _add(bench, f"the right one among the first {FOUND}", "%", *right)


SEARCH = "select name from skills where skills match ? order by bm25(skills, 8, 6, 1) limit ?"


def _load(floor: sqlite3.Connection, skills: list[Skill]) -> float:
    """The seconds to read the same files and index their texts."""
    begun = time.perf_counter()
    columns = "name, description, body, tokenize = 'porter unicode61 remove_diacritics 2'"
    floor.execute(f"create virtual table skills using fts5({columns})")
    for skill in skills:
        (skill.folder / skill.file).read_text()
        about = f"{skill.description} {'; '.join(triggers(skill))}"
        floor.execute("insert into skills values (?, ?, ?)", (skill.name, about, skill.body))
    floor.commit()
    return time.perf_counter() - begun


def _times(search: Callable[[Case], list[str]], asked: list[Case]) -> list[float]:
    """Milliseconds of every search; the first round warms up and is not counted."""
    times = []
    for number in range(ROUNDS + 1):
        for case in asked:
            begun = time.perf_counter()
            search(case)
            if number:
                times.append(1e3 * (time.perf_counter() - begun))
    return times


def _recall(search: Callable[[Case], list[str]], asked: list[Case]) -> float:
    return sum(any(map(case.means, search(case))) for case in asked) / len(asked)


def _add(bench: Bench, figure: str, unit: str, ours: float, theirs: float) -> None:
    bench.table.add((TITLE, figure, unit), "hermes", ours)
    bench.table.add((TITLE, figure, unit), FLOOR, theirs, floor="sqlite3 FTS5")
