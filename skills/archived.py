"""Skills that were put away: which of them still lie in skills/.archive, and how one comes back
when other changes of its name were made since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from agent.events import ChangeIntended, FileChange
from agent.learning.proposal import Proposal
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from hermes_home.tracked import files_below
from skills.draft import carried
from skills.sharing.lock import lock_path

ARCHIVE = PurePosixPath("skills", ".archive")


@dataclass(frozen=True, slots=True)
class Archived:
    """A skill that change `id` put away. place, folder: below the home, where it lies and where it
    was. own: it had not been installed from somewhere. runs: its files that may be executed, below
    the folder. overlays: as in ChangeIntended."""

    id: int
    name: str
    place: PurePosixPath
    folder: PurePosixPath
    own: bool
    runs: frozenset[str]
    overlays: str


def archives(home: Home, changes: Iterable[tuple[int, ChangeIntended]]) -> list[Archived]:
    """What is in the archive now, put away last first. `changes`: those of one name that stand,
    oldest first."""
    found: dict[PurePosixPath, Archived] = {}
    own, overlays = True, ""
    for id, change in changes:
        if change.action in ("install", "update"):
            own, overlays = False, change.overlays
        elif change.action in ("uninstall", "reset"):
            own, overlays = True, ""
        elif change.action == "archive":
            one = _archived(id, change, own, overlays)
            # A proposal and the change that carries it out name one place.
            found[one.place] = replace(found.get(one.place, one), id=id)
            own, overlays = True, ""
        elif change.action == "restore":
            back = found.pop(_place(change.files), None)
            own, overlays = back is None or back.own, change.overlays
        else:
            overlays = change.overlays or overlays
    there = [one for one in found.values() if (home.root / one.place).is_dir()]
    return sorted(there, key=lambda one: -one.id)


def moving_back(home: Home, archived: Archived) -> Proposal:
    """Every file of it to where it was. ToolError if files are there, or none is left. The lock of
    an installed skill goes that is no more the one of that name."""
    below = {path: _below(path) for path in files_below(home, str(archived.place))}
    texts = {path: carried(home.root / path) for path in below}
    if not texts:
        raise ToolError(f"nothing is left in {archived.place}")
    if next(files_below(home, str(archived.folder)), None) is not None:
        raise ToolError(f"{archived.folder} holds files already", "Move them away first.")
    back = [
        FileChange(f"{archived.folder}/{inner}", None, texts[path], runs=inner in archived.runs)
        for path, inner in sorted(below.items(), key=lambda item: item[1] == "SKILL.md")
    ]
    gone = [FileChange(path, text, None) for path, text in texts.items()]
    lock = home.root / lock_path(archived.name)
    if archived.own and lock.exists():
        gone.append(FileChange(lock_path(archived.name), carried(lock), None))
    files = (*back, *gone)
    return Proposal("skill", archived.name, "restore", files, overlays=archived.overlays)


def _archived(id: int, change: ChangeIntended, own: bool, overlays: str) -> Archived:
    left = {file.path: file.runs for file in change.files if file.after is None}
    inner = min((_below(f.path) for f in change.files if f.path not in left), key=_depth)
    folder = min((path for path in left if path.endswith(f"/{inner}")), key=len)
    folder = folder.removesuffix(f"/{inner}")
    runs = frozenset(path.removeprefix(f"{folder}/") for path, may in left.items() if may)
    place = _place(change.files)
    return Archived(id, change.name, place, PurePosixPath(folder), own, runs, overlays)


def _place(files: Iterable[FileChange]) -> PurePosixPath:
    """The folder in the archive that a change is about."""
    paths = (PurePosixPath(file.path) for file in files)
    within = next(path for path in paths if path.is_relative_to(ARCHIVE))
    return PurePosixPath(*within.parts[:3])


def _below(path: str) -> str:
    """A path of the archive, below its skill's folder."""
    return str(PurePosixPath(*PurePosixPath(path).parts[3:]))


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path
