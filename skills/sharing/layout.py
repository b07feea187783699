"""Which folders of a tree are skills, and what each of them offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from hermes_home.errors import SkillError
from skills.encoding import decoded
from skills.sharing.package import File, Files
from skills.skill import SKILL_FILE, Skill, parse, slug

DEEPEST = 6
"""Parts of a path to a SKILL.md that is looked for."""
MOST_OFFERS = 2_000
NAMES = (SKILL_FILE, "skill.md", "Skill.md")

_SKIPPED = frozenset({".git", "node_modules", "__pycache__", "dist", "build", ".archive"})


@dataclass(frozen=True, slots=True)
class Offer:
    """A skill that a source has: its name for lookup, where in the source it lies, what is wrong
    with it (empty = it can be read). `digest` of its artifact where the source tells one."""

    name: str
    description: str
    path: str = ""
    digest: str = ""
    problem: str = ""


def skill_folders(paths: Iterable[str]) -> dict[str, str]:
    """The SKILL.md of every skill by its folder ("" = the top), in the order of the folders. What
    lies below a skill is part of it."""
    found: dict[str, str] = {}
    for path in paths:
        pure = PurePosixPath(path)
        inner = pure.parent.parts
        if pure.name in NAMES and len(inner) < DEEPEST and not _SKIPPED & set(inner):
            folder = "" if not inner else "/".join(inner)
            known = found.get(folder, path)
            found[folder] = min(known, path, key=lambda one: NAMES.index(PurePosixPath(one).name))
    top = [folder for folder in sorted(found) if not _inside(folder, found)]
    return {folder: found[folder] for folder in top[:MOST_OFFERS]}


def _inside(folder: str, folders: Iterable[str]) -> bool:
    """Whether a folder lies in another of these."""
    parents = {"" if parent == PurePosixPath() else str(parent) for parent in _parents(folder)}
    return bool(parents & set(folders))


def _parents(folder: str) -> Sequence[PurePosixPath]:
    return PurePosixPath(folder).parents if folder else ()


def below(files: Files, folder: str) -> dict[str, File]:
    """The files of one folder, by their paths in it."""
    start = f"{folder}/" if folder else ""
    return {path[len(start) :]: file for path, file in files.items() if path.startswith(start)}


def read_skill(files: Files, folder_name: str) -> Skill:
    """The skill these files are, read leniently. SkillError if they are none."""
    name = next((name for name in NAMES if name in files), None)
    if name is None:
        raise SkillError("there is no SKILL.md in it", "a skill is a folder with a SKILL.md")
    return read_text(files[name].data, folder_name)


def read_text(data: bytes, folder_name: str) -> Skill:
    """The skill a SKILL.md of these bytes describes."""
    text, notes = decoded(data)
    return parse(text, folder_name, notes)


def offer(data: bytes, folder: str, fallback: str) -> Offer:
    """What a SKILL.md offers. `fallback`: the folder's name where that is the source's top."""
    folder_name = folder.rpartition("/")[2] or fallback
    try:
        skill = read_text(data, folder_name)
    except SkillError as error:
        return Offer(slug(folder_name) or folder_name, "", folder, problem=error.message)
    return Offer(skill.name, skill.description, folder)


def within(offers: Sequence[Offer], place: str) -> list[Offer]:
    """Those at or below a path of a source, else the one of that name; all if it is empty.
    SkillError says what there is."""
    found = [one for one in offers if not place or f"{one.path}/".startswith(f"{place}/")]
    found = found or [one for one in offers if one.name == slug(place) and "/" not in place]
    if offers and not found:
        raise SkillError(f"nothing at {place!r}; it holds {_told(offers)}")
    return found


def _told(offers: Sequence[Offer]) -> str:
    return ", ".join(one.name for one in offers[:20]) + (" …" if len(offers) > 20 else "")


def chosen(offers: Sequence[Offer], wanted: Sequence[str], everything: bool) -> list[Offer]:
    """Those that are meant, by name or by path; the only one if none is named. SkillError says
    what there is."""
    if everything:
        return [one for one in offers if not one.problem]
    if not wanted and len(offers) == 1:
        return list(offers)
    if not offers:
        raise SkillError("there is no skill in it", "a skill is a folder with a SKILL.md")
    names = _told(offers)
    if not wanted:
        raise SkillError(f"it holds {len(offers)} skills: {names}", "name one of them behind it")
    found = []
    for word in wanted:
        alike = [one for one in offers if word == one.path or slug(word) == one.name]
        exact = [one for one in alike if word == one.path] or alike
        if not exact:
            raise SkillError(f"it holds no skill {word!r}", f"it holds {names}")
        if len(exact) > 1:
            paths = ", ".join(one.path for one in exact)
            raise SkillError(f"it holds {word!r} more than once", f"name its folder: {paths}")
        found.append(exact[0])
    return found
