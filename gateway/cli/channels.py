"""`hermes gateway setup`: how the channels are, and one of them set up step by step.

What is asked for stands in gateway/channels/guides.py. Nothing is saved before the channel has
connected with it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from gateway.channels.guides import GUIDES, Guide
from gateway.cli import menu
from gateway.cli import start as starting
from gateway.cli.arguments import Arguments, nearest
from gateway.cli.channel_answers import Setup, checked, collect, given_by, matters, save
from gateway.cli.output import note, show_json, table, when
from gateway.service.place import installed
from hermes_home.errors import UsageError
from hermes_home.paths import Home

UP_SECONDS = 30.0
"""How long the daemon may take to connect a channel until we say that it has not."""
PAIRED_SECONDS = 1.0
"""Between two looks whether the code was sent."""


def main(arguments: Arguments) -> int:
    asks = sys.stdin.isatty() and sys.stdout.isatty()
    name = arguments.word(0)
    if not name:
        rows = _rows(arguments.home)
        if arguments.on("json"):
            show_json(rows)
            return 0
        _show(rows)
        name = _chosen() if asks else ""
    return _set_up(arguments, name, asks=asks) if name else 0


def _set_up(arguments: Arguments, name: str, *, asks: bool) -> int:
    if name not in GUIDES:
        near = ", ".join(nearest(name, list(GUIDES)) or GUIDES)
        raise UsageError(f"there is no channel {name!r} to set up", f"Possible: {near}.")
    given = given_by(arguments, GUIDES[name])
    setup = Setup(Home(Path(arguments.home)), name, GUIDES[name], asks and not given, given)
    starting.connect(arguments.home).close()  # the home is there now, and of this version
    if setup.asks:
        print(f"{setup.guide.title}\n{setup.guide.about}\n")
    collect(setup)
    account = checked(setup)
    if not account:
        return 1
    save(setup)
    note(f"{setup.guide.title} answers as {account}; saved and switched on.")
    told = _followed(setup)
    if not arguments.on("json"):
        return _tell(setup, told)
    show_json(told)
    return 0 if told["state"] == "live" else 1


# -- what comes after ---------------------------------------------------------------------------


def _followed(setup: Setup) -> dict[str, Any]:
    """What the daemon says of the channel, with a code for its owner if there is none yet."""
    home = str(setup.home.root)
    health = _health_when_up(home, setup.name)
    told = {key: health.get(key, "") for key in ("name", "state", "account", "error")}
    if told["state"] != "live" or not setup.guide.pairing or _owned(setup):
        return told
    with starting.connect(home) as wire:
        made = wire.post("/api/pairing", {"platform": setup.name, "role": "owner"})
    return {**told, "code": made["code"], "expires": made["expires"]}


def _owned(setup: Setup) -> bool:
    """Whether somebody is the owner there, by the settings or by an earlier code."""
    return bool(setup.section().owners or _owners(setup))


def _owners(setup: Setup) -> list[dict[str, Any]]:
    with starting.connect(str(setup.home.root)) as wire:
        return [
            row
            for row in wire.get("/api/pairing")
            if (row["platform"], row["role"], row["status"]) == (setup.name, "owner", "active")
        ]


def _tell(setup: Setup, told: dict[str, Any]) -> int:
    """For a person; waits until the code was sent, if there is somebody to wait for."""
    if told["state"] != "live":
        note(f"the daemon could not connect it yet: {told['error'] or 'it still tries'}")
        return 1
    if "code" not in told:
        print(_closing(setup, told["account"]))
        _tell_of_service(setup)
        return 0
    print(f"{setup.guide.pairing.format(account=told['account'])}\n\n  {told['code']}\n")
    note(f"Valid until {when(told['expires'])}, once. Whoever sends it is the owner.")
    if not setup.asks:
        return 0
    print("Waiting for it … (Ctrl-C leaves; the code stays good)")
    while not (owners := _owners(setup)):
        time.sleep(PAIRED_SECONDS)
    print(f"Paired with {owners[0]['name'] or owners[0]['sender']}. Write to it, it answers.")
    _tell_of_service(setup)
    return 0


def _closing(setup: Setup, account: str) -> str:
    made = [one for one in setup.guide.fields if one.made and matters(setup, one)]
    if not (made and setup.guide.with_secret):
        return setup.guide.closing.format(account=account)
    name, _, domain = account.rpartition("@")
    secret = setup.now(made[0])
    return setup.guide.with_secret.format(name=name, secret=secret, domain=domain)


def _tell_of_service(setup: Setup) -> None:
    if not installed(str(setup.home.root)):
        note("It answers while the daemon runs; after a restart of this machine somebody must")
        note("start it. `hermes daemon install` makes the daemon a service that starts by itself.")


def _health_when_up(home: str, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + UP_SECONDS
    while True:
        health = _health(home).get(name, {})
        if health.get("state") in ("live", "refused") or time.monotonic() > deadline:
            return health
        time.sleep(0.2)


def _health(home: str) -> dict[str, dict[str, Any]]:
    """What the daemon says of each channel that is on; nothing if none runs."""
    wire = starting.answering(home)
    if wire is None:
        return {}
    with wire:
        return {row["name"]: row for row in wire.get("/api/status")["channels"]}


# -- all of them --------------------------------------------------------------------------------


def _rows(home: str) -> list[dict[str, Any]]:
    health = _health(home)
    return [
        _row(Home(Path(home)), name, guide, health.get(name, {})) for name, guide in GUIDES.items()
    ]


def _row(home: Home, name: str, guide: Guide, health: dict[str, Any]) -> dict[str, Any]:
    setup = Setup(home, name, guide, asks=False)
    needed = [one for one in guide.fields if matters(setup, one) and not one.optional]
    return {
        "name": name,
        "title": guide.title,
        "set_up": all(setup.now(one) for one in needed),
        "enabled": setup.section().enabled,
        "state": health.get("state", ""),
        "account": health.get("account", ""),
        "error": health.get("error", ""),
    }


def _show(rows: list[dict[str, Any]]) -> None:
    cells = [
        [row["name"], _state(row), row["account"] or _first_line(row["error"])] for row in rows
    ]
    table(cells, ["channel", "state", ""])


def _state(row: dict[str, Any]) -> str:
    if row["enabled"]:
        return row["state"] or "on, no daemon runs"
    return "off" if row["set_up"] else "not set up"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _chosen() -> str:
    choice = menu.choose("Which one do you want to set up?", [g.title for g in GUIDES.values()])
    return "" if choice is None else list(GUIDES)[choice]
