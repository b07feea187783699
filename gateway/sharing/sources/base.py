"""What a source of skills is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from skills.sharing.layout import Offer
from skills.sharing.lock import Lock
from skills.sharing.package import File


@dataclass(frozen=True, slots=True)
class Fetched:
    """One skill's files, and where they came from. source: the address by which an update finds
    them again. folder: what their folder is called there. was: where an archive says they came
    from before."""

    files: dict[str, File]
    kind: str
    source: str
    folder: str
    commit: str = ""
    digest: str = ""
    version: str = ""
    was: Lock | None = None
    notes: tuple[str, ...] = field(default=())


class Source(Protocol):
    """A place that has skills. Raises FetchError or SkillError."""

    def address(self, offer: Offer) -> str:
        """What this one skill of it is asked for by."""

    async def offers(self) -> list[Offer]:
        """Every skill there, by its path or name."""

    async def fetch(self, offer: Offer) -> Fetched:
        """The files of one of them, checked and bounded."""
