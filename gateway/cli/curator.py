"""`hermes curator`: upkeep of the library; and the owner's locks and pins."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gateway.cli.arguments import Arguments
from gateway.cli.output import clean, show_json, when
from gateway.cli.start import connect


def status(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.get("/api/curator")
    if arguments.on("json"):
        show_json(row)
    else:
        print("\n".join(described(row)))
    return 0


def described(row: dict[str, Any]) -> list[str]:
    """When it ran and will, what it did, and how the skills the agent wrote stand."""
    lines = [f"last run     {when(row['ran']) if row['ran'] else 'never'}"]
    lines.append(f"next run     {'paused' if row['paused'] else when(row['due']) + ', when idle'}")
    lines += [f"  {clean(line)}" for line in row["report"]]
    by_state: dict[str, list[str]] = {}
    for name, state in row["states"].items():
        by_state.setdefault(state, []).append(name)
    by_state["archived"] = row["archived"]
    for state in ("candidate", "active", "stale", "quarantined", "archived"):
        if names := by_state.get(state):
            lines.append(f"{state:<13}{clean(', '.join(names))}")
    return lines


def run(arguments: Arguments) -> int:
    row = _order(arguments, "run")
    if not arguments.on("json"):
        print("\n".join(clean(line) for line in row["report"]) or "nothing to do")
    return 0


def pause(arguments: Arguments) -> int:
    _order(arguments, "pause")
    if not arguments.on("json"):
        print("paused; `hermes curator run` still runs it once")
    return 0


def resume(arguments: Arguments) -> int:
    _order(arguments, "resume")
    if not arguments.on("json"):
        print("runs again, once a week")
    return 0


def _order(arguments: Arguments, action: str) -> dict[str, Any]:
    with connect(arguments.home) as wire:
        row: dict[str, Any] = wire.post("/api/curator", {"action": action})
    if arguments.on("json"):
        show_json(row)
    return row


def pin(arguments: Arguments) -> int:
    return _right(arguments, "pin", on=True)


def unpin(arguments: Arguments) -> int:
    return _right(arguments, "pin", on=False)


def lock(arguments: Arguments) -> int:
    return _right(arguments, "lock", on=True)


def unlock(arguments: Arguments) -> int:
    return _right(arguments, "lock", on=False)


def _right(arguments: Arguments, right: str, *, on: bool) -> int:
    order = {"name": arguments.word(0), "right": right, "on": on}
    with connect(arguments.home) as wire:
        row = wire.post("/api/rights", order)
    if arguments.on("json"):
        show_json(row)
    else:
        held = {"lock": "locked", "pin": "pinned"}[right]
        print(f"{row['kind']} {clean(row['name'])[:80]}: {held if on else f'not {held} any more'}")
    return 0


def archive(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.post(f"/api/skills/{quote(arguments.word(0), safe='')}/archive")
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{row['id']}: {row['name']} is archived; `hermes curator restore {row['name']}`")
    return 0


def restore(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        row = wire.post(f"/api/skills/{quote(arguments.word(0), safe='')}/restore")
    if arguments.on("json"):
        show_json(row)
    else:
        print(f"{row['name']} is {row['state']}")
    return 0
