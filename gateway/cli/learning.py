"""`hermes learning`: what the agent changed, and the owner's word on it."""

from __future__ import annotations

from gateway.cli.arguments import Arguments
from gateway.cli.output import (
    clean,
    note,
    show_difference,
    show_json,
    show_text,
    table,
    when,
)
from gateway.cli.sessions import confirmed
from gateway.cli.start import connect
from gateway.learning import change_text
from hermes_home.errors import UsageError


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
        own = "" if arguments.on("all") else "; --all shows your own changes too"
        note(f"nothing learned yet{own}")
    return 0


def show(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.get(f"/api/learning/{_id(arguments)}")
    if arguments.on("json"):
        show_json(row)
    else:
        show_text(change_text.about(row, when))
        if texts := change_text.written(row):
            print()
            show_difference(texts)
    return 0


def _id(arguments: Arguments) -> int:
    try:
        return int(arguments.word(0))
    except ValueError:
        raise UsageError(
            f"{arguments.word(0)!r} is no change", "hermes learning lists them; take the id"
        ) from None


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
        show_text(change_text.decided(row, verb, _id(arguments)))
        show_difference(change_text.written(row) if verb in change_text.WRITING else [])
    return 0
