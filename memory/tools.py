"""memory and session_search, as the model sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from agent.learning.door import Author, Change
from agent.policy import Effect
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.schema import tool
from hermes_home.errors import ToolError
from memory.index import Index
from memory.listings import find_sessions
from memory.notes.known import CUT
from memory.notes.operations import Operation, Target
from memory.notes.store import FILES, Notes
from memory.search import Found, Hit

NoteSearch = Callable[[str, int], Sequence[tuple[Target, str]]]
"""The notes that match a query best, at most so many."""

MOST_HITS = 50
MOST_NOTES = 5
NOTE_CHARS = 600
"""As much of a note is shown."""


def note_tools(notes: Notes) -> list[Tool]:
    """The tool that writes MEMORY.md and USER.md."""

    async def memory(context: ToolContext, operations: list[Operation]) -> ToolResult:
        """Keep facts worth knowing in later sessions, correct or remove them. All operations are
        carried out, or none."""
        if not context.learning:
            raise ToolError("nothing may be learned in this run", "Go on without writing notes.")
        if not operations:
            raise ToolError("there is no operation", "Give at least one.")
        author = Author(
            "agent", context.session, context.run, context.checkpoint, context.conversation
        )
        changes = await notes.apply(operations, author, str(context.cwd))
        return ToolResult(
            _told(changes, len(operations)), details={"changes": [change.id for change in changes]}
        )

    return [tool(memory, effects=_learns)]


def search_tools(index: Index, notes: NoteSearch) -> list[Tool]:
    """The tool that searches the notes and all sessions."""

    async def session_search(
        context: ToolContext,
        query: Annotated[str, 'words, or a "phrase"'],
        limit: int = 10,
        session: Annotated[str, "only this one: id, title, or `current`"] = "",
    ) -> ToolResult:
        """Search the notes, and what was said and done in all other sessions."""
        only = await _session_id(index, session, context)
        limit = max(1, min(limit, MOST_HITS))
        noted = [] if only else _noted(notes, query, min(limit, MOST_NOTES))
        found = await index.search(query, limit, only, but=None if only else context.session)
        text = "\n".join([*noted, _listed(found)])
        return ToolResult(text, details={"hits": [hit.seq for hit in found.hits]})

    return [tool(session_search, effects=_recalls, read_only=True)]


def _learns(arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
    return [Effect("learn", "memories")]


def _recalls(arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
    return [Effect("recall", "sessions")]


_STATES = {
    "proposed": "waits for the owner's approval, not written",
    "candidate": "written, for other sessions once it is proved",
}


def _told(changes: Sequence[Change], asked: int) -> str:
    if not changes:
        return "The notes say that already; nothing was written."
    lines = []
    for change in changes:
        state = _STATES.get(change.status, "written")
        lines.append(f"change {change.id}: {change.action} in {change.name}: {state}")
    if known := asked - len(changes):
        lines.append(f"{known} of {asked}: the notes say that already; nothing was written for it.")
    return "\n".join(lines)


async def _session_id(index: Index, reference: str, context: ToolContext) -> str | None:
    if not reference:
        return None
    if reference == "current":
        return context.session
    matches = await index.ask(lambda tables: find_sessions(tables, reference))
    if not matches:
        raise ToolError(f"there is no session {reference!r}", "Leave it out to search all.")
    return matches[0].id


def _listed(found: Found) -> str:
    if found.searched is not None:
        return (
            f"Nothing found in {found.searched.messages} messages of"
            f" {found.searched.sessions} sessions. Other words may find it."
        )
    return "\n".join(_line(hit) for hit in found.hits)


def _noted(notes: NoteSearch, query: str, limit: int) -> list[str]:
    """A line for each note, whichever lines it has itself; one that says so if none can be read."""
    try:
        found = [(FILES[target], " ".join(text.split())) for target, text in notes(query, limit)]
    except ToolError as error:
        return [error.message]
    return [
        f"{name}: {text if len(text) <= NOTE_CHARS else text[:NOTE_CHARS] + CUT}"
        for name, text in found
    ]


def _line(hit: Hit) -> str:
    at = datetime.fromtimestamp(hit.at, UTC)
    return (
        f"{at:%Y-%m-%d %H:%M} UTC, {hit.role}, session {hit.session} ({hit.title}): {hit.snippet}"
    )
