"""A web server with an index of skills below `.well-known`, of version 0.2 or 0.1."""

from __future__ import annotations

import asyncio
import hashlib
from urllib.parse import quote, urljoin, urlsplit

from gateway.sharing.sources.base import Fetched
from gateway.sharing.ways import Ways
from hermes_home.errors import FetchError, SkillError
from skills.sharing.index import OLD_PLACE, PLACE, Listed, named, read_index
from skills.sharing.layout import Offer, below, skill_folders, within
from skills.sharing.package import MOST_BYTES, MOST_FILES, File, packaged
from skills.sharing.unpack import unpack
from skills.skill import SKILL_FILE


class WellKnown:
    """base: the server, or a folder of it; never widened. name: one of its skills, "" = all."""

    def __init__(self, ways: Ways, base: str, name: str) -> None:
        self._ways = ways
        self._base = base
        self._name = name
        self._index = ""
        self._listed: list[Listed] = []
        self._wrong: list[str] = []

    async def offers(self) -> list[Offer]:
        data = await self._found()
        listed, self._wrong = await asyncio.to_thread(read_index, data)
        self._listed = listed
        offers = [Offer(one.name, one.description, one.name, one.digest) for one in listed]
        return within(offers, self._name)

    def address(self, offer: Offer) -> str:
        return f"{self._base}#{offer.name}"

    async def fetch(self, offer: Offer) -> Fetched:
        listed = named(self._listed, offer.name)
        assert listed is not None  # the offer came from there
        files = await (self._artifact(listed) if listed.url else self._single_files(listed))
        return Fetched(
            files,
            "wellknown",
            self.address(offer),
            listed.name,
            digest=listed.digest,
            notes=tuple(self._wrong),
        )

    async def _found(self) -> bytes:
        """The index, as the new path has it or else the old one."""
        if self._base.endswith("/index.json"):
            self._index = self._base
            return await self._ways.bytes_of(self._base)
        for place in (PLACE, OLD_PLACE):
            self._index = f"{self._base.rstrip('/')}/{place}"
            if (data := await self._ways.perhaps(self._index)) is not None:
                return data
        raise FetchError(
            f"{self._base} has no index of skills",
            f"it would be at {self._base.rstrip('/')}/{PLACE}",
        )

    async def _artifact(self, listed: Listed) -> dict[str, File]:
        url = urljoin(self._index, listed.url)
        data = await self._ways.bytes_of(url)
        found = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if found != listed.digest:
            raise SkillError(
                f"{url} is not what the index names: {found} instead of {listed.digest}",
                "nothing of it was used; try again, or tell whoever keeps that server",
            )
        if listed.type == "skill-md":
            return packaged([(SKILL_FILE, File(data))])
        return await asyncio.to_thread(_unpacked, data, url)

    async def _single_files(self, listed: Listed) -> dict[str, File]:
        if len(listed.files) > MOST_FILES:
            raise SkillError(f"{listed.name} lists more than {MOST_FILES} files")
        found, room = {}, MOST_BYTES
        for path in listed.files:
            url = urljoin(self._index, quote(f"{listed.name}/{path}"))
            found[path] = File(await self._ways.bytes_of(url))
            room -= len(found[path].data)
            if room < 0:
                raise SkillError(f"{listed.name} holds more than {MOST_BYTES >> 20} MiB")
        return packaged(found.items())


def _unpacked(data: bytes, url: str) -> dict[str, File]:
    """The skill of an archive: its SKILL.md lies at the top, or in the only folder."""
    files = unpack(data, url)
    folders = list(skill_folders(files))
    if len(folders) != 1:
        raise SkillError(f"{url} holds {len(folders)} skills and not one")
    return packaged(below(files, folders[0]).items())


def opened(address: str, ways: Ways) -> WellKnown | None:
    base, _, name = address.partition("#")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        return None
    for place in (PLACE, OLD_PLACE):
        base = base.removesuffix(f"/{place}")
        base = base.removesuffix(f"/{place.removesuffix('/index.json')}")
    return WellKnown(ways, base.rstrip("/"), name)
