"""A zip, a tar or a single SKILL.md: a file on this machine or at a URL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from gateway.sharing.sources.base import Fetched
from gateway.sharing.ways import Ways
from hermes_home.errors import SkillError
from skills.sharing.installing import OFFICIAL
from skills.sharing.layout import Offer, below, offer, skill_folders, within
from skills.sharing.lock import SNAPSHOT, Lock, holds, snapshot_locks
from skills.sharing.package import File, packaged
from skills.sharing.unpack import SUFFIXES, unpack
from skills.skill import SKILL_FILE

LARGEST = 32 * 1024 * 1024
"""Bytes of an archive on this machine."""


class Archive:
    """source: its path or URL, which with `#folder` or `#name` behind it names one of several
    skills."""

    def __init__(self, ways: Ways, source: str, folder: str) -> None:
        self._ways = ways
        self._source = source
        self._folder = folder
        self._files: dict[str, File] = {}

    async def offers(self) -> list[Offer]:
        data = await self._data()
        self._files = await asyncio.to_thread(_unpacked, data, self._source)
        found = skill_folders(self._files)
        offers = [
            offer(self._files[file].data, folder, _stem(self._source))
            for folder, file in found.items()
        ]
        return within(offers, self._folder)

    def address(self, offer: Offer) -> str:
        return f"{self._source}#{offer.path}" if offer.path else self._source

    async def fetch(self, offer: Offer) -> Fetched:
        files = packaged(below(self._files, offer.path).items())
        name = offer.path.rpartition("/")[2] or _stem(self._source)
        was = self._known(offer.path, files)
        return Fetched(files, "archive", self.address(offer), name, was=was)

    def _known(self, folder: str, files: dict[str, File]) -> Lock | None:
        """What a snapshot says of a skill, if it is still what was installed. That it shipped with
        the program is not believed: it could hide what does."""
        if SNAPSHOT not in self._files:
            return None
        lock = snapshot_locks(self._files[SNAPSHOT].data).get(folder)
        known = lock is not None and lock.kind != OFFICIAL and holds(lock, files)
        return lock if known else None

    async def _data(self) -> bytes:
        if not self._source.startswith("/"):
            return await self._ways.bytes_of(self._source)
        return await asyncio.to_thread(_read, Path(self._source))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise SkillError(f"there is no {path}") from None
    except OSError as error:
        raise SkillError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise SkillError(f"{path} has more than {LARGEST >> 20} MiB")
    return data


def _unpacked(data: bytes, source: str) -> dict[str, File]:
    if source.lower().endswith(".md"):
        return {SKILL_FILE: File(data)}
    return unpack(data, source)


def _stem(source: str) -> str:
    """What the folder would be called: the file's name, of a SKILL.md its folder's."""
    place = urlsplit(source).path if "://" in source else source
    parts = place.rstrip("/").split("/")
    if parts[-1].lower() == SKILL_FILE.lower():
        return parts[-2] if len(parts) > 1 else ""
    suffix = next((one for one in SUFFIXES if parts[-1].lower().endswith(one)), "")
    return parts[-1].removesuffix(parts[-1][len(parts[-1]) - len(suffix) :] if suffix else "")


def opened(address: str, ways: Ways) -> Archive | None:
    source, _, folder = address.partition("#")
    is_url = source.startswith(("http://", "https://"))
    name = (urlsplit(source).path if is_url else source).lower()
    if not name.endswith((*SUFFIXES, ".md")) or not (is_url or source.startswith("/")):
        return None
    return Archive(ways, source, folder.strip("/"))
