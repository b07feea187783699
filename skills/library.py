"""All skills from all roots, in three tiers: catalog, instructions, resources.

Readers see one snapshot at a time; `refresh` replaces it and reads only files that changed.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from hermes_home.errors import SkillError, ToolError
from hermes_home.paths import Home
from skills import catalog, fitness, ranking
from skills.catalog import Catalog
from skills.diagnostic import Diagnostic
from skills.scan import Found, Root, Scan, contained, resource_files
from skills.skill import SKILL_FILE, Skill, load_block, parse, slash_name, slug
from skills.triggers import triggers

BUNDLED = Path(__file__).parent / "bundled"
FILE_LIMIT = 1024 * 1024
"""Bytes of a SKILL.md or resource that are read at most."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as it was read: a skill, or the reason it is none."""

    stamp: tuple[int, int, int]
    skill: Skill | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    reads: Mapping[Path, _Read] = field(default_factory=dict)
    skills: Mapping[str, Skill] = field(default_factory=dict)
    unmet: Mapping[str, str] = field(default_factory=dict)
    usable: Mapping[str, Skill] = field(default_factory=dict)
    index: ranking.Index = field(default_factory=ranking.Index)
    diagnostics: tuple[Diagnostic, ...] = ()
    fingerprint: str = ""


class Library:
    """The skills one may use. Reads the disk when made and in `refresh`; safe between threads.

    Earlier roots win: the home, the workspace's `.agents/skills` if `trusted` says so of the
    workspace, `extra` folders, and what ships with the program.
    """

    def __init__(
        self,
        home: Home,
        *,
        workspace: Path | None = None,
        extra: Sequence[Path] = (),
        bundled: Path | None = BUNDLED,
        trusted: Callable[[Path], bool] = lambda workspace: False,
    ) -> None:
        self._home = home
        self._workspace = workspace
        self._extra = tuple(extra)
        self._bundled = bundled
        self._trusted = trusted
        self._lock = threading.Lock()
        self._snapshot = _Snapshot()
        self.refresh()

    def roots(self) -> list[Root]:
        """Where skills are looked for now, the strongest first."""
        roots = [Root(self._home.skills, "home", self._home.skills)]
        if self._workspace is not None and self._trusted(self._workspace):
            folder = self._workspace / ".agents" / "skills"
            roots.append(Root(folder, "workspace", self._workspace))
        roots += [Root(folder, "extra", folder) for folder in self._extra]
        if self._bundled is not None:
            roots.append(Root(self._bundled, "bundled", self._bundled))
        return roots

    def refresh(self, changed: Collection[Path] | None = None) -> bool:
        """Takes over what changed on disk and says whether anything did. With `changed`, nothing
        is done if no path lies in a root, and these files are read again whatever their date."""
        with self._lock:
            roots = self.roots()
            if changed is not None and not _concerns(roots, changed):
                return False
            before = self._snapshot
            self._snapshot = _take(before, roots, frozenset(changed or ()))
            return before.fingerprint != self._snapshot.fingerprint

    def skills(self) -> Mapping[str, Skill]:
        """Every skill by name, in the order of names."""
        return self._snapshot.skills

    def get(self, name: str) -> Skill | None:
        """The skill of this name, in whatever case and spacing it is written."""
        return self._snapshot.skills.get(slug(name))

    def everywhere(self, name: str) -> list[Skill]:
        """Every skill of this name in any root, those that another hides too; the strongest
        first."""
        reads = self._snapshot.reads.values()
        return [one.skill for one in reads if one.skill is not None and one.skill.name == name]

    def bundled(self) -> dict[str, Skill]:
        """What ships with the program, by name, hidden or not."""
        found = [one.skill for one in self._snapshot.reads.values() if one.skill is not None]
        return {skill.name: skill for skill in found if skill.layer == "bundled"}

    def usable(self) -> Mapping[str, Skill]:
        """The skills that can work on this machine. Only these are in the catalog, found by their
        words and loaded by a slash command."""
        return self._snapshot.usable

    def unmet(self) -> Mapping[str, str]:
        """What the others lacked at the last refresh, by name."""
        return self._snapshot.unmet

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is odd about any file, with its path."""
        return self._snapshot.diagnostics

    @property
    def fingerprint(self) -> str:
        """Changes when a skill appears, goes, moves, has another text or can work no more."""
        return self._snapshot.fingerprint

    def catalog(
        self, request: str, tokens: int, exclude: Collection[str] = (), first: str = ""
    ) -> Catalog:
        """The skills that match a request, in at most `tokens` and 2 KB; those behind the third
        only if they clearly do. `first` heads them whether it matches or not."""
        snapshot, apart = self._snapshot, {*exclude, first}
        wanted = catalog.ENTRIES_LIMIT + len(apart)
        hits = [
            hit
            for hit in snapshot.index.search(request, wanted)
            if hit.key not in apart and hit.told
        ]
        names = [hit.key for at, hit in enumerate(hits) if at < catalog.ALWAYS or hit.clear]
        headed = [first, *names] if first in snapshot.skills else names
        shown = [snapshot.skills[name] for name in headed]
        return catalog.build(shown, len(snapshot.usable), tokens)

    def later(self, request: str, known: Collection[str]) -> Catalog:
        """What a later message of a session tells: the few skills that clearly match it and are
        not known there yet."""
        snapshot = self._snapshot
        hits = snapshot.index.search(request, catalog.LATER_ENTRIES + len(known))
        found = [snapshot.skills[hit.key] for hit in hits if hit.clear and hit.key not in known]
        return catalog.later(found, len(snapshot.usable))

    def matches(self, text: str, limit: int = 10) -> list[Skill]:
        """The skills that match a text, best first."""
        snapshot = self._snapshot
        return [snapshot.skills[hit.key] for hit in snapshot.index.search(text, limit)]

    def rarity(self, term: str) -> float:
        """How rare a term is among the skills, 0 to 1."""
        return self._snapshot.index.rarity(term)

    def resources(self, name: str) -> list[str]:
        """The paths of a skill's other files below its folder, sorted."""
        skill = self.require(name)
        files = resource_files(skill.folder, skill.file)
        return [file.relative_to(skill.folder).as_posix() for file in files]

    def read_resource(self, name: str, path: str) -> str | bytes:
        """A file below a skill's folder: text if it is UTF-8, else its bytes."""
        skill = self.require(name)
        file = skill.folder / path
        if "\0" in path or not contained(file, skill.folder):
            raise ToolError(f"{path!r} lies outside the skill {skill.name}", _listed(self, skill))
        if not file.is_file():
            raise ToolError(f"the skill {skill.name} has no file {path!r}", _listed(self, skill))
        if file.stat().st_size > FILE_LIMIT:
            raise ToolError(f"{path} has over {FILE_LIMIT} bytes", "read it with read_file")
        return _decoded(file.read_bytes())

    def by_slash(self, word: str) -> str:
        """The name of the skill this slash command loads, '' if there is none."""
        skill = self.get(word)
        if skill is None or skill.name not in self.usable():
            return ""
        return skill.name if slash_name(skill) == word.lower() else ""

    def load_block(self, name: str) -> str:
        """A skill's instructions as they enter a conversation, with what this machine lacks for
        them; ToolError if there is none."""
        skill = self.require(name)
        return load_block(skill, fitness.lacking(skill))

    def require(self, name: str) -> Skill:
        """The skill of this name; ToolError names the nearest ones."""
        skill = self.get(name)
        if skill is None:
            near = ", ".join(near.name for near in self.matches(name.replace("-", " "), 3))
            hint = f"did you mean {near}?" if near else "skills_search finds skills by their words"
            raise ToolError(f"there is no skill {name!r}", hint)
        return skill


