"""`hermes skills`: list, view, search; validate reads files and needs no daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from gateway.cli import sharing
from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_difference, show_document, show_json, table
from gateway.cli.start import connect
from gateway.learning.change_text import HELD
from hermes_home.errors import UsageError


def show_list(arguments: Arguments) -> int:
    return _show(arguments, _rows(arguments), "no skills yet")


def search(arguments: Arguments) -> int:
    """Best first, as a request would find them; only those that can work here."""
    if arguments.on("shared"):
        return sharing.search(arguments)
    words = " ".join(arguments.words)
    query = urlencode({"q": words, "limit": arguments.number("limit", 20)})
    found = _rows(arguments, f"?{query}") if words.strip() else []
    return _show(arguments, found, f"no skill matches {words!r}")


def _rows(arguments: Arguments, query: str = "") -> list[dict[str, Any]]:
    with connect(arguments.home) as wire:
        rows: list[dict[str, Any]] = wire.get(f"/api/skills{query}")
    return rows


def _show(arguments: Arguments, rows: list[dict[str, Any]], none: str) -> int:
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        _table(rows)
        for row in rows:
            for diagnostic in row["diagnostics"]:
                note(f"{row['name']}: {diagnostic}")
            if (told := conflict(row)) is not None:
                note(f"{row['name']}: {told}\n  hermes skills diff {row['name']}")
    else:
        note(none)
    return 0


def _table(rows: list[dict[str, Any]]) -> None:
    """The states have a column where there are any."""
    stated = any(map(_state, rows))
    cells = [
        [row["name"], _from(row), *([_state(row)] if stated else []), _about(row)] for row in rows
    ]
    table(cells, ["name", "from", *(["state"] if stated else []), "description"])


def _from(row: dict[str, Any]) -> str:
    """`copy`: of a bundled one, in the home."""
    return "copy" if row["overlay"] else str(row["root"])


def _state(row: dict[str, Any]) -> str:
    """How what the agent wrote stands, and the owner's rights."""
    return " ".join(
        [*([row["state"]] if row["learned"] else []), *(HELD[right] for right in row["rights"])]
    )


def conflict(row: dict[str, Any]) -> str | None:
    """What the owner is to know of a copy of a bundled skill."""
    told = {
        "changed": "the bundled text has changed under this copy",
        "unknown": "it hides a bundled skill with another text",
    }
    return told.get(row["overlay"]["state"]) if row["overlay"] else None


def _about(row: dict[str, Any]) -> str:
    hidden = f"(hidden: {row['unmet']}) " if row["unmet"] else ""
    return f"{hidden}{row['description']}"


def view(arguments: Arguments) -> int:
    name, path = arguments.word(0), arguments.word(1)
    query = f"?{urlencode({'path': path})}" if path else ""
    with connect(arguments.home) as wire:
        skill = wire.get(f"/api/skills/{quote(name, safe='')}{query}")
    if arguments.on("json"):
        show_json(skill)
        return 0
    show_document((skill["content"] if path else skill["body"]).rstrip().split("\n"))
    if not path:
        note("\n  ".join([f"\n{skill['dir']}", *skill["resources"]]))
        if skill["unmet"]:
            note(f"It cannot work here and is hidden: it {skill['unmet']}.")
    return 0


def diff(arguments: Arguments) -> int:
    """From the bundled text of now to the owner's copy; from an installed skill to its source."""
    private = "?allow_private=1" if arguments.on("allow-private") else ""
    with sharing.patient(arguments.home) as wire:
        row = wire.get(_path(arguments, "diff") + private)
    if arguments.on("json"):
        show_json(row)
        return 0
    show_difference(differing(row["files"]))
    name = row["name"]
    if "source" in row:
        note(f"- yours  + {row['source']}" if row["files"] else "its source has the same")
        return 0
    note("- the bundled text  + your copy" if row["files"] else "they are the same")
    note(f"hermes skills reset {name}   takes the bundled text")
    note(f"hermes skills keep {name}    stays with yours")
    return 0


def differing(files: list[dict[str, Any]]) -> Iterator[str]:
    from difflib import unified_diff

    for file in files:
        one, other = ((file[side] or "").splitlines() for side in ("before", "after"))
        yield from unified_diff(one, other, file["path"], file["path"], lineterm="")


def reset(arguments: Arguments) -> int:
    return _settled(arguments, "reset", "the bundled text is used again")


def keep(arguments: Arguments) -> int:
    return _settled(arguments, "keep", "your copy stays, and is current")


def _settled(arguments: Arguments, verb: str, done: str) -> int:
    with connect(arguments.home) as wire:
        row = wire.post(_path(arguments, verb))
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{row['name']}: {done}; `hermes learning undo {row['id']}` takes that back")
    return 0


def _path(arguments: Arguments, verb: str) -> str:
    return f"/api/skills/{quote(arguments.word(0), safe='')}/{verb}"


def validate(arguments: Arguments) -> int:
    """Exit 1 if any of the skills is not as the format wants it."""
    rows = [_validated(Path(word)) for word in arguments.words]
    if arguments.on("json"):
        show_json(rows)
    else:
        for row in rows:
            print(f"{row['path']}: {'valid' if row['valid'] else 'not valid'}")
            print("".join(f"  {problem}\n" for problem in row["problems"]), end="")
    return 0 if all(row["valid"] for row in rows) else 1


def _validated(path: Path) -> dict[str, Any]:
    from skills.strict import check_strict

    file = path / "SKILL.md" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", "name a SKILL.md or its folder") from (
            error
        )
    problems = check_strict(text, file.resolve().parent.name)
    return {"path": str(file), "valid": not problems, "problems": problems}
