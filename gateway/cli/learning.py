"""`hermes learning`: what the agent changed, and the owner's word on it."""

from __future__ import annotations

import sys
import textwrap
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.output import Paint, clean, columns, note, show_json, table, when
from gateway.cli.sessions import confirmed
from gateway.cli.start import connect
from gateway.learning import change_text
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
                    change_text.status(row),
                    row["kind"],
                    row["action"],
                    row["name"],
                ]
                for row in rows
            ],
            ["id", "when", "status", "kind", "action", "what"],
        )
        note("`hermes learning show ID` tells all about one")
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
    """One change, its texts in colour; what is told of it wrapped to the terminal."""
    texts = change_text.written(row)
    told = [part for line in change_text.about(row, when) for part in _wrapped(clean(line))]
    return [*told, "", *_painted(texts)] if texts else told


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, min(columns(), 100), subsequent_indent="  ") or [""]


def _painted(texts: list[str]) -> list[str]:
    paint = Paint(sys.stdout)
    return [
        paint(COLOURS[line[0]], clean(line)) if line[:1] in COLOURS else clean(line)
        for line in texts
    ]


def undo(arguments: Arguments) -> int:
    return _decide(arguments, "undo")


def redo(arguments: Arguments) -> int:
    return _decide(arguments, "redo")


def approve(arguments: Arguments) -> int:
    return _decide(arguments, "approve")


def reject(arguments: Arguments) -> int:
    return _decide(arguments, "reject")


def forget(arguments: Arguments) -> int:
    """With --purge it is overwritten, after asking."""
    if not arguments.on("purge"):
        return _decide(arguments, "forget")
    if not arguments.on("yes"):
        with connect(arguments.home) as wire:
            row = wire.get(f"/api/learning/{_id(arguments)}")
        named = f"{row['kind']} {clean(row['name'])}"
        if not confirmed(f"overwrite {named} (change {row['id']}) everywhere? It cannot be undone"):
            note("kept")
            return 1
    return _decide(arguments, "purge")


def _decide(arguments: Arguments, verb: str) -> int:
    with connect(arguments.home) as wire:
        row = wire.post(f"/api/learning/{_id(arguments)}/{verb}")
    if arguments.on("json"):
        show_json(row)
    else:
        texts = change_text.written(row) if verb in change_text.WRITING else []
        print("\n".join([*map(clean, change_text.decided(row, verb)), *_painted(texts)]))
    return 0
