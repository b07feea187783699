"""A folder on this machine: a skill, or one that holds skills."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.sharing.sources.base import Fetched
from gateway.sharing.ways import Ways
from hermes_home.errors import SkillError
from skills.sharing.layout import Offer, offer, skill_folders, within
from skills.sharing.package import MOST_BYTES, File, belongs, packaged

MOST_LOOKED = 20_000
"""Files of a folder that are looked through for skills."""


class Folder:
    """inner: the path or the name of a skill in it, "" = all."""

    def __init__(self, place: Path, inner: str = "") -> None:
        self._place = place
        self._inner = inner

    async def offers(self) -> list[Offer]:
        return await asyncio.to_thread(self._offers)

    def address(self, offer: Offer) -> str:
        return str(self._place / offer.path)

    async def fetch(self, offer: Offer) -> Fetched:
        folder = self._place / offer.path
        files = await asyncio.to_thread(read_folder, folder)
        return Fetched(files, "folder", str(folder), folder.name)

    def _offers(self) -> list[Offer]:
        found = skill_folders(_paths(self._place))
        offers = [
            offer(_read(self._place / file).data, folder, self._place.name)
            for folder, file in found.items()
        ]
        return within(offers, self._inner)


def _paths(place: Path) -> Iterator[str]:
    """Every file below a folder; links are not followed."""
    seen = 0
    for parent, folders, names in os.walk(place):
        inner = Path(parent).relative_to(place)
        folders[:] = sorted(name for name in folders if name not in (".git", "node_modules"))
        seen += len(names)
        if seen > MOST_LOOKED:
            raise SkillError(f"{place} holds more than {MOST_LOOKED:,} files", "name one inside it")
        yield from ((inner / name).as_posix() for name in sorted(names))


def read_folder(folder: Path) -> dict[str, File]:
    """A skill's files as they lie in a folder, checked and bounded."""
    return packaged(_contents(folder))


def _contents(folder: Path) -> Iterator[tuple[str, File]]:
    room = MOST_BYTES
    for path in _paths(folder):
        if not belongs(path):
            continue
        file = _read(folder / path)
        room -= len(file.data)
        if room < 0:
            raise SkillError(f"{folder} holds more than {MOST_BYTES >> 20} MiB")
        yield path, file


def _read(path: Path) -> File:
    """A plain file; SkillError for a link, which could lead anywhere, and for a device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise SkillError(f"{path} is no plain file")
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        why = "it is a link" if path.is_symlink() else error.strerror
        raise SkillError(f"{path} cannot be taken: {why}") from None
    if len(data) > MOST_BYTES:
        raise SkillError(f"{path} has more than {MOST_BYTES >> 20} MiB")
    return File(data, bool(found.st_mode & stat.S_IXUSR))


def opened(address: str, ways: Ways) -> Folder | None:
    """Not of a bare repository: that has commits."""
    path, _, inner = (address, "", "") if Path(address).is_dir() else address.partition("#")
    place = Path(path)
    if not path.startswith("/") or not place.is_dir() or is_bare(place):
        return None
    return Folder(place, inner.strip("/"))


def is_bare(place: Path) -> bool:
    """Whether a folder is a repository without files of its own."""
    return (place / "HEAD").is_file() and (place / "objects").is_dir()
