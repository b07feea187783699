"""What the model can do with skills: list, search, load, and keep what was learned."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated, Any, Literal

from agent.learning.door import Author, Change
from agent.policy import Effect
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.schema import tool
from hermes_home.errors import ChangeRefused, ToolError
from skills.catalog import entry
from skills.library import Library
from skills.skill import Skill
from skills.writer import SEARCH_TOOL, Edit, Writer

LISTED = 60
FOUND = 10
LISTED_CUT = 100

Hidden = Callable[[str], Collection[str]]
"""The names of the skills that a session is to find nothing of."""

_MEANWHILE = {
    "write_file": ". Until then the file is not there: make SKILL.md work without it.",
    "create": ". Until then there is no such skill, and no file can be added to it.",
}
"""What a proposal means for the work that goes on."""

Action = Literal["create", "patch", "edit", "write_file", "remove_file", "archive"]


def _nothing(session: str) -> Collection[str]:
    return ()


def skill_tools(
    library: Library, writer: Writer, hidden: Hidden = _nothing, absent: Hidden = _nothing
) -> list[Tool]:
    """The skill tools over one library and its writer. A checkpoint finds what is `hidden` from
    its session too: it searches before it creates. What is `absent` is not there by name either."""
    return [*_finding(library, hidden, absent), _viewing(library, absent), _keeping(writer)]


def _finding(library: Library, hidden: Hidden, absent: Hidden) -> list[Tool]:
    async def skills_list(context: ToolContext, category: str = "") -> ToolResult:
        """List skills by name."""
        gone = absent(context.session)
        there = [skill for name, skill in library.usable().items() if name not in gone]
        chosen = [skill for skill in there if not category or skill.category == category]
        return ToolResult(_listing(chosen, category))

    async def skills_search(context: ToolContext, query: str) -> ToolResult:
        """Find skills by words of their task."""
        gone = () if context.checkpoint else hidden(context.session)
        found = [s for s in library.matches(query, FOUND + len(gone)) if s.name not in gone][:FOUND]
        if not found:
            return ToolResult(f"no skill of {len(library.usable())} matches these words")
        return ToolResult("\n".join(f"- {entry(skill)}" for skill in found))

    return [
        tool(skills_list, effects=_none, read_only=True),
        tool(skills_search, effects=_none, read_only=True),
    ]


def _viewing(library: Library, absent: Hidden) -> Tool:
    async def skill_view(
        context: ToolContext,
        name: str,
        path: Annotated[str, "one of its files; default: the instructions"] = "",
    ) -> ToolResult:
        """Load a skill's instructions and follow them; or read one of its files."""
        skill = library.require(name, SEARCH_TOOL)
        if skill.name in absent(context.session):
            raise ToolError(f"there is no skill {name!r}")
        details = {"skill": skill.name, "digest": skill.digest}
        if path:
            content = library.read_resource(name, path)
            return ToolResult(_shown(content, path), details={**details, "path": path})
        files = library.resources(name)
        listed = f"\nfiles (skill_view with path reads one): {', '.join(files)}" if files else ""
        text = library.load_block(name) + listed
        return ToolResult(text, details=details, loaded=library.ref(skill))

    return tool(skill_view, effects=_none, read_only=True)


def _keeping(writer: Writer) -> Tool:
    async def skill_manage(  # noqa: PLR0913 - the arguments are the published schema
        context: ToolContext,
        action: Action,
        name: str,
        content: Annotated[str, "create, edit: whole SKILL.md; write_file: the file"] = "",
        old_text: Annotated[str, "patch: exact, occurs once"] = "",
        new_text: str = "",
        path: Annotated[str, "scripts/…, references/… or assets/…; default SKILL.md"] = "",
        category: str = "",
    ) -> ToolResult:
        """Keep a tested procedure as a skill. Patch a similar skill rather than create its twin.
        A SKILL.md: `---`, `name: like-this`, `description: what it does. Use when …`, `---`, each
        on a line, then numbered steps, commands in `backticks`, its own files as
        `{skill_dir}/scripts/…`; `## Verification` names the command that checks;
        `<value>` for what varies."""
        if not context.learning:
            raise ChangeRefused("this run keeps nothing: learning is off")
        edit = Edit(action, name, content, old_text, new_text, path, category)
        change = await writer.apply(edit, _author(context))
        return ToolResult(_told(change), details={"change": change.id, "status": change.status})

    return tool(skill_manage, effects=_learns)


def _none(arguments: dict[str, Any], context: ToolContext) -> list[Effect]:
    return []


def _learns(arguments: dict[str, Any], context: ToolContext) -> list[Effect]:
    return [Effect("learn", f"skill {arguments.get('name', '')}")]


def _author(context: ToolContext) -> Author:
    return Author("agent", context.session, context.run, context.checkpoint, context.conversation)


def _told(change: Change) -> str:
    if change.status == "proposed":
        told = f"proposed as change {change.id}: {change.action} {change.name}; the owner decides"
        return told + _MEANWHILE.get(change.action, "")
    return f"done as change {change.id}: {change.action} {change.name} ({change.status})"


def _listing(skills: list[Skill], category: str) -> str:
    """Names and short descriptions by category, of at most LISTED skills."""
    if not skills:
        return f"there are no skills{f' in the category {category}' if category else ''}"
    lines = [f"{len(skills)} skills"]
    last = ""
    for skill in sorted(skills, key=lambda skill: (skill.category, skill.name))[:LISTED]:
        if skill.category != last:
            last = skill.category
            lines.append(f"{last}:")
        lines.append(f"- {entry(skill, LISTED_CUT)}")
    if len(skills) > LISTED:
        lines.append(f"… and {len(skills) - LISTED} more: skills_search finds them by their words")
    return "\n".join(lines)


def _shown(content: str | bytes, path: str) -> str:
    return content if isinstance(content, str) else f"{path}: {len(content)} bytes, not text"
