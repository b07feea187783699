"""`hermes memory`: the notes, read and changed through the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.cli.arguments import Arguments
from gateway.cli.output import clean, note, show_json, table, when
from gateway.cli.start import connect
from gateway.learning.change_text import related

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
            print("  " + clean(entry["text"]).replace("\n", "\n  ") + _marks(entry))
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
    else:
        print("; ".join(_told(change) for change in answer["changes"]) or "nothing changed")
    return 0


def _told(change: dict[str, Any]) -> str:
    return f"{change['action']} {change['kind']}: {change['status']} (change {change['id']})"


def history(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        rows = wire.get("/api/memory/history")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        table([_row(row) for row in rows], ["id", "when", "who", "what", "status", "text"])
    else:
        note("the notes have not changed yet")
    return 0


def _row(row: dict[str, Any]) -> list[str]:
    told = "; ".join([row["name"], *related(row)])
    return [str(row["id"]), when(row["at"]), row["actor"], row["action"], row["status"], told]
