"""What the roots hold at one moment, read as a whole; what did not change is read once.

Who has a snapshot sees one library, whatever happens on the disk meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from hermes_home.errors import SkillError
from skills import fitness, ranking
from skills.diagnostic import Diagnostic
from skills.encoding import decoded
from skills.scan import Found, Root, Scan
from skills.skill import SKILL_FILE, Skill, parse
from skills.triggers import triggers

FILE_LIMIT = 1024 * 1024
"""Bytes of a SKILL.md or resource that are read at most."""


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read: a skill, or the reason it is none."""

    stamp: tuple[int, int, int]
    skill: Skill | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    reads: Mapping[Path, Read] = field(default_factory=dict)
    skills: Mapping[str, Skill] = field(default_factory=dict)
    unmet: Mapping[str, str] = field(default_factory=dict)
    usable: Mapping[str, Skill] = field(default_factory=dict)
    index: ranking.Index = field(default_factory=ranking.Index)
    diagnostics: tuple[Diagnostic, ...] = ()
    fingerprint: str = ""


def take(before: Snapshot, roots: Sequence[Root], changed: frozenset[Path]) -> Snapshot:
    """The roots as they are now, the strongest first; of what `before` holds only files whose date
    or size is another, and those `changed`, are read again."""
    scan = Scan()
    for root in roots:
        scan.walk(root)
    reads: dict[Path, Read] = {}
    chosen: dict[str, Skill] = {}
    diagnostics = list(scan.diagnostics)
    for found in scan.found:
        if found.file in reads:
            continue
        known = before.reads.get(found.file)
        same = known is not None and known.stamp == found.stamp and found.file not in changed
        read = known if known is not None and same else _read(found)
        reads[found.file] = read
        diagnostics += read.diagnostics
        if read.skill is None:
            continue
        first = chosen.setdefault(read.skill.name, read.skill)
        if first is not read.skill:
            diagnostics.append(_shadowed(read.skill, first))
    skills = dict(sorted(chosen.items()))
    unmet = fitness.unmet(skills)
    usable = {name: skill for name, skill in skills.items() if name not in unmet}
    return Snapshot(
        reads,
        MappingProxyType(skills),
        MappingProxyType(unmet),
        MappingProxyType(usable),
        _reindexed(before, usable),
        tuple(diagnostics),
        _fingerprint(skills, unmet),
    )


def _read(found: Found) -> Read:
    """Reads one SKILL.md; a fault in it stays its own."""
    file, path = found.file, str(found.file)
    try:
        text, notes = _text(file, found.stamp[1])
        skill = parse(text, file.parent.name, notes)
    except SkillError as error:
        return Read(found.stamp, None, (Diagnostic("error", str(error), path=path),))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        return Read(found.stamp, None, (Diagnostic("error", problem, path=path),))
    noted = list(skill.diagnostics)
    if file.name != SKILL_FILE:
        noted.append(Diagnostic("warning", f"is not named exactly {SKILL_FILE}"))
    placed = replace(
        skill,
        diagnostics=tuple(replace(note, path=path) for note in noted),
        folder=file.parent,
        file=file.name,
        layer=found.root.layer,
        category=found.category,
    )
    return Read(found.stamp, placed, placed.diagnostics)


def _text(file: Path, size: int) -> tuple[str, tuple[Diagnostic, ...]]:
    if size > FILE_LIMIT:
        raise SkillError(f"has {size} bytes", f"keep it below {FILE_LIMIT}; use references/")
    return decoded(file.read_bytes())


def _shadowed(skill: Skill, first: Skill) -> Diagnostic:
    overlay = skill.layer == "bundled"
    text = f"{skill.name!r} is hidden by {first.folder / first.file}"
    path = str(skill.folder / skill.file)
    return Diagnostic("info" if overlay else "warning", text, path=path)


def _reindexed(before: Snapshot, skills: Mapping[str, Skill]) -> ranking.Index:
    added = {
        name: ranking.weigh(name, skill.description, _prose(skill), "; ".join(triggers(skill)))
        for name, skill in skills.items()
        if name not in before.usable or before.usable[name].digest != skill.digest
    }
    removed = before.usable.keys() - skills.keys()
    return before.index.updated(added, removed) if added or removed else before.index


def _prose(skill: Skill) -> str:
    """A skill's words as they are searched: where its files lie says nothing about it."""
    return skill.body.replace("{skill_dir}", "")


def _fingerprint(skills: Mapping[str, Skill], unmet: Mapping[str, str]) -> str:
    lines = [f"{skill.folder}\0{name}\0{skill.digest}" for name, skill in skills.items()]
    lines += [f"{name}\0{reason}" for name, reason in unmet.items()]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
