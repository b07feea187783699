"""`hermes pairing`: let a person in who writes to a bot, and end that."""

from __future__ import annotations

from gateway.cli.arguments import Arguments
from gateway.cli.output import note, show_json, table, when
from gateway.cli.start import connect
from hermes_home.errors import UsageError


def new(arguments: Arguments) -> int:
    """Print a one-time code."""
    asked = {"platform": arguments.word(0), "role": arguments.text("role", "guest")}
    with connect(arguments.home) as wire:
        made = wire.post("/api/pairing", {**asked, "days": _days(arguments)})
    if arguments.on("json"):
        show_json(made)
        return 0
    print(made["code"])
    note(
        f"Valid until {when(made['expires'])}, once: send it to the bot on {made['platform']} in a"
        f" private chat. Whoever does is {made['role']} from then on."
    )
    if not made["enabled"]:
        note(f"the channel is off: hermes config set channels.{made['platform']}.enabled true")
    return 0


def _days(arguments: Arguments) -> float:
    given = arguments.text("days")
    try:
        return float(given) if given else 0.0
    except ValueError:
        raise UsageError(f"--days {given}: a number is needed") from None


def show_list(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        rows = wire.get("/api/pairing")
    if arguments.on("json"):
        show_json(rows)
    elif rows:
        columns = ["id", "platform", "sender", "name", "role", "status", "expires"]
        for row in rows:
            row["expires"] = when(row["expires"]) if row["expires"] else "-"
        table([[str(row[name]) for name in columns] for row in rows], columns)
    else:
        note("nobody is paired; hermes pairing new PLATFORM makes a code")
    return 0


def revoke(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.ask("DELETE", f"/api/pairing/{arguments.word(0)}")
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{row['id']}: {row['sender']} on {row['platform']} is {row['status']}")
    return 0
