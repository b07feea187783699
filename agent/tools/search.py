"""Searching names and contents. The search is a program in the session's sandbox: what commands
cannot see it cannot show, and a pattern that never ends ends with its time."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from agent.sandbox.places import PYTHON
from agent.secret_files import HARMLESS_NAMES, SECRET_NAMES, secret_places
from agent.tools.base import Tool, ToolContext, ToolResult
from agent.tools.files import Paths
from agent.tools.schema import tool
from agent.tools.shell import Shells
from hermes_home.errors import ToolError
from hermes_home.paths import Home

MOST_LINES = 200
_PROGRAM = Path(__file__).with_name("finder.py")
_SECONDS = 20.0
_LATEST = 30.0


class Searches:
    def __init__(self, home: Home, shells: Shells, paths: Paths) -> None:
        self._home = home
        self._shells = shells
        self._paths = paths
        self._program = _PROGRAM.read_text(encoding="utf-8")

    async def search_files(
        self,
        context: ToolContext,
        pattern: Annotated[str, "regular expression; for names a glob or a part"],
        path: Annotated[str, "default: the workspace"] = ".",
        glob: Annotated[str, "only these files, e.g. *.py"] = "",
        kind: Annotated[Literal["content", "name"], "default: content"] = "content",
    ) -> ToolResult:
        """Search files below a folder, by content or by name."""
        place = self._paths.of_call(path, context)
        request = {
            "root": str(place),
            "label": "" if path == "." else path.rstrip("/"),
            "kind": kind,
            "pattern": pattern,
            "glob": glob,
            "secret": {"names": SECRET_NAMES, "not": HARMLESS_NAMES},
            "closed": [str(folder) for folder in self._closed(place)],
            "lines": MOST_LINES,
            "seconds": _SECONDS,
        }
        answer = await self._find(request, place)
        if "error" in answer:
            raise ToolError(f"{place}: {answer['error']}", _hint(answer["error"]))
        return ToolResult(_told(answer, kind))

    def _closed(self, place: Path) -> list[Path]:
        """Folders a search passes by unless it was asked for one of them."""
        private = [*secret_places(Path.home()), self._home.root.resolve()]
        return [folder for folder in private if folder not in (place, *place.parents)]

    async def _find(self, request: dict[str, Any], place: Path) -> dict[str, Any]:
        command = shlex.join(
            [str(PYTHON), "-I", "-S", "-c", self._program, json.dumps(request)],
        )
        outside = not self._shells.sees(place)
        ran = await self._shells.run(command, cwd=Path("/"), timeout=_LATEST, outside=outside)
        if ran.exit is None:
            raise ToolError("the search took too long", "Use a simpler pattern or a deeper folder.")
        try:
            answer: dict[str, Any] = json.loads(ran.output)
        except ValueError:
            raise ToolError(f"the search failed: {ran.output[-500:]}") from None
        return answer


def _hint(error: str) -> str:
    if "regular expression" in error:
        return "Put a backslash before ( [ { . * + ? to find them as they are."
    return "search_files with kind='name' finds a folder." if "No such file" in error else ""


def _told(answer: dict[str, Any], kind: str) -> str:
    found: list[str] = answer["found"]
    what = "name" if kind == "name" else "line"
    notes = [f"{len(found)} {what}{'' if len(found) == 1 else 's'}"]
    notes += [] if answer["complete"] else ["there may be more: narrow the search"]
    notes += [f"{answer['files']} file{'' if answer['files'] == 1 else 's'} searched"]
    if answer["secret"]:
        notes.append(f"{answer['secret']} that may hold secrets left out")
    return "\n".join([*found, f"[{', '.join(notes)}]"])


def search_tools(home: Home, shells: Shells) -> list[Tool]:
    paths = Paths(home)
    searches = Searches(home, shells, paths)
    return [tool(searches.search_files, effects=paths.effects("read"), read_only=True)]
