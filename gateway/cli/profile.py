"""`hermes profile`: homes beside each other, each with its own daemon."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gateway.cli import backup, importing
from gateway.cli import start as starting
from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json, table
from gateway.service import manager, place
from hermes_home import profiles
from hermes_home.errors import UsageError
from hermes_home.guard import BASE, default_profile
from hermes_home.paths import Home
from hermes_home.unpacking import read_about


def _base(arguments: Arguments) -> Home:
    return profiles.base_of(Home(Path(arguments.home)))


def create(arguments: Arguments) -> int:
    base, name = _base(arguments), arguments.word(0)
    source = arguments.text("from")
    fill = profiles.copy_from(profiles.home_of(base, source)) if source else _nothing
    home = profiles.create(base, name, fill)
    if source:
        note(f"settings, SOUL.md, skills and notes are those of {source}; keys are not copied, and")
        note(f"channels are off: put keys into {home.env}")
    return _tell(arguments, base, name, f"made; talk to it: hermes -p {name}")


def _nothing(home: Home) -> None:
    """A profile of its own begins as a new home does."""


def show_list(arguments: Arguments) -> int:
    base = _base(arguments)
    rows = [_row(base, name) for name in [BASE, *profiles.names(base)]]
    if arguments.on("json"):
        show_json(rows)
        return 0
    shown = [[r["name"], _running(r), "yes" if r["default"] else "", r["home"]] for r in rows]
    table(shown, ["profile", "daemon", "default", "home"])
    return 0


def _row(base: Home, name: str) -> dict[str, Any]:
    home = profiles.home_of(base, name)
    running = starting.owned(str(home.root))
    default = (default_profile(base) or BASE) == name
    return {"name": name, "home": str(home.root), "running": running, "default": default}


def _running(row: dict[str, Any]) -> str:
    return "running" if row["running"] else "-"


def use(arguments: Arguments) -> int:
    base, name = _base(arguments), arguments.word(0)
    profiles.use(base, name)
    if os.environ.get("HERMES_HOME"):
        note("HERMES_HOME is set in this shell, and goes before it")
    return _tell(arguments, base, name, "is used from now on where no profile is named")


def delete(arguments: Arguments) -> int:
    """Stops its daemon, removes its service and everything in it."""
    base, name = _base(arguments), arguments.word(0)
    home = profiles.check_deletable(base, name)
    if not arguments.on("yes") and not _confirmed(name, home):
        raise UsageError("nothing was deleted", "--yes deletes it without asking")
    if place.installed(str(home.root)):
        manager.remove(str(home.root))
    starting.stop(str(home.root))
    home.run.mkdir(exist_ok=True)
    with backup.owning(home):
        profiles.delete(base, name)
    if arguments.on("json"):
        show_json({"name": name, "home": str(home.root), "deleted": True})
    else:
        print(f"{name}: deleted")
    return 0


def _confirmed(name: str, home: Home) -> bool:
    if not os.isatty(0):
        return False
    answer = input(f"delete {home.root} with its sessions, skills and notes? Type {name}: ")
    return answer.strip() == name


def export(arguments: Arguments) -> int:
    """The same file as `hermes backup` makes of that home."""
    home = profiles.home_of(_base(arguments), arguments.word(0))
    path = Path(arguments.word(1)).expanduser().absolute()
    told = backup.write(home, path, secrets=arguments.on("secrets"))
    if arguments.on("json"):
        show_json(told)
    else:
        print(f"{path}: {told['files']} files, {told['bytes']:,} bytes")
        backup.tell_skipped(told)
    return 0


def bring(arguments: Arguments) -> int:
    """A new profile from such a file; its name is the one it had, unless one is given."""
    base = _base(arguments)
    path = Path(arguments.word(0)).expanduser().absolute()
    name = arguments.word(1) or read_about(path).profile
    if not name:
        raise UsageError(
            "this is the backup of a home without a profile's name",
            f"give it one: hermes profile import {arguments.word(0)} NAME",
        )
    profiles.create(base, name, lambda home: _fill(home, path))
    return _tell(arguments, base, name, f"made; talk to it: hermes -p {name}")


def _fill(home: Home, path: Path) -> None:
    importing.put_back(home, path)


def _tell(arguments: Arguments, base: Home, name: str, text: str) -> int:
    if arguments.on("json"):
        show_json(_row(base, name))
    else:
        print(f"{name}: {text}")
    return 0
