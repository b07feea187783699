"""An installed skill as it is on disk, as it was installed, and as its source has it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hermes_home.paths import Home
from hermes_home.tracked import files_below, read
from skills.sharing.lock import Lock, Locked
from skills.sharing.package import File, Files, text_of

Edit = Literal["changed", "missing", "added"]
Handling = Literal["refuse", "keep", "replace"]
"""What an update does with files you have changed: nothing is updated; they stay as yours and the
rest is updated; they are replaced too."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not the same in the home and at its source. before: in the home, after: at the
    source; texts, None = no such file. yours: you have changed it since it was installed; theirs:
    the source has."""

    path: str
    before: str | None
    after: str | None
    yours: bool
    theirs: bool


def on_disk(home: Home, folder: Path) -> dict[str, File]:
    """Every file below a folder of the home that its history keeps; a link counts as a file that
    holds its target."""
    relative = folder.relative_to(home.root).as_posix()
    found = {}
    for path in files_below(home, relative):
        content = read(home.root / path)
        if content is not None:
            runs = content.mode == "100755"
            found[path[len(relative) + 1 :]] = File(content.data, runs)
    return found


def edits(lock: Lock, disk: Files) -> dict[str, Edit]:
    """What became of the files since they were installed, by path."""
    found: dict[str, Edit] = {}
    for path, locked in lock.files.items():
        if path not in disk:
            found[path] = "missing"
        elif not _same(locked, disk[path]):
            found[path] = "changed"
    found |= {path: "added" for path in disk if path not in lock.files}
    return dict(sorted(found.items()))


def differences(lock: Lock, disk: Files, new: Files) -> list[Difference]:
    """Every file in which the home and the source differ, by path."""
    yours = edits(lock, disk)
    return [
        Difference(
            path,
            text_of(disk.get(path)),
            text_of(new.get(path)),
            path in yours,
            _moved(lock, new, path),
        )
        for path in sorted({*disk, *new})
        if disk.get(path) != new.get(path)
    ]


def changed_there(lock: Lock, new: Files) -> bool:
    """Whether the source has other files than were installed."""
    return any(_moved(lock, new, path) for path in {*lock.files, *new})


def updated(lock: Lock, disk: Files, new: Files, *, replace: bool) -> dict[str, File]:
    """The files after an update: those of the source, but for what you have changed or added, which
    stays yours unless `replace`. What you added stays in any case."""
    after = dict(new)
    for path, edit in edits(lock, disk).items():
        if edit == "added" and (path not in new or not replace):
            after[path] = disk[path]
        elif edit == "changed" and not replace:
            after[path] = disk[path]
        elif edit == "missing" and not replace:
            after.pop(path, None)
    return after


def in_the_way(lock: Lock, disk: Files, new: Files) -> list[str]:
    """The files of yours that an update would write over."""
    yours: Mapping[str, Edit] = edits(lock, disk)
    return [
        path for path in yours if (path in new or path in lock.files) and _differ(disk, new, path)
    ]


def _differ(disk: Files, new: Files, path: str) -> bool:
    return disk.get(path) != new.get(path)


def _moved(lock: Lock, new: Files, path: str) -> bool:
    locked, file = lock.files.get(path), new.get(path)
    if locked is None or file is None:
        return (locked is None) != (file is None)
    return not _same(locked, file)


def _same(locked: Locked, file: File) -> bool:
    return locked.sha256 == file.sha256
