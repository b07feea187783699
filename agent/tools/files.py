"""Reading, writing and patching files. The gate judges where a path really leads, and exactly
that file is opened."""

from __future__ import annotations

import asyncio
import io
import mimetypes
import os
import re
from collections.abc import Sequence
from difflib import get_close_matches, unified_diff
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from agent.policy import Effect, EffectKind
from agent.tools.base import Effects, Tool, ToolContext, ToolResult
from agent.tools.opened import Version, opened, replace
from agent.tools.output import LIMIT
from agent.tools.schema import tool
from hermes_home.errors import ToolError
from hermes_home.paths import Home

MOST_BYTES = 50_000_000
_SMALL = 100_000
_PAGE = LIMIT - 500
_STORED = re.compile(r"files/[0-9a-f]{64}")
_REMEMBERED = 1000


class Paths:
    """From what a model writes to real paths. A path is resolved when the gate asks, once per
    call, and the call uses that answer."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._judged: dict[str, Path] = {}

    def effects(self, *kinds: EffectKind) -> Effects:
        """The effects of a tool on the file or folder `path`."""

        def judge(arguments: dict[str, Any], context: ToolContext) -> Sequence[Effect]:
            try:
                path = self.resolve(arguments.get("path", "."), context)
            except ToolError:
                return [Effect(kind, "") for kind in kinds]
            self._judged[context.call_id] = path
            while len(self._judged) > _REMEMBERED:
                del self._judged[next(iter(self._judged))]
            return [Effect(kind, str(path)) for kind in kinds]

        return judge

    def of_call(self, path: str, context: ToolContext) -> Path:
        """The path this call was judged by."""
        return self._judged.pop(context.call_id, None) or self.resolve(path, context)

    def resolve(self, path: str, context: ToolContext) -> Path:
        """Absolute, links followed. `files/<name>` is a long output kept in the home."""
        try:
            if _STORED.fullmatch(path):
                return (self._home.root / path).resolve()
            return (context.cwd / Path(path).expanduser()).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise ToolError(f"argument `path`: {path!r} leads nowhere ({error})") from None


class Files:
    """The three tools."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    async def read_file(
        self,
        context: ToolContext,
        path: str,
        offset: Annotated[int, "first line, from 1"] = 1,
        limit: Annotated[int, "lines, default 500"] = 500,
    ) -> ToolResult:
        """Read a text file. `files/<hash>` is a long output that was cut."""
        if offset < 1 or limit < 1:
            raise ToolError("`offset` and `limit` are lines and start at 1")
        place = self._paths.of_call(path, context)
        if _is_small(place):
            return _read_page(place, offset, limit)
        return await asyncio.to_thread(_read_page, place, offset, limit)

    async def write_file(self, context: ToolContext, path: str, content: str) -> ToolResult:
        """Write a whole file, over the old one; missing folders are made."""
        place = self._paths.of_call(path, context)
        data = _encoded(content)
        created = await asyncio.to_thread(replace, place, data)
        done = "created" if created else "overwritten"
        return ToolResult(f"{done} {place}, {len(data):,} bytes", details={"path": str(place)})

    async def patch(
        self,
        context: ToolContext,
        path: str,
        old_text: Annotated[str, "exact and unique"],
        new_text: str,
        all: Annotated[bool, "replace every match"] = False,
    ) -> ToolResult:
        """Replace text in a file."""
        place = self._paths.of_call(path, context)
        return await asyncio.to_thread(_patch, place, old_text, new_text, all)


def _is_small(path: Path) -> bool:
    """Whether reading it is done sooner than changing to another thread. What says it is empty
    may be a device that never ends."""
    try:
        return 0 < path.stat().st_size <= _SMALL
    except OSError:
        return False


def _read_page(path: Path, offset: int, limit: int) -> ToolResult:
    """Lines from `offset` on, as many as fit; a header tells which they are, and of how many."""
    data, _ = _read_bytes(path)
    text = data.decode(errors="replace")
    lines = io.StringIO(text, newline="\n").readlines()
    if not lines:
        return ToolResult(f"[{path} is empty]")
    if offset > len(lines):
        raise ToolError(f"{path} has only {len(lines)} lines")
    page: list[str] = []
    room = _PAGE
    for line in islice(lines, offset - 1, offset - 1 + limit):
        if len(line) > room and page:
            break
        page.append(line if len(line) <= room else f"{line[:room]}[… {len(line):,} characters]\n")
        room -= len(page[-1])
    last = offset - 1 + len(page)
    more = f"; go on with offset={last + 1}" if last < len(lines) else ""
    other = "; not UTF-8: \ufffd stands for other bytes" if text.encode() != data else ""
    return ToolResult(f"[lines {offset}-{last} of {len(lines)}{more}{other}]\n{''.join(page)}")


def _read_bytes(path: Path) -> tuple[bytes, Version]:
    """What a text file holds, and which version of it that is."""
    with opened(path) as file:
        status = os.fstat(file.fileno())
        if status.st_size > MOST_BYTES:
            raise ToolError(
                f"{path} has {status.st_size:,} bytes, too many to read whole",
                "Take a part of it with the shell: grep, head, sed -n.",
            )
        data = file.read(MOST_BYTES)
    if b"\0" in data[:8192]:
        kind = mimetypes.guess_type(path.name)[0] or "unknown type"
        raise ToolError(f"{path} is binary: {kind}, {len(data):,} bytes")
    return data, Version.of(status)


def _patch(path: Path, old: str, new: str, every: bool) -> ToolResult:
    data, version = _read_bytes(path)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ToolError(f"{path} is not UTF-8 text", "Change it with the shell.") from None
    if "\r\n" in text and "\r" not in old:
        old, new = (part.replace("\r\n", "\n").replace("\n", "\r\n") for part in (old, new))
    count = text.count(old) if old else 0
    if count != 1 and not (every and count):
        raise ToolError(f"`old_text` {_why_not(text, old, count)}; {path} is unchanged")
    changed = text.replace(old, new)
    replace(path, _encoded(changed), expected=version)
    places = f"{count} places" if count > 1 else "1 place"
    return ToolResult(f"patched {path} in {places}", details={"diff": _diff(path, text, changed)})


def _why_not(text: str, old: str, count: int) -> str:
    if not old:
        return "is empty"
    if count > 1:
        starts = [match.start() for match in re.finditer(re.escape(old), text)]
        lines = [str(text.count("\n", 0, start) + 1) for start in starts[:10]]
        return f"is there {count} times (lines {', '.join(lines)}): add lines around it, or set all"
    lines = [line[:200] for line in text.splitlines()[:5000]]
    first = next((line for line in old.splitlines() if line.strip()), old)
    near = get_close_matches(first[:200], lines, 1, 0.5)
    if not near:
        return "is not in the file"
    at = lines.index(near[0])
    excerpt = "\n".join(lines[max(0, at - 2) : at + 5])
    return f"is not in the file; nearest, from line {max(0, at - 2) + 1}:\n{excerpt[:2000]}\n"


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"the text holds what UTF-8 cannot: {error.reason}") from None


def _diff(path: Path, before: str, after: str) -> str:
    if len(before) + len(after) > 400_000:
        return ""
    lines = unified_diff(before.splitlines(), after.splitlines(), path.name, path.name, lineterm="")
    return "\n".join(islice(lines, 400))


def file_tools(home: Home) -> list[Tool]:
    paths = Paths(home)
    files = Files(paths)
    return [
        tool(files.read_file, effects=paths.effects("read"), read_only=True),
        tool(files.write_file, effects=paths.effects("write")),
        tool(files.patch, effects=paths.effects("read", "write")),
    ]
