"""The changes that put somebody's skill into the home, renew it, and take it out again.

They only plan; the door writes them, all files or none, and any of them can be undone. SKILL.md is
written last and removed first, so that no half of a skill is ever used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agent.events import FileChange
from agent.learning.proposal import Proposal
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from hermes_home.tracked import files_below
from skills.draft import version_of
from skills.library import Library
from skills.sharing.compare import Handling, edits, in_the_way, on_disk, updated
from skills.sharing.layout import NAMES, read_skill
from skills.sharing.lock import Lock, lock_path, lock_text, read_lock
from skills.sharing.package import File, Files
from skills.skill import Skill, slug

LONGEST_NAME = 100
"""Characters of a skill's name that can be a folder's."""
OFFICIAL = "official"


@dataclass(frozen=True, slots=True)
class Held:
    """An installed skill: its lock, where it lies, and what is there."""

    lock: Lock
    folder: Path
    files: dict[str, File]

    @property
    def edited(self) -> bool:
        return bool(edits(self.lock, self.files))


def held(home: Home, library: Library, name: str) -> Held | None:
    """None if no skill of this name was installed."""
    lock = read_lock(home, name)
    if lock is None:
        return None
    skill = library.get(name)
    moved = skill is not None and skill.layer == "home"
    folder = skill.folder if skill is not None and moved else home.skills / name
    return Held(lock, folder, on_disk(home, folder))


def require_held(home: Home, library: Library, name: str) -> Held:
    """ToolError if it was not installed, and what to do then."""
    found = held(home, library, name) if _usable(name) else None
    if found is None:
        there = library.get(name)
        hint = "`hermes skills check` lists those that were"
        if there is not None and there.layer == "home":
            hint = f"it is your own; put it away with: hermes curator archive {there.name}"
        raise ToolError(f"no skill {name!r} was installed", hint)
    return found


def installed_from_elsewhere(home: Home, name: str) -> bool:
    """Whether a skill was installed, and not from what ships with the program."""
    lock = read_lock(home, slug(name)) if _usable(slug(name)) else None
    return lock is not None and lock.kind != OFFICIAL


def obstacle(home: Home, library: Library, skill: Skill, kind: str) -> str:
    """Why a skill cannot be installed here, and what to do; empty if it can."""
    name = skill.name
    if not _usable(name):
        return f"its name {name[:80]!r} cannot be a folder's"
    there = library.get(name)
    if read_lock(home, name) is not None and there is not None and there.layer == "home":
        return f"it is installed already; renew it with: hermes skills update {name}"
    if there is not None and (there.layer != "bundled" or kind != OFFICIAL):
        return _taken(there)
    folder = f"skills/{name}"
    if next(files_below(home, folder), None) is not None or (home.root / folder).is_symlink():
        return f"{folder} holds files already; move them away first"
    return ""


def _taken(there: Skill) -> str:
    name = there.name
    if there.layer == "bundled":
        return (
            f"a skill {name} ships with the program, and this one would hide it; save it in a"
            " folder of your own under another name, and install that folder"
        )
    if there.layer == "home":
        return (
            f"you have a skill {name} of your own; put it away first with: hermes curator archive"
            f" {name}"
        )
    return f"there is a skill {name} in {there.folder}, a folder of skills.extra_roots"


def install(home: Home, library: Library, files: Files, lock: Lock) -> Proposal:
    """Puts a skill into `skills/NAME`. ToolError if something is in its way."""
    library.refresh()
    skill = read_skill(files, lock.name)
    if problem := obstacle(home, library, skill, lock.kind):
        raise ToolError(f"{lock.name} cannot be installed: {problem}")
    below = library.bundled().get(lock.name) if lock.kind == OFFICIAL else None
    overlays = version_of(below) if below is not None else ""
    folder = PurePosixPath("skills", lock.name)
    changes = (*_changes(folder, {}, files), lock_change(home, lock.name, lock))
    return Proposal("skill", lock.name, "install", changes, overlays=overlays)


def update(
    home: Home, library: Library, files: Files, lock: Lock, handling: Handling = "refuse"
) -> Proposal:
    """Renews an installed skill. ToolError if that would write over what you have changed."""
    library.refresh()
    found = require_held(home, library, lock.name)
    if read_skill(files, lock.name).name != lock.name:
        raise ToolError(f"the source has another skill now, not {lock.name}", "install that one")
    yours = in_the_way(found.lock, found.files, files)
    if yours and handling == "refuse":
        raise ToolError(
            f"you have changed {', '.join(yours[:5])} of {lock.name}",
            f"hermes skills diff {lock.name} shows both; update it with --edits keep (yours stay)"
            " or --edits replace (undo brings yours back)",
        )
    after = updated(found.lock, found.files, files, replace=handling == "replace")
    read_skill(after, lock.name)
    folder = PurePosixPath(found.folder.relative_to(home.root).as_posix())
    changes = (*_changes(folder, found.files, after), lock_change(home, lock.name, lock))
    below = library.bundled().get(lock.name) if lock.kind == OFFICIAL else None
    overlays = version_of(below) if below is not None else ""
    return Proposal("skill", lock.name, "update", changes, overlays=overlays)


def uninstall(home: Home, library: Library, name: str) -> Proposal:
    """Takes an installed skill out of the home with everything in its folder."""
    library.refresh()
    found = require_held(home, library, name)
    folder = PurePosixPath(found.folder.relative_to(home.root).as_posix())
    changes = (*_changes(folder, found.files, {}), lock_change(home, found.lock.name, None))
    return Proposal("skill", found.lock.name, "uninstall", changes)


def _changes(folder: PurePosixPath, before: Files, after: Files) -> Iterable[FileChange]:
    """One for each file that differs: SKILL.md first where it goes, last where it stays."""
    paths = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    paths.sort(key=lambda path: (path in NAMES) == bool(after))
    for path in paths:
        old, new = before.get(path), after.get(path)
        runs = (new or old or File(b"")).runs
        yield FileChange(f"{folder}/{path}", _carried(old), _carried(new), runs=runs)


def lock_change(home: Home, name: str, lock: Lock | None) -> FileChange:
    """The change of a skill's lock; None takes it away."""
    path = home.root / lock_path(name)
    before = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else None
    return FileChange(lock_path(name), before, lock_text(lock) if lock else None)


def _carried(file: File | None) -> str | None:
    """Bytes as changes carry them, text or not."""
    return None if file is None else file.data.decode("utf-8", "surrogateescape")


def _usable(name: str) -> bool:
    return bool(name) and len(name) <= LONGEST_NAME and "/" not in name and not name.startswith(".")
