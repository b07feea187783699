"""The labelled requests of tests/retrieval_cases.txt: which skill is meant by which words."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ACROSS = ">"


@dataclass(frozen=True)
class Case:
    """`names`: the skills that would be right, mostly one, or patterns of them. `language`: of the
    request, which the
    skill's description or triggers share; `de>en` where they do not."""

    language: str
    names: tuple[str, ...]
    request: str

    def means(self, name: str) -> bool:
        return any(fnmatch(name, wanted) for wanted in self.names)


def cases() -> list[Case]:
    """Those in a language of their skill."""
    return [case for case in _all() if ACROSS not in case.language]


def across() -> list[Case]:
    """Those in another language."""
    return [case for case in _all() if ACROSS in case.language]


def remarks() -> list[str]:
    """What is said while a task goes on and changes no subject."""
    return _lines(Path(__file__).with_name("followups.txt"))


def _all() -> list[Case]:
    found = []
    for line in _lines(Path(__file__).with_suffix(".txt")):
        language, names, request = (cell.strip() for cell in line.split("|", 2))
        found.append(Case(language, tuple(names.split(", ")), request))
    return found


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
