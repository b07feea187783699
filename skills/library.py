"""All skills from all roots, in three tiers: catalog, instructions, resources.

Readers see one snapshot at a time; `refresh` replaces it and reads only files that changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from agent.events import SkillRef
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from skills import catalog, fitness
from skills.catalog import Catalog
from skills.diagnostic import Diagnostic
from skills.scan import Root, contained, resource_files
from skills.skill import Skill, load_block, slash_name, slug
from skills.snapshot import FILE_LIMIT, Snapshot, take
from skills.triggers import may_mean
from skills.versions import ref_of

BUNDLED = Path(__file__).parent / "bundled"


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
        self._snapshot = Snapshot()
        self._refs: dict[tuple[Path, str], SkillRef] = {}
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
            self._snapshot = take(before, roots, frozenset(changed or ()))
            self._refs = {}
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

    def ref(self, skill: Skill) -> SkillRef:
        """A skill with its version, which its scripts and other files belong to; they are looked
        at once after each refresh."""
        refs, key = self._refs, (skill.folder, skill.digest)
        if key not in refs:
            refs[key] = ref_of(skill)
        return refs[key]

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
            if hit.key not in apart and hit.told and may_mean(request, snapshot.skills[hit.key])
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
        clear = [snapshot.skills[hit.key] for hit in hits if hit.clear and hit.key not in known]
        found = [skill for skill in clear if may_mean(request, skill)]
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

    def require(self, name: str, find: str = "hermes skills search WORDS") -> Skill:
        """The skill of this name; ToolError names the nearest ones, or what would `find` some."""
        skill = self.get(name)
        if skill is None:
            near = ", ".join(near.name for near in self.matches(name.replace("-", " "), 3))
            hint = f"did you mean {near}?" if near else f"`{find}` finds skills by their words"
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
