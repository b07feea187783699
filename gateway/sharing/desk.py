"""What is asked for at the doors about skills of others, carried out. Made for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from agent.learning.door import OWNER, Change
from agent.learning.proposal import Proposal
from gateway.sharing import quarantine, taps
from gateway.sharing.sources.base import Fetched
from gateway.sharing.sources.table import open_source
from gateway.sharing.ways import ways
from hermes_home.errors import HermesError, UsageError
from skills.sharing import installing
from skills.sharing.advice import advise
from skills.sharing.installing import OFFICIAL, obstacle
from skills.sharing.layout import NAMES, Offer, chosen, read_skill
from skills.sharing.lock import Lock, locked
from skills.sharing.package import tree_hash
from skills.skill import Skill, slug
from skills.strict import check_strict
from skills.twins import twin

if TYPE_CHECKING:
    from gateway.app import App

Row = dict[str, Any]

MOST_AT_ONCE = 100
"""Skills of one source that are looked at or installed by one order."""
MOST_BYTES_AT_ONCE = 64 * 1024 * 1024
ALIKE = 0.85
"""From this likeness on, a name may be taken for another's."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants of a source. address: as in gateway/sharing/sources; a bare name is
    looked for in the taps and among what ships. names: of skills there."""

    address: str
    names: Sequence[str] = ()
    everything: bool = False
    private: bool = False


class Desk:
    def __init__(self, app: App) -> None:
        self._app = app
        self._home = app.home

    # -- looking ---------------------------------------------------------------------------------

    async def browse(self, address: str, words: str, *, private: bool) -> Row:
        """Every skill of a source, or of all taps and of what ships; those that hold the words.
        `problems`: of taps that could not be asked, each with what to do."""
        places = [address] if address else [*taps.taps(self._app), OFFICIAL]
        found: list[Row] = []
        problems: list[str] = []
        for place in places:
            try:
                found += await self._offers(place, private=private)
            except HermesError as error:
                if address:
                    raise
                hint = f" ({error.hint})" if error.hint else ""
                problems.append(f"{place}: {error.message}{hint}")
        return {"skills": [row for row in found if _holds(row, words)], "problems": problems}

    async def _offers(self, address: str, *, private: bool) -> list[Row]:
        with quarantine.scratch(self._home) as folder:
            source = open_source(address, ways(self._app, folder, private=private))
            offers = await source.offers()
        return [self._offered(source.address(offer), offer) for offer in offers]

    def _offered(self, address: str, offer: Offer) -> Row:
        """`here`: the root of a skill of this name that one has, "" = none."""
        there = self._app.library.get(offer.name)
        here = there.layer if there is not None else ""
        return {**asdict(offer), "address": address, "here": here}

    async def inspect(self, wanted: Wanted) -> list[Row]:
        """Fetch skills into quarantine and say what there is to say of each."""
        return [await self._looked_at(one) for one in await self.fetched(wanted)]

    async def fetched(self, wanted: Wanted) -> list[Fetched]:
        address = await self._found(wanted)
        with quarantine.scratch(self._home) as folder:
            source = open_source(address, ways(self._app, folder, private=wanted.private))
            offers = chosen(await source.offers(), wanted.names, wanted.everything)
            if len(offers) > MOST_AT_ONCE:
                raise UsageError(f"these are {len(offers)} skills, more than {MOST_AT_ONCE}")
            found: list[Fetched] = []
            room = MOST_BYTES_AT_ONCE
            for offer in offers:
                found.append(await source.fetch(offer))
                room -= sum(len(file.data) for file in found[-1].files.values())
                if room < 0:
                    raise UsageError(f"these are more than {MOST_BYTES_AT_ONCE >> 20} MiB")
            return found

    async def _found(self, wanted: Wanted) -> str:
        """The address of a bare name, if exactly one tap has such a skill, or it ships."""
        name = wanted.address
        if "/" in name or ":" in name or name == OFFICIAL:
            return name
        found = await self.browse("", "", private=wanted.private)
        alike = [row for row in found["skills"] if row["name"] == slug(name)]
        if len(alike) == 1:
            return str(alike[0]["address"])
        if not alike:
            hint = "name its source, such as owner/repo, a folder or a web server"
            if not found["problems"]:
                raise UsageError(f"no tap has a skill {name!r}", hint)
            unread = "; ".join(found["problems"])
            raise UsageError(
                f"no tap that could be read has a skill {name!r}", f"not read: {unread}"
            )
        places = ", ".join(row["address"] for row in alike)
        raise UsageError(f"several sources have a skill {name!r}", f"Name one: {places}")

    async def _looked_at(self, fetched: Fetched) -> Row:
        skill = read_skill(fetched.files, fetched.folder)
        advice = await asyncio.to_thread(advise, fetched.files)
        file = next(name for name in NAMES if name in fetched.files)
        text = fetched.files[file].data.decode("utf-8", "replace")
        return {
            "id": await asyncio.to_thread(quarantine.put, self._home, fetched),
            "name": skill.name,
            "description": skill.description,
            "license": skill.license,
            "compatibility": skill.compatibility,
            "allowed_tools": skill.allowed_tools,
            "source": fetched.source,
            "kind": fetched.kind,
            "commit": fetched.commit,
            "digest": fetched.digest,
            "was": fetched.was.source if fetched.was else "",
            "tree": tree_hash(fetched.files),
            "files": [
                {"path": path, "size": len(one.data), "sha256": one.sha256, "runs": one.runs}
                for path, one in fetched.files.items()
            ],
            "diagnostics": [str(note) for note in skill.diagnostics],
            "strict": check_strict(text, skill.name),
            "advice": [asdict(one) for one in advice],
            "notes": [*fetched.notes, *self._likeness(skill)],
            "refused": obstacle(self._home, self._app.library, skill, fetched.kind),
            "body": skill.body,
        }

    def _likeness(self, skill: Skill) -> list[str]:
        """What there is already that this one could be taken for."""
        library = self._app.library
        near = twin(library, skill)
        if near is not None and near.name == skill.name:
            near = None
        notes = [f"it says nearly the same as your skill {near.name}"] if near else []
        for name in library.skills():
            if name not in (skill.name, near.name if near else ""):
                if SequenceMatcher(None, name, skill.name).ratio() >= ALIKE:
                    notes.append(f"its name is like that of {name}")
        return notes

    # -- changing --------------------------------------------------------------------------------

    async def install(self, id: str) -> Row:
        """Put a skill from quarantine into the home."""
        fetched = await asyncio.to_thread(quarantine.take, self._home, id)
        lock = lock_of(fetched)
        app = self._app
        change = await self.change(
            lambda: installing.install(app.home, app.library, fetched.files, lock)
        )
        await asyncio.to_thread(quarantine.drop, self._home, id)
        return self._changed(change, source=lock.source, tree=lock.tree)

    async def uninstall(self, name: str) -> Row:
        """Take an installed skill out again; undoing the change brings it back."""
        app = self._app
        change = await self.change(
            lambda: installing.uninstall(app.home, app.library, slug(name) or name)
        )
        return self._changed(change)

    async def change(self, plan: Callable[[], Proposal]) -> Change:
        """By the owner, through the door; in the library and committed when this returns."""
        change = await self._app.door.apply(plan, OWNER)
        await asyncio.to_thread(self._app.library.refresh)
        await self._app.history.flush()
        return change

    def _changed(self, change: Change, **more: str) -> Row:
        return {"id": change.id, "name": change.name, "action": change.action, **more}


def lock_of(fetched: Fetched, since: str = "") -> Lock:
    """The lock of a fetched skill. since: when it was first installed, if it was."""
    name = read_skill(fetched.files, fetched.folder).name
    now = datetime.now(UTC).isoformat(timespec="seconds")
    was = fetched.was
    return Lock(
        name=name,
        kind=was.kind if was else fetched.kind,
        source=was.source if was else fetched.source,
        commit=was.commit if was else fetched.commit,
        digest=was.digest if was else fetched.digest,
        version=was.version if was else fetched.version,
        via=fetched.source if was else "",
        tree=tree_hash(fetched.files),
        files=locked(fetched.files),
        installed_at=since or now,
        updated_at=now if since else "",
    )


def _holds(row: Row, words: str) -> bool:
    text = f"{row['name']} {row['description']} {row['path']}".casefold()
    return all(word in text for word in words.casefold().split())
