"""One skill's files as they are and as a change would leave them, and the rules for both."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from agent.events import FileChange
from agent.learning.proposal import Proposal
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from hermes_home.tracked import tracked
from skills.scan import MOST_FILES, contained, resource_files, skill_file
from skills.skill import SKILL_FILE, Skill
from skills.strict import canonical, check_strict, check_text

RESOURCE_FOLDERS = ("scripts", "references", "assets")
RESOURCE_BYTES = 64 * 1024
RESOURCE_FILES = 50

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}")
_DEEPEST = 4


@dataclass
class Draft:
    """`folder` lies below the home; `before` and `after` hold whole texts by path below it.
    `overlays`: the version of the bundled skill it is a copy of."""

    name: str
    folder: PurePosixPath
    file: str
    before: dict[str, str]
    after: dict[str, str]
    overlays: str = ""

    @property
    def text(self) -> str:
        """The SKILL.md as it would be."""
        return self.after[self.file]

    def proposal(self, action: str, words: str) -> Proposal:
        """The change; ToolError lists everything that is not valid about the skill after it."""
        self.after[self.file] = strict_text(self.text, self.folder.name)
        changes = self.changes()
        return Proposal("skill", self.name, action, changes, words, overlays=self.overlays)

    def changes(self) -> tuple[FileChange, ...]:
        """What differs, sorted by path; ToolError if nothing does."""
        paths = sorted({*self.before, *self.after})
        changes = [
            FileChange(str(self.folder / path), self.before.get(path), self.after.get(path))
            for path in paths
            if self.before.get(path) != self.after.get(path)
        ]
        if not changes:
            raise ToolError(f"the skill {self.name} says this already; nothing changes")
        return tuple(changes)


def open_draft(home: Home, skill: Skill, *others: str) -> Draft:
    """A draft of an existing skill with its SKILL.md and these other files, if they exist. One
    that ships with the program is copied whole into the home, where the copy hides it."""
    if skill.layer == "bundled":
        files = [Path(skill.file), *(f.relative_to(skill.folder) for f in _resources(skill))]
        texts = {file.as_posix(): read_text(skill.folder / file) for file in files}
        folder = _free(home, skill.name)
        return Draft(skill.name, folder, skill.file, {}, texts, version_of(skill))
    if skill.layer != "home":
        raise ToolError(
            f"{skill.name} belongs to {skill.folder}, which is read only here",
            "create a skill of another name, or ask the owner to change this one",
        )
    paths = [path for path in (skill.file, *others) if (skill.folder / path).is_file()]
    texts = {path: read_text(skill.folder / path) for path in paths}
    folder = PurePosixPath(skill.folder.relative_to(home.root).as_posix())
    return Draft(skill.name, folder, skill.file, dict(texts), texts)


def version_of(skill: Skill) -> str:
    """Twelve digits that change with any file of the skill."""
    digest = sha256()
    for file in (skill.folder / skill.file, *_resources(skill)):
        content = sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(skill.folder)}\0{content}\n".encode())
    return digest.hexdigest()[:12]


def whole_draft(home: Home, skill: Skill) -> Draft:
    """A draft that holds every file of a skill of the home."""
    others = [file.relative_to(skill.folder).as_posix() for file in _resources(skill)]
    if len(others) >= MOST_FILES:
        raise ToolError(
            f"{skill.name} has too many files to be moved as one change",
            "the owner can move its folder by hand",
        )
    draft = open_draft(home, skill)
    texts = {path: carried(skill.folder / path) for path in others}
    draft.before |= texts
    draft.after |= texts
    return draft


def new_draft(home: Home, name: str, category: str, text: str) -> Draft:
    """A draft of a skill that does not exist yet, at a place that is free."""
    folder = _free(home, name, category)
    return Draft(name, folder, SKILL_FILE, {}, {SKILL_FILE: strict_text(text, name)})


def _free(home: Home, name: str, category: str = "") -> PurePosixPath:
    """A skill's folder below the home; ToolError if something is there already."""
    folder = PurePosixPath("skills", category, name)
    place = home.root / folder
    if os.path.lexists(place):
        raise ToolError(
            f"{folder} exists already, though no skill {name} can be read from it",
            "choose another name; `hermes skills list` tells the owner what is wrong there",
        )
    if not contained(place, home.skills):
        raise ToolError(f"{folder} leads out of the home's skills", "choose another category")
    for above in folder.parents[:-2]:
        if skill_file(home.root / above):
            raise ToolError(f"{category} holds the skill {above.name}; it is not a category")
    return folder


