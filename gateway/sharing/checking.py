"""What keeps a skill from being published, and what its owner is told first."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gateway.load import load
from gateway.sharing.publishers.base import Publication
from gateway.sharing.publishers.table import PUBLISHERS
from gateway.sharing.sources.folder import read_folder
from hermes_home.errors import SkillError, UsageError
from memory.redaction import SHORTEST, Redactor, holds_key
from skills.sharing.package import Files
from skills.skill import SKILL_FILE, Skill
from skills.strict import check_strict

if TYPE_CHECKING:
    from gateway.app import App

_PLACES = re.compile(
    r"(?<![\w.])(?:/(?:home|Users)/[A-Za-z0-9._-]+|/root(?=/)|[A-Za-z]:\\+Users\\+[A-Za-z0-9._-]+)"
)


@dataclass(frozen=True, slots=True)
class Flag:
    """A line that says more than it should. kind: secret (it keeps the skill back), word (it looks
    like one) or path (of this machine)."""

    file: str
    line: int
    kind: str


async def publish(app: App, name: str, to: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Publish a skill, or say what that would do. SkillError if a strict reader would refuse it, or
    it holds a secret."""
    if to not in PUBLISHERS:
        raise UsageError(f"there is no place {to!r}", f"there are: {', '.join(PUBLISHERS)}")
    await asyncio.to_thread(app.library.refresh)
    skill = app.library.require(name)
    files = await asyncio.to_thread(read_folder, skill.folder)
    _check(skill, files)
    flags = await asyncio.to_thread(flagged, files, app.secret_values(), str(app.home.root))
    if held := [one for one in flags if one.kind == "secret"]:
        places = ", ".join(f"{one.file}:{one.line}" for one in held[:5])
        raise SkillError(
            f"{skill.name} holds a secret: {places}", "take it out, and renew that key"
        )
    done = await load(PUBLISHERS[to])(app, Publication(skill, files, **wanted))
    flags_told = [asdict(one) for one in flags]
    return {"name": skill.name, "to": to, "files": len(files), "flags": flags_told, **done}


def _check(skill: Skill, files: Files) -> None:
    if SKILL_FILE not in files:
        raise SkillError(f"{skill.name} has no file named exactly {SKILL_FILE}", "rename it")
    problems = check_strict(files[SKILL_FILE].data.decode("utf-8", "replace"), skill.name)
    if problems:
        raise SkillError(
            f"{skill.name} is not as the format wants it: {'; '.join(problems)}",
            f"mend it; hermes skills validate {skill.folder} says when it is",
        )


def flagged(files: Files, secrets: list[str], home: str) -> list[Flag]:
    """Every line that holds a secret, or what looks like one, or a path of this machine."""
    redactor = Redactor()
    known = [secret for secret in secrets if len(secret) >= SHORTEST]
    return [
        Flag(path, number, kind)
        for path, file in files.items()
        for number, line in enumerate(file.data.decode("utf-8", "replace").split("\n"), 1)
        for kind in _kinds(line, known, home, redactor)
    ]


def _kinds(line: str, known: list[str], home: str, redactor: Redactor) -> Iterator[str]:
    if holds_key(line) or any(secret in line for secret in known):
        yield "secret"
    elif redactor.text(line) != line:
        yield "word"
    if home in line or _PLACES.search(line):
        yield "path"
