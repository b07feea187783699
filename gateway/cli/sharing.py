"""`hermes skills`, those of others: browse, inspect, install, check, update, audit and the like."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.cli.arguments import Arguments
from gateway.cli.output import columns, note, show_json, show_text, table, width
from gateway.cli.start import connect, socket_path
from gateway.cli.table import TAP_ACTIONS
from gateway.cli.wire import Wire
from hermes_home.errors import HermesError, UsageError

Row = dict[str, Any]

FILES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".skill", ".md", ".git")
"""What no skill's name ends in: a dot is in none."""
LONG = 600.0
"""Seconds a source may take."""


def patient(home: str) -> Wire:
    """A connection to the daemon on which an answer may take long."""
    connect(home).close()
    return Wire(socket_path(home), LONG)


def post(arguments: Arguments, what: str, body: Row) -> Any:
    """What the daemon answers, which may take long."""
    with patient(arguments.home) as wire:
        return wire.post(f"/api/shared/{what}", body)


def place(word: str) -> str:
    """A source as the daemon, which is in another folder, knows it: what is here, or is called as
    only a file is, by its full path."""
    path, hash, inner = word.partition("#")
    file = path.partition("@")[0]
    named = not {"/", ":"} & {*path} and file.lower().endswith(FILES)
    here = named or path.startswith((".", "/", "~")) or Path(path).exists()
    if not here or "://" in path:
        return word
    return whole(path) + hash + inner


def whole(path: str) -> str:
    """The full path of a file or folder here."""
    return str(Path(path).expanduser().resolve())


# -- looking --------------------------------------------------------------------------------------


def browse(arguments: Arguments) -> int:
    source = arguments.word(0)
    return _offered(arguments, place(source) if source else "", "", "there is no skill")


def search(arguments: Arguments) -> int:
    """In the taps, and among what ships."""
    words = " ".join(arguments.words)
    return _offered(arguments, "", words, f"no tap has a skill for {words!r}")


def _offered(arguments: Arguments, source: str, words: str, none: str) -> int:
    body = {"source": source, "words": words, "allow_private": arguments.on("allow-private")}
    found = post(arguments, "browse", body)
    rows = found["skills"]
    if "limit" in arguments.options:
        rows = rows[: arguments.number("limit", 20)]
    for problem in found["problems"]:
        note(problem)
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        _show_offers([[row["name"], _here(row), row["address"], _about(row)] for row in rows])
        note("hermes skills inspect ADDRESS   fetches one and shows what is in it")
    else:
        note(none)
    return 0


HEAD = ["name", "here", "address", "description"]
ROOM = 30
"""Columns a description needs to stand in the table; with less it stands below its skill."""


def _show_offers(cells: list[list[str]]) -> None:
    taken = sum(max(width(row[column]) + 2 for row in [HEAD, *cells]) for column in range(3))
    if columns() - taken >= ROOM:
        table(cells, HEAD)
        return
    for name, here, address, about in cells:
        show_text([f"{name}  {address}{f'  (here: {here})' if here else ''}", f"  {about}"], 4)


def _here(row: Row) -> str:
    return "yes" if row["here"] == "home" else str(row["here"])


def _about(row: Row) -> str:
    return f"(cannot be read: {row['problem']})" if row["problem"] else str(row["description"])


def inspect(arguments: Arguments) -> int:
    from gateway.cli import sharing_told as told

    rows = _fetched(arguments)
    if arguments.on("json"):
        show_json(_one_or_all(arguments, rows))
        return 0
    for row in rows:
        show_text([*told.described(row), "", *row["body"].split("\n"), ""])
    return 0


def _fetched(arguments: Arguments) -> list[Row]:
    body = {
        "source": place(arguments.word(0)),
        "names": arguments.words[1:],
        "all": arguments.on("all"),
        "allow_private": arguments.on("allow-private"),
    }
    rows: list[Row] = post(arguments, "inspect", body)
    return rows


def _one_or_all(arguments: Arguments, rows: list[Row]) -> Any:
    """One object where one skill was asked for, else a list."""
    several = arguments.on("all") or len(arguments.words) > 2
    return rows if several else rows[0]


# -- changing -------------------------------------------------------------------------------------


