"""Skills of another program's home: those that can be read and whose names are free here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gateway.moving.classes import Outcome
from hermes_home.errors import SkillError
from hermes_home.files import make_folders, sync_folder
from skills.diagnostic import Diagnostic
from skills.scan import MOST_FILES, Found, Root, Scan
from skills.skill import Skill, parse
from skills.snapshot import FILE_LIMIT

if TYPE_CHECKING:
    from gateway.app import App


def bring(app: App, folder: Path, origin: str, *, dry: bool) -> list[Outcome]:
    """Each skill is moved as a whole, or not. Committed as the owner's."""
    root = Root(folder / "skills", "extra", folder / "skills")
    scan = Scan()
    scan.walk(root)
    outcomes = [_refused(found, root) for found in scan.diagnostics]
    for found in scan.found:
        outcomes.append(_bring(app, found, origin, dry=dry))
        app.library.refresh()
    return outcomes


def _refused(diagnostic: Diagnostic, root: Root) -> Outcome:
    path = Path(diagnostic.path)
    name = path.relative_to(root.path).as_posix() if path.is_relative_to(root.path) else path.name
    return Outcome("skills", name, "skipped", diagnostic.text)


def _bring(app: App, found: Found, origin: str, *, dry: bool) -> Outcome:
    folder = found.file.parent
    place = folder.relative_to(found.root.path).as_posix()
    skill, reason = _read(found.file)
    if skill is None:
        return Outcome("skills", place, "skipped", reason)
    if reason := _obstacle(app, skill, folder, place):
        return Outcome("skills", skill.name, "skipped", reason)
    notes = "; ".join(str(d) for d in skill.diagnostics if d.level == "warning")
    if dry:
        return Outcome("skills", skill.name, "found", notes)
    target = app.home.skills / place
    try:
        make_folders(target.parent)
        folder.rename(target)
        sync_folder(target.parent)
    except OSError as error:  # a skills/ that is a link to another disk
        reason = f"it could not be put into skills/{place}: {error.strerror}"
        return Outcome("skills", skill.name, "skipped", reason)
    app.history.record([f"skills/{place}"], actor="owner", reason=f"imported from {origin}")
    return Outcome("skills", skill.name, "imported", notes)


def _read(file: Path) -> tuple[Skill | None, str]:
    """The skill, read leniently; or why it is none."""
    try:
        if file.stat().st_size > FILE_LIMIT:
            return None, f"its SKILL.md is larger than {FILE_LIMIT >> 10} KiB"
        return parse(file.read_bytes().decode("utf-8"), file.parent.name), ""
    except SkillError as error:
        return None, error.message
    except UnicodeDecodeError:
        return None, "its SKILL.md is not UTF-8"


def _obstacle(app: App, skill: Skill, folder: Path, place: str) -> str:
    """Why it cannot come; empty if it can."""
    if there := app.library.get(skill.name):
        return f"there is a skill of this name: {there.folder}"
    if (app.home.skills / place).exists():
        return f"there is a folder skills/{place}"
    if sum(1 for path in folder.rglob("*") if path.is_file()) > MOST_FILES:
        return f"it has more than {MOST_FILES} files"
    return ""
