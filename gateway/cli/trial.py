"""`hermes skills trial`: cases of the past replayed with a skill and without it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from gateway.cli.arguments import Arguments
from gateway.cli.output import (
    clean,
    count,
    cut,
    note,
    one_line,
    show_json,
    show_text,
    table,
)
from gateway.cli.sessions import confirmed
from gateway.cli.start import connect

WAIT = 25
"""Seconds that one request waits for news."""
EXIT_CODES = {"done": 0, "spent": 3, "failed": 1, "stopped": 130}


def main(arguments: Arguments) -> int:
    path = f"/api/skills/{quote(arguments.word(0), safe='')}/trial"
    cases, budget = arguments.number("cases", 3), arguments.number("budget", 0)
    with connect(arguments.home) as wire:
        planned = wire.get(f"{path}?{urlencode({'cases': cases})}")
        if not arguments.on("json"):
            note("\n".join(foreseen(planned, budget)))
        may = budget or planned["left"]
        if may and not arguments.on("yes") and not confirmed("replay them?"):
            note("nothing was replayed")
            return 1
        found = wire.post(path, {"cases": cases, "budget": budget})
    found = _followed(arguments, found)
    if arguments.on("json"):
        show_json(found)
    else:
        table([_row(row) for row in found["rows"]], HEAD)
        show_text(told(found))
    return EXIT_CODES[found["state"]]


HEAD = ["with", "calls", "tokens", "without", "calls", "tokens", "case"]


def foreseen(planned: dict[str, Any], budget: int) -> list[str]:
    """What is about to be done, and what it may take."""
    cases, left = planned["cases"], planned["left"]
    lines = [f"{len(cases)} of your cases for {planned['skill']}, each with it and without:"]
    lines += [f"  {cut(one_line(case['text']), 76)}" for case in cases]
    lines.append(f"{count(planned['tokens'])} tokens if each goes as it did then")
    if left and not budget:
        lines.append(f"at most {count(left)}, as learning.budget leaves them; --budget allows more")
    return lines


def _followed(arguments: Arguments, found: dict[str, Any]) -> dict[str, Any]:
    """Until it is over; Ctrl-C ends it with what was measured."""
    path = f"/api/trials/{found['id']}"
    try:
        with connect(arguments.home, spawn=False) as wire:
            while found["state"] == "working":
                query = urlencode({"steps": found["steps"], "wait": WAIT})
                before, found = found, wire.get(f"{path}?{query}")
                if not arguments.on("json"):
                    _tell(before, found)
    except KeyboardInterrupt:
        with connect(arguments.home, spawn=False) as wire:
            found = wire.ask("DELETE", path)
    return found


def _tell(before: dict[str, Any], found: dict[str, Any]) -> None:
    """A line for each run that ended meanwhile."""
    rows = zip(before["rows"], found["rows"], strict=True)
    for number, (old, new) in enumerate(rows, 1):
        place = f"case {number} of {len(found['rows'])}"
        if new["skipped"] and not old["skipped"]:
            note(clean(f"{place} is left out: {new['skipped']}"))
        for side in ("with", "without"):
            if new[side] and not old[side]:
                run = new[side]
                note(f"{place}, {side} it: {run['outcome']}, {run['calls']} calls")


def _row(row: dict[str, Any]) -> list[str]:
    sides = [cell for side in ("with", "without") for cell in _cells(row[side], row["skipped"])]
    return [*sides, row["case"]]


def _cells(run: dict[str, Any] | None, skipped: str) -> list[str]:
    if run is None:
        return ["left out" if skipped else "-", "", ""]
    outcome = run["outcome"] if run["whole"] else "cut"
    return [outcome, str(run["calls"]), count(run["tokens"])]


def told(found: dict[str, Any]) -> list[str]:
    """The difference, and in words what it means."""
    lines = [] if found["state"] == "done" else [f"It ended before its end: {found['why']}."]
    lines += [f"Left out: {row['skipped']}." for row in found["rows"] if row["skipped"]]
    spent = f"{count(found['spent'])} tokens"
    if not found["pairs"]:
        return [*lines, f"Nothing to compare: no case was replayed on both sides. {spent}."]
    several = "cases" if found["pairs"] > 1 else "case"
    lines += [
        _success(found["success"]),
        _difference("calls", found["calls"], lambda value: f"{value:.1f}"),
        _difference("tokens", found["tokens"], lambda value: count(round(value))),
        f"{found['pairs']} {several} compared, {spent}; brackets hold with 90 % certainty.",
    ]
    return lines


def _success(one: dict[str, Any]) -> str:
    if not one["known"]:
        return "Success: no check and no end tells what came of these runs."
    rates = f"Success: {one['with']} of {one['known']} with it, {one['without']} without"
    ends = f"{_points(one['low'])} to {_points(one['high'])}"
    spread = f"{_points(one['difference'])} points ({ends})"
    meaning = "this may be chance" if one["difference"] else "no difference was seen"
    if one["low"] > 0:
        meaning = "it helps"
    elif one["high"] < 0:
        meaning = "it harms"
    return f"{rates}: {spread}: {meaning}."


def _points(share: float) -> str:
    return f"{100 * share:+.0f}"


def _difference(what: str, one: dict[str, Any], shown: Any) -> str:
    """With it minus without it, a run."""
    between, low, high = one["difference"], one["low"], one["high"]
    more = f"{shown(abs(between))} {'fewer' if between < 0 else 'more'} a run with it"
    if low is None:
        return f"{what.capitalize()}: {more}; one case says nothing of others."
    spread = " to ".join(("-" if end < 0 else "+") + shown(abs(end)) for end in (low, high))
    meaning = "this may be chance"
    if high < 0:
        meaning = f"it saves {what}"
    elif low > 0:
        meaning = f"it costs {what}"
    return f"{what.capitalize()}: {more} ({spread}): {meaning}."
