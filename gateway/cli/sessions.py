"""`hermes sessions`: list, show, search, rename, export, delete."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote, urlencode

from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json, table, when
from gateway.cli.start import connect
from hermes_home.errors import UsageError


def _path(session: str) -> str:
    return f"/api/sessions/{quote(session, safe='')}"


def show_list(arguments: Arguments) -> int:
    query = {"limit": arguments.number("limit", 20), "all": int(arguments.on("all"))} | (
        {"source": arguments.text("source")} if arguments.on("source") else {}
    )
    with connect(arguments.home) as wire:
        rows = wire.get(f"/api/sessions?{urlencode(query)}")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        table(
            [
                [row["id"], row["state"], row["source"], when(row["updated_at"]), row["title"]]
                for row in rows
            ],
            ["session", "state", "from", "last", "title"],
        )
    else:
        note("no session yet")
    return 0


def show(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.get(_path(arguments.word(0)))
        if arguments.on("json"):
            show_json(row)
        else:
            print(wire.text("GET", f"{_path(row['id'])}/export?format=md").rstrip())
    return 0


def search(arguments: Arguments) -> int:
    query = {"q": " ".join(arguments.words), "limit": arguments.number("limit", 20)}
    if arguments.on("session"):
        query["session"] = arguments.text("session")
    with connect(arguments.home) as wire:
        rows = wire.get(f"/api/sessions/search?{urlencode(query)}")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        table(
            [[row["session"], when(row["at"]), row["role"], row["snippet"]] for row in rows],
            ["session", "when", "who", "what"],
        )
    else:
        note(f"nothing said holds {query['q']!r}")
    return 0


def rename(arguments: Arguments) -> int:
    title = " ".join(arguments.words[1:])
    with connect(arguments.home) as wire:
        wire.ask("PATCH", _path(arguments.word(0)), {"title": title})
    return 0


def export(arguments: Arguments) -> int:
    form = arguments.text("format", "jsonl")
    with connect(arguments.home) as wire:
        text = wire.text("GET", f"{_path(arguments.word(0))}/export?format={form}")
    if not arguments.on("output"):
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        return 0
    try:
        Path(arguments.text("output")).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output: {error}") from error
    return 0


def delete(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.get(_path(arguments.word(0)))
        if not arguments.on("yes") and not confirmed(f"delete {row['title'] or row['id']!r}?"):
            note("kept")
            return 1
        wire.ask("DELETE", _path(row["id"]))
    print(f"deleted {row['id']}")
    return 0


def confirmed(question: str) -> bool:
    """Ask at the terminal, where Ctrl-C is a no; UsageError where there is none."""
    if not sys.stdin.isatty():
        raise UsageError("this asks, and there is no terminal", "--yes goes on without asking")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return False
