"""`hermes learning stats --png`: the same as a picture. Needs matplotlib, the extra `plots`."""

from __future__ import annotations

import os
import warnings
from statistics import fmean
from typing import TYPE_CHECKING, Any

from gateway.cli.bars import WORTH, groups
from gateway.cli.output import cut, one_line
from gateway.cli.progress import succeeded
from hermes_home.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour = tuple[float, float, float]

KINDS = 6
NOTHING = "Nothing to show yet: no run has made a tool call, and no tokens were used."
BARS = 60
SUCCESS, PARTIAL, FAILURE = (0.12, 0.37, 0.66), (0.98, 0.83, 0.42), (0.86, 0.35, 0.13)
UNKNOWN = (0.75, 0.75, 0.75)
SCRIPTS = ("CJK", "WenQuanYi", "PingFang", "Hiragino", "Malgun", "Devanagari", "Thai", "Arabic")
"""Fonts whose names hold one of these are taken for what the usual one lacks."""


def draw(found: dict[str, Any], path: str) -> None:
    """Write the figure into a new or existing file; UsageError without matplotlib or a place."""
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.font_manager import fontManager
    except ImportError as error:
        raise UsageError(
            "--png needs matplotlib, which is not installed",
            "Install the extra: pip install 'hermes-daemon[plots]'. Without --png it is told here.",
        ) from error
    fonts = {font.name for font in fontManager.ttflist}
    more = sorted(name for name in fonts if any(script in name for script in SCRIPTS))
    with rc_context({"font.family": ["DejaVu Sans", *more], "font.size": 9}):
        something = found["kinds"] or found["cost"]
        figure = Figure(figsize=(10, 9 if something else 2), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure, found) if something else figure.text(0.5, 0.5, NOTHING, ha="center")
        try:
            with warnings.catch_warnings(action="ignore"):  # a sign that no font here has
                figure.savefig(path, format="png")
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise UsageError(f"{path} cannot be written: {reason}", "Name another file.") from error


def _fill(figure: Figure, found: dict[str, Any]) -> None:
    """A panel per kind of task, two in a row; below them the bill."""
    kinds = found["kinds"][:KINDS]
    rows = -(-len(kinds) // 2)
    grid = figure.add_gridspec(rows + 1, 2, height_ratios=[3] * rows + [2])
    for number, kind in enumerate(kinds):
        column = number % 2 if len(kinds) > 1 else slice(None)
        _kind(figure.add_subplot(grid[number // 2, column]), kind)
    _cost(figure.add_subplot(grid[rows, :]), found["cost"])
    if kinds:
        _legend(figure)
    else:
        figure.suptitle("No run has made a tool call yet")


def _kind(axes: Axes, kind: dict[str, Any]) -> None:
    """A bar per run, or for a few runs side by side: as high as its tool calls, in the colour of
    its outcome."""
    runs = kind["runs"]
    calls = groups([run["calls"] for run in runs], BARS)
    worth = groups([WORTH.get(run["outcome"], -1.0) for run in runs], BARS)
    edges = [sum(map(len, calls[:at])) + 1 for at in range(len(calls))]
    axes.bar(
        [first + (len(group) - 1) / 2 for first, group in zip(edges, calls, strict=True)],
        [fmean(group) for group in calls],
        width=[0.8 * len(group) for group in calls],
        color=[_colour([value for value in group if value >= 0]) for group in worth],
    )
    known = [run["outcome"] == "success" for run in runs if run["outcome"] in WORTH]
    label = cut(one_line(kind["label"]), 52).replace("$", r"\$")  # it would begin a formula
    axes.set_title(f"{label}\nsuccess: {succeeded(known)}", fontsize=9)
    axes.set_ylabel("tool calls")
    axes.set_xlabel("run, the oldest first")
    axes.set_xlim(0.4, max(len(runs), 5) + 0.6)
    axes.locator_params(integer=True)
    axes.grid(alpha=0.25, axis="y")
    axes.set_axisbelow(True)


def _colour(worth: list[float]) -> Colour:
    """From failure over partial to success, by the mean; unknown without any."""
    if not worth:
        return UNKNOWN
    share = 2 * fmean(worth)
    low, high = (FAILURE, PARTIAL) if share <= 1 else (PARTIAL, SUCCESS)
    part = share if share <= 1 else share - 1
    mixed = [part * two + (1 - part) * one for one, two in zip(low, high, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def _legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    shown = {"success": SUCCESS, "partial": PARTIAL, "failure": FAILURE, "unknown": UNKNOWN}
    figure.suptitle("Tool calls and success by kind of task", fontsize=11)
    patches = [Patch(color=colour, label=name) for name, colour in shown.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=4, frameon=False)


def _cost(axes: Axes, cost: dict[str, Any]) -> None:
    ordered = sorted(cost.items(), key=lambda item: item[1]["total"])
    totals = [one["total"] for _, one in ordered]
    bars = axes.barh([purpose for purpose, _ in ordered], totals, color=SUCCESS, height=0.6)
    told = [f" {total:,} ({total / (sum(totals) or 1):.1%})" for total in totals]
    axes.bar_label(bars, told)
    axes.set_title("Tokens by purpose" if totals else "No tokens were used yet", fontsize=9)
    axes.margins(x=0.18)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(alpha=0.25, axis="x")
    axes.set_axisbelow(True)
