"""`hermes curator`: upkeep of the library; and the owner's locks and pins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from gateway.cli.arguments import Arguments
from gateway.cli.output import show_json, show_text, when
from gateway.cli.start import connect
from gateway.learning.change_text import HELD, thing

Told = Callable[[dict[str, Any]], str]
"""A row in words."""
GROUPS = ("candidate", "active", "stale", "quarantined", "archived", *HELD.values())
NAMES = 13
"""The column where the names of a group begin."""


def status(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.get("/api/curator")
    if arguments.on("json"):
        show_json(row)
    else:
        show_text(described(row), hang=NAMES)
    return 0


def described(row: dict[str, Any]) -> list[str]:
    """When it ran and will, what it did, how the skills the agent wrote stand, and which the owner
    holds."""
    lines = [f"last run     {when(row['ran']) if row['ran'] else 'never'}"]
    lines.append(f"next run     {'paused' if row['paused'] else when(row['due']) + ', when idle'}")
    lines += [f"  {line}" for line in row["report"]]
    groups: dict[str, list[str]] = {"archived": row["archived"]}
    for name, state in row["states"].items():
        groups.setdefault(state, []).append(name)
    for name, rights in row["rights"].items():
        for right in rights:
            groups.setdefault(HELD[right], []).append(name)
    for group in GROUPS:
        if names := groups.get(group):
            lines.append(f"{group:<{NAMES}}{', '.join(names)}")
    if row["locked_notes"]:
        lines.append(f"{'locked notes':<{NAMES}}{row['locked_notes']}")
    return lines


def run(arguments: Arguments) -> int:
    return _order(arguments, "run", lambda row: "\n".join(row["report"]) or "nothing to do")


def pause(arguments: Arguments) -> int:
    return _order(arguments, "pause", lambda _: "paused; `hermes curator run` still runs it once")


def resume(arguments: Arguments) -> int:
    return _order(arguments, "resume", lambda _: "runs again, once a week")


def pin(arguments: Arguments) -> int:
    return _right(arguments, "pin", on=True)


def unpin(arguments: Arguments) -> int:
    return _right(arguments, "pin", on=False)


def lock(arguments: Arguments) -> int:
    return _right(arguments, "lock", on=True)


def unlock(arguments: Arguments) -> int:
    return _right(arguments, "lock", on=False)


def archive(arguments: Arguments) -> int:
    path = f"/api/skills/{quote(arguments.word(0), safe='')}/archive"
    return _told(arguments, path, None, _archived)


def restore(arguments: Arguments) -> int:
    path = f"/api/skills/{quote(arguments.word(0), safe='')}/restore"
    return _told(arguments, path, None, _restored)


def _order(arguments: Arguments, action: str, told: Told) -> int:
    return _told(arguments, "/api/curator", {"action": action}, told)


def _right(arguments: Arguments, right: str, *, on: bool) -> int:
    held = HELD[right] if on else f"not {HELD[right]} any more"
    order = {"name": arguments.word(0), "right": right, "on": on}
    return _told(
        arguments,
        "/api/rights",
        order,
        lambda row: f"{thing(row)}: {held}",
    )


def _archived(row: dict[str, Any]) -> str:
    return f"{row['id']}: {row['name']} is archived; `hermes curator restore {row['name']}`"


def _restored(row: dict[str, Any]) -> str:
    """Also which one it is, if there were several."""
    told = f"{row['name']} is {row['state']}"
    if row["others"]:
        told += f": {_whose(row['archived'])}, which change {row['archived']['change']} put away"
    for other in row["others"]:
        told += f"\n{_whose(other)} stays away as {other['folder']}; to have it back, archive this"
        told += f" one, then `hermes curator restore {other['folder']}`"
    return told


def _whose(archived: dict[str, Any]) -> str:
    return "your own" if archived["own"] else "an installed one"


def _told(arguments: Arguments, path: str, order: dict[str, Any] | None, told: Told) -> int:
    """Order something; what came of it in words, or as JSON."""
    with connect(arguments.home) as wire:
        row = wire.post(path, order)
    if arguments.on("json"):
        show_json(row)
    else:
        show_text(told(row).split("\n"))
    return 0
