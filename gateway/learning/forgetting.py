"""What the owner wants forgotten: out of the files and every view; and out of the disk, if he says
so. An order that a crash cuts short is carried out at the next start.

Forgetting stores one event and removes the note or the skill by a change of the owner's; views read
the journal through agent/learning/masks.py from then on. It can be undone until it is purged.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from agent.events import ChangeIntended, ChangeKind, PromptChanged
from agent.learning.door import OWNER
from agent.learning.masks import Changes, Mask, Masks
from agent.learning.proposal import Proposal
from hermes_home.errors import ChangeRefused, HermesError, ToolError, UsageError
from hermes_home.files import make_folders
from memory import purge
from memory.notes.operations import Target

if TYPE_CHECKING:
    from gateway.app import App

LARGEST = 8 * 1024 * 1024
"""Bytes of a file below files/ that is looked into."""
DONE = "done"
"""In the place of what was set aside: everything was."""
TRIES, PAUSE = 50, 0.1
"""How often, and how many seconds apart, the store's log is tried to be emptied."""


async def forget(app: App, id: int) -> int:
    """Hide what a change wrote, everywhere; the id under which that is known. ChangeRefused if it
    is locked, or other words have taken its place; UsageError while a session works with it."""
    id, intended = _meant(app, id)
    if app.journal.masks.covers(id):
        raise ChangeRefused(f"change {id} is forgotten already", "`--purge` overwrites it.")
    if removal := _planned(app, id, intended):
        app.door.check(removal, OWNER)
    mask = Changes(_changes(app)).mask(id, app.journal.last_seq() + 1)
    assert mask is not None  # `_meant` found its words
    sessions = await _sessions(app, mask)
    _refuse_working(app, id, sessions)
    await asyncio.gather(
        app.door.forget(id), *_breaks(app, sessions, f"what change {id} wrote is forgotten")
    )
    await _remove(app, id, intended)
    await asyncio.to_thread(_set_aside, app.home.files, _place(app, id), Masks([mask]))
    await _refresh(app, sessions)
    return id


async def remember(app: App, id: int) -> None:
    """Undo that, until it is purged: every view and the files are as they were."""
    masks = app.journal.masks
    mask = masks.holding(id)
    if mask is None or mask.id in masks.purged:
        raise ChangeRefused(f"the words of change {id} were purged", "Nothing is left of them.")
    id, removal = mask.id, app.door.removal(mask.id)
    sessions = await _sessions(app, mask)
    _refuse_working(app, id, sessions)
    reason = f"what change {id} wrote is not forgotten any more"
    # First: texts that the undo puts into the files again may lie there.
    await asyncio.to_thread(_put_back, app.home.files, _place(app, id))
    await asyncio.gather(app.door.forget(id, off=True), *_breaks(app, sessions, reason))
    if removal:
        await app.door.undo(removal, OWNER)
    await _refresh(app, sessions)


async def purge_words(app: App, id: int) -> int:
    """Overwrite what a change wrote, in the store, in the history and below files/. It cannot be
    undone."""
    if not app.journal.masks.covers(id):
        id = await forget(app, id)
    mask = app.journal.masks.holding(id)
    if mask is None:
        raise ChangeRefused(f"the words of change {id} were purged already")
    await app.door.forget(mask.id, purged=True)
    await _overwrite(app)
    return mask.id


async def complete(app: App) -> None:
    """At the start: carry out what was ordered and a crash cut short."""
    masks = app.journal.masks
    for mask in masks.masks:
        place, intended = _place(app, mask.id), app.intent(mask.id)
        assert intended is not None  # the mask was read from it
        if not (place / DONE).exists():
            if not app.door.removal(mask.id):
                await _remove(app, mask.id, intended)
            await asyncio.to_thread(_set_aside, app.home.files, place, Masks([mask]))
    try:
        if _marker(app).exists() or any(mask.id in masks.purged for mask in masks.masks):
            await _overwrite(app)
    except HermesError as error:
        app.warn(f"something that was to be purged is not purged yet: {error}")


def _marker(app: App) -> Path:
    return app.home.run / "purging"


def _place(app: App, id: int) -> Path:
    """Where files with the words of a change are kept as long as it is forgotten."""
    return app.home.run / "forgotten" / str(id)


# -- one order ----------------------------------------------------------------------------------


def _meant(app: App, id: int) -> tuple[int, ChangeIntended]:
    """The change whose words are meant: what this one undid or carried out, if it did."""
    intended = app.intent(id)
    while intended is not None and (of := intended.undoes or intended.approves):
        id, intended = of, app.intent(of)
    if intended is None or app.door.status(id) is None:
        raise UsageError(f"there is no change {id}", "`hermes learning list` shows them.")
    if not intended.files:
        raise ChangeRefused(f"the words of change {id} were purged already")
    if later := _replaced_by(app, id, intended):
        raise ChangeRefused(
            f"change {later} put other words in its place",
            f"This forgets both: learning forget {later}",
        )
    return id, intended


