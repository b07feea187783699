"""`hermes learning`: what the agent changed, and the owner's word on it."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.output import Paint, clean, note, show_json, table, when
from gateway.cli.start import connect
from hermes_home.errors import UsageError

COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def show_list(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        rows = wire.get(f"/api/learning{'?all=1' if arguments.on('all') else ''}")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        table(
            [
                [
                    str(row["id"]),
                    when(row["at"]),
                    row["kind"],
                    row["action"],
                    row["status"],
                    row["name"],
                ]
                for row in rows
            ],
            ["id", "when", "kind", "action", "status", "name"],
        )
    else:
        note("nothing learned yet")
    return 0


def show(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.get(f"/api/learning/{_id(arguments)}")
    if arguments.on("json"):
        show_json(row)
    else:
        print("\n".join(described(row)))
    return 0


def _id(arguments: Arguments) -> int:
    try:
        return int(arguments.word(0))
    except ValueError:
        raise UsageError(
            f"{arguments.word(0)!r} is no change", "hermes learning lists them; take the id"
        ) from None


def described(row: dict[str, Any]) -> list[str]:
    """One change: what, when, why, and its diff."""
    lines = [
        f"{row['action']} {row['kind']} {row['name']}: {row['status']}",
        f"{when(row['at'])}, session {row['session'] or '-'}",
    ]
    if row.get("reason"):
        lines.append(row["reason"])
    if row.get("evidence"):
        lines.append("evidence: " + ", ".join(f"#{number}" for number in row["evidence"]))
    for file in row.get("files", []):
        lines += ["", *_diff(file)]
    return lines


def _diff(file: dict[str, Any]) -> list[str]:
    import sys

    paint = Paint(sys.stdout)
    before, after = file.get("before"), file.get("after")
    lines = unified_diff(
        (before or "").splitlines(),
        (after or "").splitlines(),
        file["path"] if before is not None else "/dev/null",
        file["path"] if after is not None else "/dev/null",
        lineterm="",
    )
    return [
        paint(COLOURS[line[0]], clean(line)) if line[:1] in COLOURS else clean(line)
        for line in lines
    ]


def undo(arguments: Arguments) -> int:
    return _decide(arguments, "undo")


def approve(arguments: Arguments) -> int:
    return _decide(arguments, "approve")


def reject(arguments: Arguments) -> int:
    return _decide(arguments, "reject")


def _decide(arguments: Arguments, word: str) -> int:
    with connect(arguments.home) as wire:
        row = wire.post(f"/api/learning/{_id(arguments)}/{word}")
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{row['id']}: {row['kind']} {row['name']} is {row['status']}")
    return 0
