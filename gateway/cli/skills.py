"""`hermes skills`: list, view, search; validate reads files and needs no daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from gateway.cli.arguments import Arguments
from gateway.cli.output import clean, note, show_json, table
from gateway.cli.start import connect
from hermes_home.errors import UsageError


def show_list(arguments: Arguments) -> int:
    return _show(arguments, _rows(arguments), "no skills yet")


def search(arguments: Arguments) -> int:
    """Best first, by name and description."""
    from skills.ranking import Index, weigh

    rows = {row["name"]: row for row in _rows(arguments)}
    terms = {name: weigh(name, row["description"], "") for name, row in rows.items()}
    words = " ".join(arguments.words)
    found = Index().updated(terms).search(words, arguments.number("limit", 20))
    return _show(arguments, [rows[name] for name, _ in found], f"no skill matches {words!r}")


def _rows(arguments: Arguments) -> list[dict[str, Any]]:
    with connect(arguments.home) as wire:
        rows: list[dict[str, Any]] = wire.get("/api/skills")
    return rows


def _show(arguments: Arguments, rows: list[dict[str, Any]], none: str) -> int:
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        table(
            [[row["name"], row["root"], row["description"]] for row in rows],
            ["name", "from", "description"],
        )
        for row in rows:
            for diagnostic in row["diagnostics"]:
                note(f"{row['name']}: {diagnostic}")
    else:
        note(none)
    return 0


def view(arguments: Arguments) -> int:
    name, path = arguments.word(0), arguments.word(1)
    query = f"?{urlencode({'path': path})}" if path else ""
    with connect(arguments.home) as wire:
        skill = wire.get(f"/api/skills/{quote(name, safe='')}{query}")
    if arguments.on("json"):
        show_json(skill)
        return 0
    print(clean(skill["content"] if path else skill["body"]).rstrip())
    if not path:
        note("\n  ".join([f"\n{skill['dir']}", *skill["resources"]]))
    return 0


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
