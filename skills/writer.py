"""The one writer of skills: plans whole files, which the door checks, journals and writes."""

from __future__ import annotations

import glob
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from agent.events import FileChange
from agent.learning.door import OWNER, Author, Change, Door
from agent.learning.proposal import Proposal
from hermes_home.errors import ToolError
from hermes_home.paths import Home
from hermes_home.tracked import files_below
from skills.draft import (
    Draft,
    carried,
    check_resource,
    new_draft,
    open_draft,
    replace_once,
    resource_path,
    whole_draft,
)
from skills.library import Library
from skills.skill import SKILL_FILE, Skill, parse
from skills.strict import check_name
from skills.twins import twin

DEEPEST_CATEGORY = 3
SEARCH_TOOL = "skills_search"
"""What a model finds skills with."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is asked of the writer; which fields count depends on the action."""

    action: str
    name: str
    content: str = ""
    old_text: str = ""
    new_text: str = ""
    path: str = ""
    category: str = ""


class Writer:
    """Changes the skills of a home. Every method raises ToolError if the skill would not be
    valid, and ChangeRefused if the door keeps it out; then nothing is written."""

    def __init__(self, home: Home, library: Library, door: Door) -> None:
        self._home = home
        self._library = library
        self._door = door
        self._plans: dict[str, Callable[[Edit], Proposal]] = {
            "create": self._create,
            "patch": self._patch,
            "edit": self._edit,
            "write_file": self._write_file,
            "remove_file": self._remove_file,
            "archive": self._archive,
        }

    async def apply(self, edit: Edit, author: Author) -> Change:
        """Carries out an edit; the library holds its result when this returns."""
        plan = self._plans.get(edit.action)
        if plan is None:
            raise ToolError(f"there is no action {edit.action!r}", f"use {', '.join(self._plans)}")

        def planned() -> Proposal:
            self._library.refresh()
            return plan(edit)

        change = await self._door.apply(planned, author)
        self._library.refresh()
        return change

    async def create(self, name: str, content: str, author: Author, category: str = "") -> Change:
        """A new skill; `content` is its whole SKILL.md. Refused if it has a near twin."""
        return await self.apply(Edit("create", name, content, category=category), author)

    async def edit(self, name: str, content: str, author: Author) -> Change:
        """Replaces the whole SKILL.md."""
        return await self.apply(Edit("edit", name, content), author)

    async def patch(
        self, name: str, old_text: str, new_text: str, author: Author, path: str = ""
    ) -> Change:
        """Replaces the one occurrence of `old_text` in SKILL.md or another file."""
        edit = Edit("patch", name, old_text=old_text, new_text=new_text, path=path)
        return await self.apply(edit, author)

    async def write_file(self, name: str, path: str, content: str, author: Author) -> Change:
        """Writes a whole file below scripts/, references/ or assets/."""
        return await self.apply(Edit("write_file", name, content, path=path), author)

    async def remove_file(self, name: str, path: str, author: Author) -> Change:
        """Removes a file below scripts/, references/ or assets/."""
        return await self.apply(Edit("remove_file", name, path=path), author)

    async def archive(self, name: str, author: Author) -> Change:
        """Moves the skill to skills/.archive/<name>-<n>/, where it is not found any more."""
        return await self.apply(Edit("archive", name), author)

    async def forget(self, id: int, name: str, paths: Collection[str]) -> Change:
        """Take every file of a skill out of the home because its owner wants change `id`
        forgotten; also those in the archive, and what lies at `paths` of earlier changes."""
        return await self._door.apply(lambda: self.forgetting(id, name, paths), OWNER)

    def forgetting(self, id: int, name: str, paths: Collection[str]) -> Proposal:
        """The change that `forget` would make; ToolError if nothing of the skill is there."""
        self._library.refresh()
        skill = self._library.get(name)
        folders = {PurePosixPath(path) for path in paths}
        if skill is not None and skill.layer == "home":
            folders.add(PurePosixPath(skill.folder.relative_to(self._home.root).as_posix()))
        archives = (self._home.skills / ".archive").glob(f"{glob.escape(name)}-*")
        for place in archives:
            if place.name.removeprefix(f"{name}-").isdigit():
                folders.add(PurePosixPath(place.relative_to(self._home.root).as_posix()))
        found = sorted(
            {path for folder in folders for path in files_below(self._home, str(folder))}
        )
        if not found:
            raise ToolError(f"nothing of the skill {name} is in the home")
        texts = [(path, carried(self._home.root / path)) for path in found]
        files = tuple(FileChange(path, text, None) for path, text in texts)
        return Proposal("skill", name, "forget", files, forgets=id)

    # -- plans: what each action would do to the files that are there now ------------------------

    def _create(self, edit: Edit) -> Proposal:
        _demand(edit, "content")
        _check_names(edit)
        if old := self._library.get(edit.name):
            raise ToolError(f"the skill {old.name} exists", "patch or edit it instead")
        draft = new_draft(self._home, edit.name, edit.category, edit.content)
        if near := twin(self._library, parse(draft.text, edit.name)):
            raise ToolError(
                f"the skill {near.name} says nearly the same: {near.description[:200]}",
                f"look at it with skill_view and patch {near.name} with what is new",
            )
        return draft.proposal(edit.action, edit.content)

    def _edit(self, edit: Edit) -> Proposal:
        _demand(edit, "content")
        draft = open_draft(self._home, self._require(edit))
        words = _new_lines(draft.text, edit.content)
        draft.after[draft.file] = edit.content
        return draft.proposal(edit.action, words)

    def _patch(self, edit: Edit) -> Proposal:
        _demand(edit, "old_text")
        skill = self._require(edit)
        own = edit.path in ("", SKILL_FILE, skill.file)
        path = skill.file if own else resource_path(skill, edit.path)
        draft = open_draft(self._home, skill, path)
        before = _existing(draft, path).replace("\r\n", "\n")
        draft.after[path] = replace_once(before, edit.old_text, edit.new_text, path)
        if not own:
            check_resource(skill, path, draft.after[path])
        return draft.proposal(edit.action, edit.new_text)

    def _write_file(self, edit: Edit) -> Proposal:
        _demand(edit, "path", "content")
        skill = self._require(edit)
        path = resource_path(skill, edit.path)
        check_resource(skill, path, edit.content)
        draft = open_draft(self._home, skill, path)
        words = _new_lines(draft.after.get(path, ""), edit.content)
        draft.after[path] = edit.content
        return draft.proposal(edit.action, words)

    def _remove_file(self, edit: Edit) -> Proposal:
        _demand(edit, "path")
        skill = self._require(edit)
        path = resource_path(skill, edit.path)
        draft = open_draft(self._home, skill, path)
        _existing(draft, path)
        del draft.after[path]
        return draft.proposal(edit.action, "")

    def _archive(self, edit: Edit) -> Proposal:
        skill = self._require(edit)
        if skill.layer == "bundled":
            raise ToolError(f"{skill.name} ships with the program and cannot be archived")
        draft = whole_draft(self._home, skill)
        place = self._free_archive(skill)
        moved = [FileChange(str(place / path), None, text) for path, text in draft.before.items()]
        draft.after.clear()
        return Proposal("skill", skill.name, edit.action, (*moved, *draft.changes()))

    def _require(self, edit: Edit) -> Skill:
        """Only the owner, and a model that tidies up, put away; the rest is a model's."""
        if edit.action == "archive":
            return self._library.require(edit.name)
        return self._library.require(edit.name, SEARCH_TOOL)

    def _free_archive(self, skill: Skill) -> PurePosixPath:
        number = 1
        while (self._home.skills / ".archive" / f"{skill.name}-{number}").exists():
            number += 1
        return PurePosixPath("skills", ".archive", f"{skill.name}-{number}")


def _demand(edit: Edit, *needed: str) -> None:
    if missing := [name for name in needed if not getattr(edit, name)]:
        raise ToolError(f"{edit.action} needs {' and '.join(missing)}")


def _check_names(edit: Edit) -> None:
    parts = edit.category.split("/") if edit.category else []
    problems = [problem for name in (edit.name, *parts) for problem in check_name(name)]
    if len(parts) > DEEPEST_CATEGORY:
        problems.append(f"the category is deeper than {DEEPEST_CATEGORY} folders")
    if problems:
        raise ToolError("; ".join(problems), "such as `weekly-report` in the category `office`")


def _existing(draft: Draft, path: str) -> str:
    if path not in draft.after:
        raise ToolError(f"the skill {draft.name} has no file {path}", "skill_view lists its files")
    return draft.after[path]


def _new_lines(before: str, after: str) -> str:
    """The lines of a text that were not there before: the words a change brings."""
    known = set(before.splitlines())
    return "\n".join(line for line in after.splitlines() if line not in known)