def strict_text(text: str, name: str) -> str:
    """The text as it may be written, quoted where that is all it lacks."""
    if check_strict(text, name):
        text = canonical(text, name)
    if problems := check_strict(text, name):
        raise ToolError(
            f"the skill {name} would not be valid: {'; '.join(problems)}",
            "content is a whole SKILL.md: ---, name, description, ---, then the instructions",
        )
    return text


def resource_path(skill: Skill, path: str) -> str:
    """The path below the skill's folder, if a skill may have a file there."""
    parts = path.split("/")
    named = all(_FILE_NAME.fullmatch(part) for part in parts)
    placed = parts[0] in RESOURCE_FOLDERS and 2 <= len(parts) <= _DEEPEST
    if not named or not placed or not tracked(f"skills/{skill.name}/{path}"):
        raise ToolError(
            f"{path[:200]!r} is no place for a skill's file",
            "use scripts/…, references/… or assets/… with plain names; patch or edit SKILL.md",
        )
    if not contained(skill.folder / path, skill.folder):
        raise ToolError(f"{path} leads out of the skill through a link")
    return path


def check_resource(skill: Skill, path: str, content: str) -> None:
    """ToolError if this content would not do as a skill's file."""
    problems = check_text(content)
    if len(content.encode("utf-8", "replace")) > RESOURCE_BYTES:
        problems.append(f"it has over {RESOURCE_BYTES} bytes")
    if not content.strip():
        problems.append("it is empty")
    others = [file for file in _resources(skill) if file != skill.folder / path]
    if len(others) >= RESOURCE_FILES:
        problems.append(f"the skill has {RESOURCE_FILES} files already")
    if problems:
        raise ToolError(f"{path} would not be valid: {'; '.join(problems)}")


def replace_once(text: str, old: str, new: str, where: str) -> str:
    """The text with its one occurrence of `old` replaced."""
    if not old:
        raise ToolError("old_text is empty", "give the exact text to replace")
    count = text.count(old)
    if count == 1:
        return text.replace(old, new)
    if count:
        starts = [match.start() for match in re.finditer(re.escape(old), text)][:10]
        lines = ", ".join(str(text.count("\n", 0, start) + 1) for start in starts)
        hint = f"it begins on lines {lines}: add lines around it until it is unique"
        raise ToolError(f"old_text occurs {count} times in {where}", hint)
    raise ToolError(f"old_text does not occur in {where}", _nearest(text, old))


def _nearest(text: str, old: str) -> str:
    first = next((line for line in old.splitlines() if line.strip()), old)
    lines = text.splitlines()
    near = difflib.get_close_matches(first, lines, n=3, cutoff=0.4)
    told = "; ".join(f"line {lines.index(line) + 1}: {line.strip()[:120]}" for line in near)
    return f"nearest: {told}" if told else "skill_view shows the text as it is"


def carried(file: Path) -> str:
    """A file's bytes as a change of whole files carries them, text or not."""
    return file.read_bytes().decode("utf-8", "surrogateescape")


def read_text(file: Path) -> str:
    """A file's text with its line ends as they are; ToolError if it is not text."""
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError(
            f"{file.name} is not text, so this change cannot be kept and undone",
            "the owner can move the skill's folder by hand",
        ) from None


def _resources(skill: Skill) -> list[Path]:
    return resource_files(skill.folder, skill.file)
