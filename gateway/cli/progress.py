"""`hermes skills evidence`, `hermes learning stats`: what learning is worth, and what it cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from gateway.cli.arguments import Arguments
from gateway.cli.bars import MARKS, bar, ends, marks, spark
from gateway.cli.output import count, note, one_line, show_json, show_text, table
from gateway.cli.start import connect

SHOWN = 8
VERSION_CHARS = 7
LEARNING = ("checkpoint", "trial")


def evidence(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        found = wire.get(f"/api/skills/{quote(arguments.word(0), safe='')}/evidence")
    if arguments.on("json"):
        show_json(found)
    elif not found["series"]:
        note(f"{found['name']}: no finished run had to do with it yet")
    else:
        head = ["version", "with", "without", "difference", "calls", "tokens", "reward", "model"]
        table([_row(one) for one in found["series"]], head)
        show_text(line for one in found["series"] for line in meaning(one))
    return 0


def _row(one: dict[str, Any]) -> list[str]:
    known = one["runs_with"] and one["runs_without"]
    spread = f"{_points(one['difference'])} ({_points(one['low'])} to {_points(one['high'])})"
    return [
        one["version"][:VERSION_CHARS] + ("" if one["current"] else " old"),
        f"{one['success_with']}/{one['runs_with']}",
        f"{one['success_without']}/{one['runs_without']}",
        spread if known else "-",
        _pair(one, "calls", lambda value: f"{value:.1f}" if value < 10 else f"{value:.0f}"),
        _pair(one, "tokens", lambda value: count(round(value))),
        _pair(one, "reward", lambda value: f"{value:.2f}"),
        one["model"],
    ]


def _pair(one: dict[str, Any], name: str, shown: Callable[[float], str]) -> str:
    sides = (("offered", f"{name}_with"), ("withheld", f"{name}_without"))
    return "/".join(shown(one[mean]) if one[runs] else "-" for runs, mean in sides)


def _points(share: float) -> str:
    return f"{100 * share:+.0f}"


def meaning(one: dict[str, Any]) -> list[str]:
    """What one row comes to: a sentence, and how the skill was used."""
    if not (one["runs_with"] and one["runs_without"]):
        told = "nothing to compare: each side needs a run whose outcome is known"
    elif one["low"] > 0:
        told = f"helps, by {_points(one['difference'])} points of success"
    elif one["high"] < 0:
        told = f"harms, by {_points(one['difference'])} points of success"
    else:
        told = "too few runs to tell; the difference may be nothing"
    used = f"offered {one['offered']}, of these loaded {one['loaded']}, followed {one['followed']}"
    used += f"; withheld {one['withheld']}; loaded otherwise {one['apart']}"
    return [f"{one['version'][:VERSION_CHARS]} with {one['model']}: {told}", f"  runs: {used}"]


def stats(arguments: Arguments) -> int:
    with connect(arguments.home) as wire:
        found = wire.get("/api/learning/stats")
    if path := arguments.text("png"):
        from gateway.cli.picture import draw

        draw(found, path)
        note(f"drawn: {path}")
        if not found["kinds"]:
            note("it shows no kind of task: no run has made a tool call yet")
    if arguments.on("json"):
        show_json(found)
    elif not path:
        show_text(told(found))
    return 0


def told(found: dict[str, Any]) -> list[str]:
    """The whole report; but for the requests it is at most 80 columns wide."""
    lines: list[str] = []
    for kind in found["kinds"][:SHOWN]:
        lines += [*_kind(kind), ""]
    if lines:
        legend = "  ".join(f"{sign} {name}" for name, sign in MARKS.items())
        lines = [f"Kinds of task, oldest run first:  {legend}", "", *lines]
    else:
        lines = ["No run has made a tool call yet.", ""]
    if more := len(found["kinds"]) - SHOWN:
        lines += [f"… and {more} more kinds of task: --json has all", ""] if more > 0 else []
    return [*lines, *_cost(found["cost"])]


def _kind(kind: dict[str, Any]) -> list[str]:
    runs = kind["runs"]
    calls = [run["calls"] for run in runs]
    known = [run["outcome"] == "success" for run in runs if run["outcome"] != "unknown"]
    size = f"{len(runs)} run{'s' if len(runs) != 1 else ''}"
    return [
        f"{one_line(kind['label'])}  {size}",
        f"  calls    {spark(calls)}  {_change(calls, '{:.1f}')}",
        f"  success  {marks([run['outcome'] for run in runs])}  {succeeded(known)}",
    ]


def succeeded(known: list[bool]) -> str:
    return f"{sum(known)} of {len(known)}" if known else "not known"


def _change(values: list[float], shown: str) -> str:
    means = ends(values)
    if means is None:
        return shown.format(values[0])
    return f"{shown.format(means[0])} → {shown.format(means[1])}"


def _cost(cost: dict[str, Any]) -> list[str]:
    total = sum(one["total"] for one in cost.values())
    if not total:
        return ["No tokens were used yet."]
    lines = ["Tokens by purpose"]
    ordered = sorted(cost.items(), key=lambda item: (-item[1]["total"], item[0]))
    for purpose, one in ordered:
        share = one["total"] / total
        plotted = bar(share)
        lines.append(f"  {purpose:<11}{count(one['total']):>7}  {plotted:<30}  {share:.1%}")
    learning = sum(one["total"] for purpose, one in ordered if purpose in LEARNING)
    lines.append(f"Learning took {learning / total:.1%} of all tokens.")
    return lines
