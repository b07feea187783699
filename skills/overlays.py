"""Bundled skills are a layer that is only read; who changes one changes a copy in the home, which
hides it: an overlay. An update of the program changes the layer and no overlay.

An overlay's origin, the bundled text it was made from, stands in the journal with the change that
made it. So it can be told which ones the program has a newer text for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from agent.events import AnyEvent, ChangeIntended, ChangeMade, FileChange
from agent.learning.proposal import Proposal
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from skills.draft import open_draft, version_of, whole_draft
from skills.library import Library
from skills.scan import resource_files
from skills.sharing.installing import lock_change
from skills.sharing.lock import lock_path
from skills.skill import Skill

State = Literal["current", "changed", "unknown", "gone"]
_AWAY = ("reset", "archive", "forget", "uninstall")
"""Actions after which a skill is not in the home any more."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A skill of the home that hides a bundled one, or did. state: `current`, the bundled text is
    what it was made from; `changed` since; `unknown`, nobody knows what it was made from; `gone`,
    the program does not bring it any more. origin, now: versions of the bundled text, may be
    empty."""

    name: str
    state: State
    origin: str = ""
    now: str = ""


class Origins:
    """What each overlay was made from. Fold events with `take`, first those of the journal and
    then each new one."""

    def __init__(self) -> None:
        self._changes: dict[int, ChangeIntended] = {}
        self._origins: dict[str, str] = {}
        self._before: dict[int, str] = {}

    def take(self, seq: int, event: AnyEvent) -> None:
        """Kinds that say nothing about overlays are passed over."""
        if isinstance(event, ChangeIntended) and event.kind == "skill":
            self._intended(seq, event)
        elif isinstance(event, ChangeMade) and event.id in self._changes:
            self._made(event.id, self._changes[event.id])

    def of(self, name: str) -> str:
        """The version of the bundled text; empty if none is known."""
        return self._origins.get(name, "")

    def _intended(self, seq: int, event: ChangeIntended) -> None:
        about = event.undoes in self._changes or event.approves in self._changes
        if event.overlays or event.action in _AWAY or about:
            self._changes[seq] = event

    def _made(self, id: int, change: ChangeIntended) -> None:
        asked = self._changes.get(change.approves, change)
        self._before[id] = self.of(change.name)
        if change.undoes:
            self._origins[change.name] = self._before.get(change.undoes, "")
        elif asked.action in _AWAY:
            self._origins.pop(change.name, None)
        else:
            self._origins[change.name] = asked.overlays


def overlays(library: Library, origins: Origins) -> dict[str, Overlay]:
    """Every overlay by name."""
    bundled = library.bundled()
    found = (
        _overlay(skill, bundled.get(skill.name), origins.of(skill.name))
        for skill in library.skills().values()
        if skill.layer == "home" and (skill.name in bundled or origins.of(skill.name))
    )
    return {one.name: one for one in found}


def _overlay(skill: Skill, below: Skill | None, origin: str) -> Overlay:
    if below is None:
        return Overlay(skill.name, "gone", origin)
    now = version_of(below)
    if now in (origin, version_of(skill)):
        return Overlay(skill.name, "current", origin, now)
    return Overlay(skill.name, "changed" if origin else "unknown", origin, now)


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that the bundled skill and its overlay do not have alike; None = has not at all."""

    path: str
    bundled: str | None
    own: str | None


def differences(library: Library, name: str) -> list[Difference]:
    """By path, in which files an overlay differs from the bundled text of now."""
    skill, below = _pair(library, name)
    one, other = dict(_texts(below)), dict(_texts(skill))
    paths = sorted(path for path in {*one, *other} if one.get(path) != other.get(path))
    return [Difference(path, one.get(path), other.get(path)) for path in paths]


def resetting(home: Home, library: Library, name: str) -> Proposal:
    """The change that takes an overlay away, so that the bundled skill is used again."""
    library.refresh()
    draft = whole_draft(home, _pair(library, name)[0])
    draft.after.clear()
    changes = draft.changes()
    if (home.root / lock_path(draft.name)).exists():
        changes = (*changes, lock_change(home, draft.name, None))
    return Proposal("skill", draft.name, "reset", changes)


def keeping(home: Home, library: Library, name: str) -> Proposal:
    """The change that says: this overlay stays as it is, knowing the bundled text of now. It puts
    the same text for the same."""
    library.refresh()
    skill, below = _pair(library, name)
    draft = open_draft(home, skill)
    same = FileChange(str(draft.folder / draft.file), draft.text, draft.text)
    return Proposal("skill", skill.name, "keep", (same,), overlays=version_of(below))


def _pair(library: Library, name: str) -> tuple[Skill, Skill]:
    """An overlay, and what it hides."""
    skill = library.require(name)
    below = library.bundled().get(skill.name)
    if below is None or skill.layer != "home":
        raise ToolError(
            f"{skill.name} is no copy of a bundled skill",
            "`hermes skills list` shows which are.",
        )
    return skill, below


def _texts(skill: Skill) -> Iterator[tuple[str, str]]:
    for file in (skill.folder / skill.file, *resource_files(skill.folder, skill.file)):
        yield file.relative_to(skill.folder).as_posix(), _text(file)


def _text(file: Path) -> str:
    data = file.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return f"{len(data)} bytes, not text, sha256 {sha256(data).hexdigest()[:12]}\n"


def shown(found: Mapping[str, Overlay], name: str) -> dict[str, str] | None:
    """One of them as data; None if this skill is no overlay."""
    one = found.get(name)
    return {"state": one.state, "origin": one.origin, "now": one.now} if one else None
