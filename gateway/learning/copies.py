"""Copies of workspaces, for trials: what is done in one leaves the workspace as it is.

There is one at a time, among the machine's temporary files. Where it is stands in the home before
it is made, so that the next start finds one that a crash left.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from agent.policy import writable_workspace
from hermes_home.errors import HermesError
from hermes_home.files import put
from hermes_home.paths import Home

MOST_BYTES = 100 * 1024 * 1024
MOST_FILES = 20_000
"""A workspace with more is not copied."""

_PREFIX = "hermes-trial-"


class NotCopied(HermesError):
    """This workspace is left out of a trial; the message says why."""


class Copies:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._note = home.run / "trial"

    def make(self, workspace: Path) -> Path:
        """A fresh copy; the one before it is removed."""
        self.clear()
        check_workspace(self._home, workspace)
        folder = Path(tempfile.gettempdir()).resolve() / f"{_PREFIX}{uuid4().hex[:12]}"
        put(self._note, str(folder).encode())
        folder.mkdir(mode=0o700)
        copy = folder / workspace.name
        copy_workspace(workspace, copy)
        return copy

    def clear(self) -> None:
        """Remove the copy, if there is one."""
        try:
            folder = Path(self._note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        if folder.name.startswith(_PREFIX) and folder.is_dir() and not folder.is_symlink():
            remove(folder)
        self._note.unlink()


def copy_workspace(workspace: Path, copy: Path) -> None:
    """Make `copy` hold what the workspace does. Links stay links, so nothing they lead to is
    copied; sockets, pipes and devices are left out. NotCopied says why it cannot be."""
    try:
        shutil.copytree(workspace, copy, symlinks=True, ignore=_special)
        _turn_links(copy, workspace.resolve())
    except OSError as error:
        why = error.strerror or str(error)[:200]
        raise NotCopied(f"its workspace {workspace} cannot be copied: {why}") from error


def remove(folder: Path) -> None:
    """Remove a copy with all that is in it, folders nobody may enter too."""
    for path in _folders(folder):
        path.chmod(0o700)
    shutil.rmtree(folder)


def check_workspace(home: Home, workspace: Path) -> None:
    """NotCopied if it is gone, too large, or more than a workspace."""
    if not workspace.is_dir():
        raise NotCopied(f"its workspace {workspace} is gone")
    if not writable_workspace(home, workspace):
        raise NotCopied(f"its workspace {workspace} holds more than one piece of work")
    files = size = 0
    for entry in _entries(workspace):
        files += 1
        status = entry.stat(follow_symlinks=False)
        size += status.st_size if stat.S_ISREG(status.st_mode) else 0
        if files > MOST_FILES or size > MOST_BYTES:
            raise NotCopied(
                f"its workspace {workspace} has more than {MOST_FILES:,} files or"
                f" {MOST_BYTES >> 20} MB"
            )


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder; no link is followed."""
    try:
        with os.scandir(folder) as found:
            for entry in found:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    yield from _entries(Path(entry))
    except OSError as error:
        raise NotCopied(f"{folder} cannot be read: {error.strerror}") from error


def _folders(folder: Path) -> Iterator[Path]:
    """A folder and all below it, each before what it holds is looked at."""
    yield folder
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _folders(Path(entry))


def _special(folder: str, names: list[str]) -> list[str]:
    kinds = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
    modes = {name: Path(folder, name).lstat().st_mode for name in names}
    return [name for name, mode in modes.items() if not any(kind(mode) for kind in kinds)]


def _turn_links(copy: Path, workspace: Path) -> None:
    """Links that name a place in the workspace by its whole path name it in the copy."""
    links = [Path(entry) for entry in _entries(copy) if entry.is_symlink()]
    for link in links:
        target = link.readlink()
        if target.is_absolute() and target.is_relative_to(workspace):
            link.unlink()
            link.symlink_to(copy / target.relative_to(workspace))


def turned(text: str, workspace: Path, copy: Path) -> str:
    """The text with paths of the workspace as paths of its copy."""
    spellings = {str(workspace), str(workspace.resolve())}
    if workspace.is_relative_to(Path.home()):
        spellings.add(f"~/{workspace.relative_to(Path.home())}")
    found = "|".join(map(re.escape, sorted(spellings, key=len, reverse=True)))
    return re.sub(rf"(?<![\w.~-])(?:{found})(?![\w-]|\.\w)", lambda _: str(copy), text)