def install(arguments: Arguments) -> int:
    """Exit 1 if any of them was not installed."""
    from gateway.cli import sharing_told as told
    from gateway.cli.sessions import confirmed

    rows = _fetched(arguments)
    free = [row for row in rows if not row["refused"]]
    for row in rows:
        if row["refused"]:
            note(f"{row['name']} cannot be installed: {row['refused']}")
        else:
            note("\n".join(told.described(row)))
    if not free:
        return 1
    names = ", ".join(row["name"] for row in free)
    if not arguments.on("yes") and not confirmed(f"install {names}?"):
        note("nothing was installed")
        return 1
    done = [post(arguments, "install", {"id": row["id"]}) for row in free]
    if arguments.on("json"):
        show_json(_one_or_all(arguments, done))
    else:
        for row in done:
            print(f"{row['name']} is installed; `hermes learning undo {row['id']}` takes it out")
    return 0 if len(free) == len(rows) else 1


def uninstall(arguments: Arguments) -> int:
    from gateway.cli.sessions import confirmed

    name = arguments.word(0)
    if not arguments.on("yes"):
        [row] = post(arguments, "audit", {"names": [name]})
        if row["edited"]:
            note(f"you have changed {', '.join(row['edited'])}")
        if not confirmed(f"take {row['name']} out?"):
            note("nothing was taken out")
            return 1
    with connect(arguments.home) as wire:
        row = wire.ask("DELETE", f"/api/shared/installed/{quote(name, safe='')}")
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{row['name']} is taken out; `hermes learning undo {row['id']}` brings it back")
    return 0


def check(arguments: Arguments) -> int:
    return _standings(arguments, _checked(arguments))


def _checked(arguments: Arguments, handling: str = "refuse") -> list[Row]:
    """handling: of files changed here, by the update that is meant."""
    private = arguments.on("allow-private")
    body = {"names": arguments.words, "allow_private": private, "edits": handling}
    rows: list[Row] = post(arguments, "check", body)
    return rows


def update(arguments: Arguments) -> int:
    """Exit 1 if something newer was not taken, or could not be asked for."""
    from gateway.cli import sharing_told as told
    from gateway.cli.sessions import confirmed

    handling = arguments.text("edits", "refuse")
    rows = _checked(arguments, handling)
    newer = [row for row in rows if "id" in row]
    for row in newer:
        told.news(row, handling, quiet=arguments.on("json"))
    for row in rows:
        if row["problem"]:
            note(f"{row['name']}: {row['status']}: {row['problem']}")
    failed = any(row["status"] not in ("newer", "changed", "current") for row in rows)
    names = ", ".join(row["name"] for row in newer)
    if newer and not arguments.on("yes") and not confirmed(f"update {names}?"):
        note("nothing was updated")
        return 1
    results = [_updated(arguments, row, handling) for row in newer]
    if arguments.on("json"):
        show_json([{**row, **results.pop(0)} if row in newer else row for row in rows])
        return 1 if failed or any(row.get("refused") for row in results) else 0
    for before, row in zip(newer, results, strict=True):
        note(row["refused"]) if row["refused"] else print(_renewed(before, row))
    if not rows or (not newer and not failed):
        note("nothing is newer")
    return 1 if failed or any(row["refused"] for row in results) else 0


def _updated(arguments: Arguments, row: Row, handling: str) -> Row:
    body = {"id": row["id"], "edits": handling}
    try:
        done = post(arguments, "update", body)
    except HermesError as error:
        return {"name": row["name"], "change": 0, "refused": str(error)}
    return {"name": row["name"], "status": "updated", "change": done["id"], "refused": ""}


def _renewed(before: Row, row: Row) -> str:
    if not before["files"]:
        return f"{row['name']} stays as it is: all that is newer are files you have changed"
    return f"{row['name']} is updated; `hermes learning undo {row['change']}` takes that back"


def audit(arguments: Arguments) -> int:
    return _standings(arguments, post(arguments, "audit", {"names": arguments.words}))


def _standings(arguments: Arguments, rows: list[Row]) -> int:
    """How each installed skill stands."""
    from gateway.cli import sharing_told as told

    if arguments.on("json"):
        show_json(rows)
    elif rows:
        told.standings(rows)
    else:
        note("nothing was installed")
    return 0


# -- taps ------------------------------------------------------------------------------------------


def tap(arguments: Arguments) -> int:
    action, source = arguments.word(0, "list"), arguments.word(1)
    if action not in TAP_ACTIONS or bool(source) == (action == "list"):
        raise UsageError(
            "usage: hermes skills tap add SOURCE · list · remove SOURCE",
            "SOURCE is an address as `hermes skills browse` takes it",
        )
    method = {"add": "POST", "list": "GET", "remove": "DELETE"}[action]
    body = {"source": place(source)} if source else None
    with connect(arguments.home) as wire:
        found = wire.ask(method, "/api/shared/taps", body)
    if arguments.on("json"):
        show_json(found)
    else:
        show_text(found)
        if not found:
            note("no taps")
    return 0
