"""A folder of trajectories, one `session_*.json` each: a run numbers them, a batch names them by
their prompts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hermes_home.errors import UsageError
from hermes_home.files import create
from memory.export import session_file
from memory.trajectory import Trajectory

_NUMBERED = re.compile(r"session_(\d{1,9})\.json")


def add(folder: Path, trajectory: Trajectory) -> Path:
    """Write one beside those that are there, whole or not at all; its file."""
    number = max(map(_number, files(folder)), default=0) + 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Somebody else may be writing here, too.
        while not create(path := _numbered(folder, number), session_file(trajectory).encode()):
            number += 1
    except OSError as error:
        raise UsageError(
            f"{_numbered(folder, number)} cannot be written: {error.strerror}"
        ) from error
    return path


def files(folder: Path) -> list[Path]:
    """Those in a folder, by number, then by name."""
    return sorted(folder.glob("session_*.json"), key=lambda path: (_number(path), path.name))


def _numbered(folder: Path, number: int) -> Path:
    return folder / f"session_{number:03}.json"


def _number(path: Path) -> int:
    match = _NUMBERED.fullmatch(path.name)
    return int(match[1]) if match else 0


def read(folder: Path) -> Iterator[tuple[str, Trajectory]]:
    """Every one, by the name of its file. UsageError: there is none, or one is no trajectory."""
    if not (paths := files(folder)):
        raise UsageError(
            f"there is no session_*.json in {folder}",
            "`hermes research run` and `hermes batch` write them.",
        )
    for path in paths:
        try:
            yield path.name, msgspec.convert(json.loads(path.read_bytes()), Trajectory)
        except (OSError, ValueError, RecursionError, msgspec.ValidationError) as error:
            raise UsageError(f"{path} is no trajectory: {error}") from error
