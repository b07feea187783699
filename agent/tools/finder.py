"""The search of `search_files`, run as a program in the sandbox: `finder.py REQUEST`.

On the plain standard library. The request is a JSON object {root, label, kind, pattern, glob,
secret, closed, lines, seconds}; the answer, on standard output, {found, files, secret, complete}.
Links are not followed, also not ones that are swapped in while it runs.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

SKIPPED = {
    ".git", ".hg", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".svn", ".tox",
    ".venv", "__pycache__", "node_modules",
}  # fmt: skip
MOST_BYTES = 20_000_000
MOST_SHOWN = 300
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class Search:
    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.pattern = re.compile(request["pattern"]) if request["kind"] == "content" else None
        self.found: list[str] = []
        self.files = 0
        self.secret = 0
        self.limit = time.monotonic() + request["seconds"]

    def run(self) -> dict[str, Any]:
        complete = True
        for name, path, folder in self.walk():
            if len(self.found) >= self.request["lines"] or time.monotonic() > self.limit:
                complete = False
                break
            self.visit(name, path, folder)
        found = self.found[: self.request["lines"]]
        complete = complete and len(found) == len(self.found)
        return {
            "found": found,
            "files": self.files,
            "secret": self.secret,
            "complete": complete,
        }

    def walk(self) -> Iterator[tuple[str, str, int]]:
        """(name, path below the root, open folder) of every file, in order of name."""
        root = self.request["root"]
        if not os.path.isdir(root):  # noqa: PTH112 - pathlib would double the start time
            folder = os.open(os.path.dirname(root), os.O_RDONLY | os.O_NOFOLLOW)  # noqa: PTH120
            name = os.path.basename(root)  # noqa: PTH119
            os.stat(name, dir_fd=folder)
            yield name, "", folder
            return
        for place, folders, files, folder in os.fwalk(root):
            below = os.path.relpath(place, root)
            folders[:] = [one for one in sorted(folders) if self.is_open(place, one)]
            for name in sorted(files):
                yield name, name if below == "." else f"{below}/{name}", folder

    def labelled(self, path: str) -> str:
        """A path as whoever asked would write it."""
        return "/".join(part for part in (self.request["label"], path) if part)

    def is_open(self, place: str, name: str) -> bool:
        path = os.path.join(place, name)  # noqa: PTH118
        return name not in SKIPPED and path not in self.request["closed"]

    def visit(self, name: str, path: str, folder: int) -> None:
        if self.request["glob"] and not matches(self.request["glob"], name, path):
            return
        if self.pattern is None:
            self.files += 1
            if matches(self.request["pattern"], name, path):
                self.found.append(self.labelled(path))
        elif is_secret(name, self.request["secret"]):
            self.secret += 1
        else:
            self.search(name, path, folder, self.pattern)

    def search(self, name: str, path: str, folder: int, pattern: re.Pattern[str]) -> None:
        text = text_of(name, folder)
        self.files += text is not None
        for number, line in enumerate((text or "").split("\n"), start=1):
            if pattern.search(line):
                shown = line.strip()
                shown = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"
                self.found.append(f"{self.labelled(path)}:{number}: {shown}")
                if len(self.found) > self.request["lines"]:
                    return


def matches(glob: str, name: str, path: str) -> bool:
    """Whether a glob fits the name or the path below the root; text without *, ? or [ fits where
    it is contained. `**/` also stands for no folder."""
    if not re.search(r"[*?\[]", glob):
        return glob.lower() in path.lower()
    globs = (glob, glob.replace("**/", ""))
    return any(fnmatchcase(text, one) for one in globs for text in (name, path))


def is_secret(name: str, patterns: dict[str, list[str]]) -> bool:
    lowered = name.lower()
    if any(fnmatchcase(lowered, pattern) for pattern in patterns["not"]):
        return False
    return any(fnmatchcase(lowered, pattern) for pattern in patterns["names"])


def text_of(name: str, folder: int) -> str | None:
    """A file's text; None for a link, a binary or a very large file, or one that is gone."""
    try:
        descriptor = os.open(name, READ, dir_fd=folder)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123
        try:
            if os.fstat(descriptor).st_size > MOST_BYTES:
                return None
            data = file.read(MOST_BYTES)
        except OSError:
            return None
    return None if b"\0" in data[:8192] else data.decode(errors="replace")


def main() -> None:
    try:
        answer = Search(json.loads(sys.argv[1])).run()
    except re.error as error:
        answer = {"error": f"the pattern is not a regular expression: {error}"}
    except OSError as error:
        answer = {"error": f"it cannot be searched: {error.strerror}"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
