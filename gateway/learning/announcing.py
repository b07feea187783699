"""One line for a chat or a terminal when something was learned. The thin client reads this too, so
it imports nothing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERBS = {"add": "added", "create": "created", "edit": "edited", "patch": "patched",
         "replace": "replaced", "remove": "removed", "archive": "archived", "undo": "took back",
         "supersede": "replaced", "merge": "merged", "forget": "forgot", "restore": "put back",
         "write_file": "wrote a file of", "remove_file": "removed a file of"}  # fmt: skip
NOTE_CHARS = 80
"""Of a note that a line about it shows."""


def announced(change: dict[str, Any]) -> str:
    """Of a ChangeIntended as plain data: `learned: patched `report-pdf` (2 lines) · /learned`."""
    word = "proposed" if change["status"] == "proposed" else "learned"
    return f"{word}: {brief(change)} · /learned"


def brief(change: dict[str, Any]) -> str:
    verb = VERBS.get(change["action"], change["action"])
    if change["kind"] == "skill":
        lines = sum(map(_lines, change.get("files", ())))
        counted = f" ({lines} line{'s' if lines > 1 else ''})" if lines else ""
        return f"{verb} `{one_line(change['name'])}`{counted if verb != 'archived' else ''}"
    entry = one_line(change.get("entry_after") or change.get("entry_before") or change["name"])
    return f"{verb} a note: {entry if len(entry) <= NOTE_CHARS else entry[: NOTE_CHARS - 1] + '…'}"


def moved(name: str, state: str, reason: str) -> str:
    """Of a skill that evidence moved."""
    return f"skill {name} is {state}: {reason} · /learned"


def _lines(file: dict[str, Any]) -> int:
    """Changed lines: the texts of a change hold no others, but for those of a whole file."""
    return max(len((file.get(side) or "").splitlines()) for side in ("before", "after"))


def one_line(text: str) -> str:
    return " ".join(text.split())