def _listed(library: Library, skill: Skill) -> str:
    files = library.resources(skill.name)
    return f"its files: {', '.join(files[:20])}" if files else "it has no files but SKILL.md"


def _decoded(content: bytes) -> str | bytes:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content


def _concerns(roots: Sequence[Root], changed: Collection[Path]) -> bool:
    places = [place for root in roots for place in (root.path, root.path.resolve())]
    return any(path.is_relative_to(place) for path in changed for place in places)


def _take(before: _Snapshot, roots: Sequence[Root], changed: frozenset[Path]) -> _Snapshot:
    scan = Scan()
    for root in roots:
        scan.walk(root)
    reads: dict[Path, _Read] = {}
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
    return _Snapshot(
        reads,
        MappingProxyType(skills),
        MappingProxyType(unmet),
        MappingProxyType(usable),
        _reindexed(before, usable),
        tuple(diagnostics),
        _fingerprint(skills, unmet),
    )


def _read(found: Found) -> _Read:
    """Reads one SKILL.md; a fault in it stays its own."""
    file, path = found.file, str(found.file)
    try:
        skill = parse(_text(file, found.stamp[1]), file.parent.name)
    except SkillError as error:
        return _Read(found.stamp, None, (Diagnostic("error", str(error), path=path),))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        return _Read(found.stamp, None, (Diagnostic("error", problem, path=path),))
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
    return _Read(found.stamp, placed, placed.diagnostics)


def _text(file: Path, size: int) -> str:
    if size > FILE_LIMIT:
        raise SkillError(f"has {size} bytes", f"keep it below {FILE_LIMIT}; use references/")
    content = file.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SkillError(f"line {line}: is not UTF-8", "save the file as UTF-8") from None


def _shadowed(skill: Skill, first: Skill) -> Diagnostic:
    overlay = skill.layer == "bundled"
    text = f"{skill.name!r} is hidden by {first.folder / first.file}"
    path = str(skill.folder / skill.file)
    return Diagnostic("info" if overlay else "warning", text, path=path)


def _reindexed(before: _Snapshot, skills: Mapping[str, Skill]) -> ranking.Index:
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
