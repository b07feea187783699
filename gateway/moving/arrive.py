"""Another program's home, as it was copied, put into ours by the daemon that owns it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.learning import noted
from gateway.moving import jobs, settings, skills
from gateway.moving.classes import Outcome
from gateway.moving.source import count_sessions
from hermes_home.errors import HermesError
from hermes_home.guard import seed_text
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets, write_secret
from memory.notes.entries import Document

if TYPE_CHECKING:
    from gateway.app import App

FOLDER = ".hermes-arrival"
"""In run/: the copy."""
NOTES = (("memory", "MEMORY.md"), ("user", "USER.md"))
_KEYS = ("_API_KEY", "_TOKEN", "_PASSWORD", "_SECRET")


async def arrive(app: App, origin: str, *, dry: bool) -> list[Outcome]:
    """Take over what the copy in run/ holds. What is there already stays; each thing arrives whole
    or not at all. On disk and committed when this returns."""
    folder = app.home.run / FOLDER
    outcomes = skills.bring(app, folder, origin, dry=dry)
    outcomes += await _notes(app, folder, dry=dry)
    outcomes += _soul(app, folder, origin, dry=dry)
    outcomes += await settings.bring(app, folder, dry=dry)
    outcomes += _keys(app, folder, dry=dry)
    outcomes += await jobs.bring(app, folder, dry=dry)
    outcomes += await asyncio.to_thread(_sessions, folder)
    await app.history.flush()
    return outcomes


async def _notes(app: App, folder: Path, *, dry: bool) -> list[Outcome]:
    """Entry by entry, as if the owner added them."""
    outcomes = []
    for target, name in NOTES:
        path = folder / "memories" / name
        if not path.exists():
            continue
        try:
            entries = Document(path.read_bytes().decode("utf-8")).texts
        except UnicodeDecodeError:
            outcomes.append(Outcome("notes", name, "skipped", "it is not UTF-8 text"))
            continue
        outcomes += [await _note(app, target, f"{name}: {e}", e, dry=dry) for e in entries]
    return outcomes


async def _note(app: App, target: str, name: str, entry: str, *, dry: bool) -> Outcome:
    name = " ".join(name.split())[:80]
    if dry:
        return Outcome("notes", name, "found")
    try:
        made = await noted.change(app, [{"action": "add", "target": target, "text": entry}])
    except HermesError as error:
        return Outcome("notes", name, "skipped", error.message)
    return (
        Outcome("notes", name, "imported")
        if made
        else Outcome("notes", name, "skipped", "it is known already")
    )


def _soul(app: App, folder: Path, origin: str, *, dry: bool) -> list[Outcome]:
    path = folder / "SOUL.md"
    if not path.exists():
        return []
    before = app.home.soul.read_bytes() if app.home.soul.exists() else b""
    text = path.read_bytes()
    if before not in (b"", seed_text("SOUL.md")):
        return [Outcome("soul", "SOUL.md", "skipped", "you have written one here")]
    try:
        new, old = text.decode("utf-8"), before.decode("utf-8")
    except UnicodeDecodeError:
        return [Outcome("soul", "SOUL.md", "skipped", "it is not UTF-8 text")]
    if dry or new == old:
        return [Outcome("soul", "SOUL.md", "found")]
    if not app.history.replace("SOUL.md", old if app.home.soul.exists() else None, new):
        return [Outcome("soul", "SOUL.md", "skipped", "it changed just now")]
    app.history.record(["SOUL.md"], actor="owner", reason=f"imported from {origin}")
    return [Outcome("soul", "SOUL.md", "imported")]


def _keys(app: App, folder: Path, *, dry: bool) -> list[Outcome]:
    """Names only are told, never a value. Those that are set here stay."""
    if not (folder / ".env").exists():
        return []
    theirs = load_secrets(Home(folder), {})
    ours = load_secrets(app.home, {})
    outcomes = []
    for name in theirs.names():
        if not name.endswith(_KEYS):
            outcomes.append(Outcome("keys", name, "skipped", "it is a setting, not a key"))
        elif ours.get(name):
            outcomes.append(Outcome("keys", name, "skipped", "it is set here already"))
        elif dry:
            outcomes.append(Outcome("keys", name, "found"))
        else:
            write_secret(app.home, name, theirs.get(name))
            outcomes.append(Outcome("keys", name, "imported"))
    return outcomes


def _sessions(folder: Path) -> list[Outcome]:
    count, wrong = count_sessions(folder)
    if not count and not wrong:
        return []
    reason = wrong or "what was said there names tools and steps that do not exist here"
    return [Outcome("sessions", f"{count} sessions", "skipped", reason)]
