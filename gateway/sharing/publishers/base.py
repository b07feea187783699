"""What is published, and where to."""

from __future__ import annotations

from dataclasses import dataclass

from skills.sharing.package import File
from skills.skill import Skill


@dataclass(frozen=True, slots=True)
class Publication:
    """A skill and its files, checked. output: a folder; repository, branch: of git, "" = the one it
    shows first. do: carry it out; else only say what would be done. commit, at: what was said would
    be pushed, and the seconds since the epoch it was made at; then that, or nothing, is pushed."""

    skill: Skill
    files: dict[str, File]
    output: str = ""
    repository: str = ""
    branch: str = ""
    private: bool = False
    do: bool = False
    commit: str = ""
    at: int = 0
