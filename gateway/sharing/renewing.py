"""Installed skills against their sources and against the disk: what is newer, what was changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gateway.sharing import quarantine
from gateway.sharing.desk import Desk, Wanted, lock_of
from gateway.sharing.sources.base import Fetched
from hermes_home.errors import HermesError, SkillError, UsageError
from skills.sharing import installing
from skills.sharing.advice import advise
from skills.sharing.compare import (
    Handling,
    changed_there,
    differences,
    edits,
    in_the_way,
    updated,
)
from skills.sharing.installing import Held, require_held
from skills.sharing.layout import read_skill
from skills.sharing.lock import Lock, all_names
from skills.skill import slug

if TYPE_CHECKING:
    from gateway.app import App

Row = dict[str, Any]

AT_ONCE = 4
"""Sources that are asked at the same time."""


async def check(
    app: App, names: Sequence[str], *, private: bool, handling: Handling = "refuse"
) -> list[Row]:
    """What each source has now; all installed skills if none is named. What an update would bring,
    with this handling of files changed here, is put into quarantine under `id`."""
    meant = [slug(name) or name for name in names] or list(all_names(app.home))
    room = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> Row:
        async with room:
            return await _checked(app, name, handling, private=private)

    return await asyncio.gather(*map(one, meant))


async def _checked(app: App, name: str, handling: Handling, *, private: bool) -> Row:
    """status: current, newer, changed (here alone, and that is to be replaced), gone (its folder is
    empty), unreachable (`problem` says why)."""
    try:
        held = require_held(app.home, app.library, name)
    except SkillError as error:
        return {"name": name, "status": "unreadable", "problem": error.message}
    row = _about(held)
    if not held.files:
        return {**row, "status": "gone", "problem": f"hermes skills uninstall {name} tidies up"}
    try:
        fetched = await _newest(app, held.lock, private=private)
    except HermesError as error:
        return {**row, "status": "unreachable", "problem": str(error)}
    newer = changed_there(held.lock, fetched.files)
    replacing = handling == "replace" and in_the_way(held.lock, held.files, fetched.files)
    if not newer and not replacing:
        return {**row, "status": "current"}
    news = await _news(app, held, fetched, handling)
    return {**row, "status": "newer" if newer else "changed", **news}


def _about(held: Held) -> Row:
    """What is known of it without its source; `edited`: the files changed here, and how."""
    lock = held.lock
    return {
        "name": lock.name,
        "source": lock.source,
        "kind": lock.kind,
        "commit": lock.commit,
        "digest": lock.digest,
        "version": lock.version,
        "tree": lock.tree,
        "installed_at": lock.installed_at,
        "updated_at": lock.updated_at,
        "edited": edits(lock, held.files),
        "problem": "",
    }


async def _newest(app: App, lock: Lock, *, private: bool) -> Fetched:
    wanted = Wanted(lock.source, private=private)
    found = await Desk(app).fetched(wanted)
    if read_skill(found[0].files, found[0].folder).name != lock.name:
        raise SkillError(f"{lock.source} has another skill there now")
    return found[0]


async def _news(app: App, held: Held, fetched: Fetched, handling: Handling) -> Row:
    """What an update would bring: differences by file, and advice on the new text."""
    id = await asyncio.to_thread(quarantine.put, app.home, fetched)
    advice = await asyncio.to_thread(advise, fetched.files)
    known = await asyncio.to_thread(advise, held.files)
    before = {(one.file, one.rule, one.text) for one in known}
    return {
        "id": id,
        "new_commit": fetched.commit,
        "files": _differing(held, fetched, handling),
        "advice": [asdict(one) for one in advice if (one.file, one.rule, one.text) not in before],
    }


def _differing(held: Held, fetched: Fetched, handling: Handling) -> list[Row]:
    """By file, the home as it is and as an update would leave it. What "refuse" stops at is there
    too."""
    after = updated(held.lock, held.files, fetched.files, replace=handling != "keep")
    return [asdict(one) for one in differences(held.lock, held.files, after)]


async def update(app: App, id: str, handling: Handling) -> Row:
    """Renew an installed skill with what was put into quarantine for it."""
    fetched = await asyncio.to_thread(quarantine.take, app.home, id)
    name = read_skill(fetched.files, fetched.folder).name
    held = require_held(app.home, app.library, name)
    if held.lock.source != fetched.source:
        raise UsageError(
            f"{name} was installed from {held.lock.source}, and not from {fetched.source}",
            f"To take it from there: hermes skills uninstall {name}, then install it.",
        )
    lock = lock_of(fetched, held.lock.installed_at)
    change = await Desk(app).change(
        lambda: installing.update(app.home, app.library, fetched.files, lock, handling)
    )
    await asyncio.to_thread(quarantine.drop, app.home, id)
    return {"id": change.id, "name": name, "action": "update", "tree": lock.tree}


async def compared(app: App, name: str, *, private: bool) -> Row:
    """An installed skill as it is here and at its source now, file by file; not the files that only
    you have."""
    held = require_held(app.home, app.library, slug(name) or name)
    fetched = await _newest(app, held.lock, private=private)
    files = _differing(held, fetched, "replace")
    return {**_about(held), "new_commit": fetched.commit, "files": files}


async def audit(app: App, names: Sequence[str]) -> list[Row]:
    """The disk against the locks, and advice on what is there; nothing is asked anywhere."""
    meant = [slug(name) or name for name in names] or list(all_names(app.home))
    return [await asyncio.to_thread(_audited, app, name) for name in meant]


def _audited(app: App, name: str) -> Row:
    """status: ok, changed, gone, unreadable."""
    try:
        held = require_held(app.home, app.library, name)
    except SkillError as error:
        return {"name": name, "status": "unreadable", "problem": error.message, "edited": {}}
    row = _about(held)
    status = "gone" if not held.files else "changed" if row["edited"] else "ok"
    return {**row, "status": status, "advice": [asdict(one) for one in advise(held.files)]}
