"""Finds skill folders on disk: which are there, and which cannot be taken."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from skills.diagnostic import Diagnostic
from skills.skill import SKILL_FILE

DEEPEST = 4
MOST_FOLDERS = 2000
MOST_FILES = 200

SKIPPED = frozenset({"node_modules", "__pycache__"})
_LEADS_OUT = "leads out of its root through a link; name its real folder in skills.extra_roots"


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that holds skills. layer: home, workspace, extra or bundled. `within`: the folder
    nothing in it may lead out of."""

    path: Path
    layer: str
    within: Path


@dataclass(frozen=True, slots=True)
class Found:
    """One SKILL.md. `stamp` changes when the file does."""

    root: Root
    file: Path
    stamp: tuple[int, int, int]

    @property
    def category(self) -> str:
        parent = self.file.parent.relative_to(self.root.path).parent
        return "" if parent == Path() else parent.as_posix()


@dataclass
class Scan:
    """What a walk over roots met, in the order of the roots and then by path."""

    found: list[Found] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def walk(self, root: Root) -> None:
        """Adds the skills of one root; a root that is not there has none."""
        if not root.path.is_dir():
            return
        if not root.path.resolve().is_relative_to(root.within.resolve()):
            self._refuse(root.path, "leads out of its workspace through a link")
            return
        if skill_file(root.path):
            self._refuse(root.path / SKILL_FILE, "lies in the root; give it a folder of its own")
        folders = [(root.path, 0)]
        seen = 0
        while folders:
            folder, depth = folders.pop()
            seen += 1
            if seen > MOST_FOLDERS:
                self._refuse(root.path, f"has more than {MOST_FOLDERS} folders; the rest is left")
                return
            if depth and self._take(root, folder):
                continue
            if depth < DEEPEST:
                inner = [(child, depth + 1) for child in self._children(root, folder)]
                folders += reversed(inner)

    def _take(self, root: Root, folder: Path) -> bool:
        """Whether the folder is a skill; if so nothing below it is one."""
        file = skill_file(folder)
        if file is None:
            return False
        if file.is_symlink() and not contained(file, root.within):
            self._refuse(file, _LEADS_OUT)
            return True
        try:
            status = file.stat()
        except OSError as error:
            self._refuse(file, f"cannot be read: {error.strerror}")
            return True
        if not stat.S_ISREG(status.st_mode):
            self._refuse(file, "is not a regular file")
            return True
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        self.found.append(Found(root, file, stamp))
        return True

    def _children(self, root: Root, folder: Path) -> Iterator[Path]:
        try:
            with os.scandir(folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._refuse(folder, f"cannot be read: {error.strerror}")
            return
        for entry in children:
            path = Path(entry)
            if entry.name.startswith(".") or entry.name in SKIPPED or not path.is_dir():
                continue
            if entry.is_symlink() and not contained(path, root.within):
                self._refuse(path, _LEADS_OUT)
                continue
            yield path

    def _refuse(self, path: Path, text: str) -> None:
        self.diagnostics.append(Diagnostic("error", text, path=str(path)))


def skill_file(folder: Path) -> Path | None:
    """The folder's SKILL.md, also as skill.md or Skill.md."""
    for name in (SKILL_FILE, "skill.md", "Skill.md"):
        if os.path.lexists(folder / name):
            return folder / name
    return None


def contained(path: Path, folder: Path) -> bool:
    """Whether a path, every link followed, stays below a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return False


def resource_files(folder: Path, own: str) -> list[Path]:
    """A skill's files but its SKILL.md (`own`), sorted, at most MOST_FILES; hidden ones and links
    out are left."""
    files: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n not in SKIPPED)
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        if len(files) > MOST_FILES:
            break
    regular = (file for file in files if file.is_file() and contained(file, folder))
    return sorted(file for file in regular if file != folder / own)[:MOST_FILES]