def _replaced_by(app: App, id: int, intended: ChangeIntended) -> int:
    """The change that reworded a note in the file; 0 = none."""
    if intended.kind == "skill" or not intended.entry_after:
        return 0
    entries = set(app.notes.entries(_target(intended.kind)))
    for other, change in reversed(_changes(app).items()):
        if other <= id or intended.entry_after in entries:
            return 0
        same = (change.kind, change.entry_before) == (intended.kind, intended.entry_after)
        if same and change.entry_after in entries and not change.undoes:
            return other
    return 0


def _changes(app: App) -> dict[int, ChangeIntended]:
    stored = app.journal.changes()
    return {one.seq: one.event for one in stored if isinstance(one.event, ChangeIntended)}


def _target(kind: ChangeKind) -> Target:
    return "user" if kind == "user" else "memory"


def _planned(app: App, id: int, intended: ChangeIntended) -> Proposal | None:
    """What takes it out of the files; None if nothing of it is there."""
    entry = intended.entry_after or intended.entry_before
    try:
        if intended.kind == "skill":
            return app.writer.forgetting(id, intended.name, _paths(intended))
        return app.notes.forgetting(id, entry, _target(intended.kind))
    except ChangeRefused:
        raise
    except ToolError:
        return None


def _paths(intended: ChangeIntended) -> list[str]:
    return [file.path for file in intended.files]


async def _remove(app: App, id: int, intended: ChangeIntended) -> None:
    if _planned(app, id, intended) is None:
        return
    if intended.kind == "skill":
        await app.writer.forget(id, intended.name, _paths(intended))
    else:
        entry = intended.entry_after or intended.entry_before
        await app.notes.forget(id, entry, _target(intended.kind))


async def _sessions(app: App, mask: Mask) -> set[str]:
    app.database.commits.flush()
    return await asyncio.to_thread(purge.touched, app.home, Masks([mask]))


def _refuse_working(app: App, id: int, sessions: set[str]) -> None:
    """What a model has in its hands just now cannot be taken from it."""
    working = sorted(worker.session for worker in app.router.working if worker.session in sessions)
    if working:
        raise UsageError(
            f"{', '.join(working)} is working with what change {id} wrote",
            "Wait until it is done, or stop it: /stop in its chat.",
        )


def _breaks(app: App, sessions: set[str], reason: str) -> list[asyncio.Task[int]]:
    """In each session whose messages change: that they do, and why."""
    tasks = []
    for session in sorted(sessions):
        if begun := app.journal.prompt(session):
            event = PromptChanged(
                system=begun.system,
                tools=begun.tools,
                prompt_version=begun.prompt_version,
                reason=reason,
            )
            tasks.append(asyncio.ensure_future(app.record(event, session, "")))
    return tasks


async def _refresh(app: App, sessions: set[str]) -> None:
    """Everything that is kept in memory or in the index is made from what is left."""
    for worker in app.router.workers.values():
        if worker.session in sessions:
            worker.refold()
    app.library.refresh()
    await app.index.rebuild_later()


# -- files --------------------------------------------------------------------------------------


def _set_aside(files: Path, place: Path, masks: Masks) -> None:
    """Whatever below files/ holds the words goes where nobody reads it. This is the last step of
    forgetting: what is written from here on is new."""
    make_folders(place)
    names = frozenset().union(*(mask.names for mask in masks.masks))
    for path in sorted(files.glob("*")):
        if path.is_file() and (path.name in names or _holds(path, masks)):
            path.replace(place / path.name)
    (place / DONE).touch()


def _holds(path: Path, masks: Masks) -> bool:
    if path.stat().st_size > LARGEST:
        return False
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return masks.text(text) != text


def _put_back(files: Path, place: Path) -> None:
    (place / DONE).unlink(missing_ok=True)
    for path in sorted(place.glob("*")):
        path.replace(files / path.name)
    if place.exists():
        place.rmdir()


# -- purging ------------------------------------------------------------------------------------


async def _overwrite(app: App) -> None:
    """Every step may be done again. The journal comes last: the words are known from it."""
    masks = app.journal.masks
    gone = Masks([mask for mask in masks.masks if mask.id in masks.purged])
    _marker(app).touch()
    await app.history.rewrite(lambda path, data: _kept(gone, path, data), gone.text)
    for id in masks.purged:
        await asyncio.to_thread(_delete, _place(app, id))
    for left in (*app.home.root.glob("state.db.schema-*"), *app.home.root.glob("index.db.*")):
        left.unlink()
    events = await asyncio.to_thread(purge.holding, app.home, gone)
    await purge.overwrite(app.database, gone, events)
    app.journal.forget_masks()
    await app.index.rebuild()
    for _ in range(TRIES):
        if purge.settle(app.database):
            break
        await asyncio.sleep(PAUSE)
    else:
        raise HermesError("the store is being read all the time", "The next start completes this.")
    for worker in app.router.workers.values():
        if worker.conversation.run is None:
            worker.refold()
    _marker(app).unlink()


def _kept(masks: Masks, path: str, data: bytes) -> bytes | None:
    """What a file of an old commit is to have held; None = it was never there."""
    for mask in masks.masks:
        if path in mask.paths:
            if mask.words.name:
                return None
            text = data.decode("utf-8", "surrogateescape")
            data = mask.words.wholly(text).encode("utf-8", "surrogateescape")
    return data


def _delete(place: Path) -> None:
    for path in sorted(place.glob("*")):
        path.unlink()
    if place.exists():
        place.rmdir()
