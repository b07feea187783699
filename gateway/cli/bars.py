"""Plots of a few characters: they need no colour and fit into 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

MOST = 50
"""Columns of a plot; of more values some share a column."""
LEVELS = "▁▂▃▄▅▆▇█"
WORTH = {"success": 1.0, "partial": 0.5, "failure": 0.0}
MARKS = {"success": "●", "partial": "◐", "failure": "○", "unknown": "·"}


def groups(values: Sequence[float], most: int = MOST) -> list[list[float]]:
    """The values in order, in at most `most` groups of nearly the same size."""
    count = min(len(values), most)
    edges = [round(number * len(values) / count) for number in range(count + 1)] if count else []
    return [list(values[one:two]) for one, two in zip(edges, edges[1:], strict=False)]


def spark(values: Sequence[float], most: int = MOST) -> str:
    """One block per value, or per group its mean; as high as its share of the highest."""
    means = [fmean(group) for group in groups(values, most)]
    top = max(means, default=0.0)
    return "".join(LEVELS[min(7, int(8 * mean / top))] if top else LEVELS[0] for mean in means)


def marks(outcomes: Sequence[str], most: int = MOST) -> str:
    """One sign per outcome; of a group, partial stands for some of each."""
    shares = groups([WORTH.get(outcome, -1.0) for outcome in outcomes], most)
    return "".join(MARKS[_outcome([share for share in group if share >= 0])] for group in shares)


def _outcome(shares: Sequence[float]) -> str:
    if not shares:
        return "unknown"
    mean = fmean(shares)
    return "success" if mean >= 0.75 else "partial" if mean >= 0.25 else "failure"


def bar(share: float, columns: int = 30) -> str:
    """A bar that is as long as its share of `columns`; what is not nothing is seen."""
    full = round(share * columns)
    return "█" * (full or (1 if share > 0 else 0))


def ends(values: Sequence[float], most: int = 5) -> tuple[float, float] | None:
    """The means of the first and the last few values, up to five but no value in both; None if
    there are fewer than two."""
    some = min(most, len(values) // 2)
    return (fmean(values[:some]), fmean(values[-some:])) if some else None
