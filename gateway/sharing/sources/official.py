"""`official/NAME`: a copy of a skill that ships with the program, in your home."""

from __future__ import annotations

from pathlib import Path

from gateway.sharing.sources.base import Fetched
from gateway.sharing.ways import Ways
from hermes_home.errors import SkillError
from hermes_home.version import VERSION
from skills.scan import resource_files
from skills.sharing.installing import OFFICIAL
from skills.sharing.layout import Offer
from skills.sharing.package import File, packaged
from skills.skill import Skill


class Official:
    def __init__(self, ways: Ways, name: str) -> None:
        self._bundled = ways.library.bundled()
        self._name = name

    async def offers(self) -> list[Offer]:
        if self._name and self._name not in self._bundled:
            hint = "`hermes skills browse official` lists those that do"
            raise SkillError(f"no skill {self._name!r} ships with the program", hint)
        found = [self._bundled[name] for name in sorted(self._bundled)]
        return [
            Offer(skill.name, skill.description, skill.name)
            for skill in found
            if self._name in ("", skill.name)
        ]

    def address(self, offer: Offer) -> str:
        return f"{OFFICIAL}/{offer.name}"

    async def fetch(self, offer: Offer) -> Fetched:
        skill = self._bundled[offer.name]
        files = packaged((path, File(file.read_bytes())) for path, file in _files(skill))
        return Fetched(files, OFFICIAL, self.address(offer), skill.name, version=VERSION)


def _files(skill: Skill) -> list[tuple[str, Path]]:
    files = [skill.folder / skill.file, *resource_files(skill.folder, skill.file)]
    return [(file.relative_to(skill.folder).as_posix(), file) for file in files]


def opened(address: str, ways: Ways) -> Official | None:
    kind, _, name = address.partition("/")
    return Official(ways, name) if kind == OFFICIAL and "/" not in name else None
