"""What a task is: any number of instances, each a workspace, what is asked, and who judges it.

An instance follows from its number and a seed alone. It is judged when the agent is done, by the
files that were asked for and nothing else; what they do is done to copies, in a sandbox without
network.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Any

from agent.sandbox.places import PYTHON
from agent.tools.shell import Ran, Shells

SECONDS = 60.0
"""What one command of a verifier may take."""
MOST_BYTES = 4 * 1024 * 1024
"""A file that was asked for and is larger counts as missing."""
REASON_CHARS = 300

Files = dict[str, str]
"""Texts by their path in a workspace."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason`: what was found, in a few words."""

    good: bool
    reason: str


class Bench:
    """Where a verifier works. `made`: the workspace, which is only read. `folder`: for what is run.
    `open`: a sandbox for a folder; each command has one of its own, so that none leaves anything
    for the next."""

    def __init__(self, made: Path, folder: Path, open: Callable[[Path], Shells]) -> None:
        self._made = made
        self._folder = folder
        self._open = open

    def read(self, path: str) -> str | None:
        """A text that was asked for; None if there is no such thing."""
        return written(self._made / path)

    def lay(self, files: Mapping[str, str]) -> Path:
        """A fresh folder that holds these files. Its name does not tell which it is."""
        folder = self._folder / token_hex(8)
        write(folder, files)
        return folder

    async def python(self, folder: Path, *words: str, **environment: str) -> Ran:
        """Python in such a folder; `exit` is None if it took too long."""
        settings = [f"{name}={value}" for name, value in environment.items()]
        command = shlex.join(["env", *settings, str(PYTHON), "-s", "-B", *words])
        shells = self._open(folder)
        try:
            return await shells.run(command, cwd=folder, timeout=SECONDS)
        finally:
            await shells.aclose()

    async def results(
        self, source: str, probes: Sequence[Any], driver: str, **environment: str
    ) -> list[Any] | None:
        """What `driver` found out about a program: it reads {"source", "probes"} from its first
        argument and writes a list of JSON to its second. None if it came to no such end."""
        asked = json.dumps({"source": source, "probes": probes})
        folder = self.lay({"asked.json": asked, "driver.py": driver})
        words = ("-P", "driver.py", "asked.json", "found.json")
        ran = await self.python(folder, *words, **environment)
        found = loads(written(folder / "found.json")) if ran.exit == 0 else None
        return found if isinstance(found, list) else None


Judge = Callable[[Bench], Awaitable[Verdict]]


@dataclass(frozen=True, slots=True)
class Instance:
    """One piece of work: `files` is the workspace it begins with."""

    prompt: str
    files: Files
    judge: Judge


@dataclass(frozen=True, slots=True)
class Task:
    """`kinds`: what the instances are about, in turn. `draw` makes one of a kind."""

    name: str
    summary: str
    kinds: tuple[str, ...]
    draw: Callable[[str, Random], Instance]

    def instance(self, number: int, seed: int) -> Instance:
        """The instance of this number, from 1; the same every time."""
        kind = self.kinds[(number - 1) % len(self.kinds)]
        return self.draw(kind, Random(f"{self.name} {seed} {number}"))


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def written(file: Path) -> str | None:
    """What a command wrote; None if it is missing, no plain file, too large or no UTF-8."""
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MOST_BYTES:
            return None
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def loads(text: str | None) -> Any:
    """Text as JSON; None if it is none."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None


def said(text: str) -> str:
    """What a program printed, in a reason's length: its end, on one line."""
    return " ".join(text.split())[-REASON_CHARS:]


DRIVER = """\
import json, sys, types

asked = json.load(open(sys.argv[1], encoding="utf-8"))
module = types.ModuleType("asked")
sys.modules["asked"] = module
exec(compile(asked["source"], "asked", "exec"), module.__dict__)
found = []
for name, arguments in asked["probes"]:
    try:
        found.append([getattr(module, name)(*arguments)])
    except Exception as error:
        found.append(type(error).__name__)
json.dump(found, open(sys.argv[2], "w", encoding="utf-8"))
"""
"""Calls functions of a program: [result], or the name of what was raised."""
