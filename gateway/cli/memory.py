"""`hermes memory`: the notes, read and changed through the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_difference, show_json, show_text, table, when
from gateway.cli.start import connect
from gateway.learning.change_text import REMOVING, status, written

TITLES = (("memory", "MEMORY.md"), ("user", "USER.md"))


def show(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        notes = wire.get("/api/memory")
    if arguments.on("json"):
        show_json(notes)
        return 0
    for target, title in TITLES:
        print(f"{title} ({len(notes[target])})")
        for entry in notes[target]:
            text = entry["text"] + _marks(entry)
            show_text(f"  {line}" for line in text.split("\n"))
    return 0


def _marks(entry: dict[str, Any]) -> str:
    marks = [] if entry["status"] == "active" else [entry["status"]]
    marks += ["expired"] if entry["expired"] else []
    return "".join(f" [{mark}]" for mark in marks)


def add(arguments: Arguments) -> int:
    return _change(arguments, action="add", text=" ".join(arguments.words))


def replace(arguments: Arguments) -> int:
    old, new = arguments.words
    return _change(arguments, action="replace", old_text=old, text=new)


def remove(arguments: Arguments) -> int:
    return _change(arguments, action="remove", old_text=arguments.word(0))


def _change(arguments: Arguments, **operation: str) -> int:
    """One operation; it is on disk when this returns."""
    asked: dict[str, Any] = {**operation, "target": arguments.text("to", "memory")}
    if arguments.on("here"):
        asked["project"] = True
    with connect(arguments.home) as wire:
        answer = wire.post("/api/memory", {"operations": [asked], "cwd": str(Path.cwd())})
    if arguments.on("json"):
        show_json(answer)
    elif answer["changes"]:
        _tell(answer["changes"])
    else:
        said = ": the notes say that already" if operation.get("text") else ""
        print(f"nothing changed{said}")
    return 0


def _tell(changes: list[dict[str, Any]]) -> None:
    for change in changes:
        print(f"{change['action']} {change['kind']}: {change['status']} (change {change['id']})")
        if change["entry_before"]:
            show_difference(written(change))


def history(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        rows = wire.get("/api/memory/history")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        actions = {row["id"]: row["action"] for row in rows}
        head = ["id", "when", "who", "what", "status", "text"]
        table([_row(row, actions) for row in rows], head)
    else:
        note("the notes have not changed yet")
    return 0


def _row(row: dict[str, Any], actions: dict[int, str]) -> list[str]:
    """`actions`: what each change did, by its id."""
    what = f"{row['action']} {row['replaces']}" if row["replaces"] else row["action"]
    stands, later = status(row), row["replaced_by"]
    if later and stands in ("active", "candidate"):
        stands = f"{'removed' if actions.get(later) in REMOVING else 'replaced'} by {later}"
    return [str(row["id"]), when(row["at"]), row["actor"], what, stands, row["name"]]
