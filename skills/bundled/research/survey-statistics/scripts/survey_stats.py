"""Shares and means of a survey's columns with 95 % intervals, and differences between groups."""

from __future__ import annotations

import argparse
import csv
import math
import random
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

Z = 1.96
SMALL = 5
"""Fewer answers than this are not shown: they name people and prove nothing."""
DRAWS = 2000
_FIGURE = re.compile(r"-?\d+(?:\.\d+)?%? \[-?\d+(?:\.\d+)?, -?\d+(?:\.\d+)?\]")

Rows = list[dict[str, str]]


def read(path: Path) -> Rows:
    text = path.read_text(encoding="utf-8-sig")
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    found = csv.DictReader(text.splitlines(True), delimiter=separator)
    return [{(k or "").strip(): (v or "").strip() for k, v in row.items() if isinstance(v, str)}
            for row in found]  # fmt: skip


def numbers(values: list[str]) -> list[float]:
    """The answers as numbers, empty if not all of them are."""
    try:
        told = [float(value) for value in values]
    except ValueError:
        return []
    return told if all(map(math.isfinite, told)) else []


def wilson(hits: int, total: int) -> tuple[float, float]:
    share = hits / total
    middle = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total**2)) / (1 + Z * Z / total)
    return middle - half, middle + half


def share(hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    return f"{100 * hits / total:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"


def mean(values: list[float]) -> str:
    """A mean with its bootstrap interval, which asks no shape of the answers."""
    random_ = random.Random(1)
    means = sorted(statistics.fmean(random_.choices(values, k=len(values))) for _ in range(DRAWS))
    low, high = means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS)]
    return f"{statistics.fmean(values):.2f} [{low:.2f}, {high:.2f}]"


def answers(rows: Rows, column: str, multi: str) -> tuple[list[str], list[list[str]]]:
    """The given answers, and each as the list of options it chooses."""
    given = [row[column] for row in rows if row.get(column)]
    if not multi:
        return given, [[value] for value in given]
    return given, [
        list(dict.fromkeys(p.strip() for p in v.split(multi) if p.strip())) for v in given
    ]


def column_lines(rows: Rows, column: str, multi: str) -> Iterator[str]:
    given, chosen = answers(rows, column, multi)
    total = len(given)
    yield f"## {column}: {total} of {len(rows)} answered"
    if total < SMALL:
        yield "too few answers"
        return
    values = numbers(given) if not multi else []
    if values:
        middle = statistics.median(values)
        yield f"mean {mean(values)}, median {middle:g}, {min(values):g} to {max(values):g}"
    counted = Counter(option for options in chosen for option in options)
    if len(counted) > 20:
        yield "" if values else f"{len(counted)} different answers: free text, read it"
        return
    ordered = sorted(counted.items(), key=lambda p: float(p[0]) if values else -p[1])
    for option, hits in ordered:
        yield f"{option}: {share(hits, total) if hits >= SMALL else f'fewer than {SMALL}'}"


def group_lines(rows: Rows, column: str, by: str, multi: str) -> Iterator[str]:
    """Each group's figure, and its difference from all others with the interval of that."""
    groups = Counter(row[by] for row in rows if row.get(by) and row.get(column))
    tests = []
    for group, size in groups.most_common():
        inside = [row for row in rows if row.get(by) == group]
        outside = [row for row in rows if row.get(by) and row.get(by) != group]
        if size >= SMALL and any(row.get(column) for row in outside):
            tests += list(differences(inside, outside, column, multi, group))
    tests.sort(key=lambda test: test[0])
    holds = bool(tests)
    if not tests or tests[0][0] > 0.05 / len(tests):
        yield f"no difference holds among {len(tests)} tests"
    for rank, (p, line) in enumerate(tests):
        holds = holds and p <= 0.05 / (len(tests) - rank)
        yield f"{line}, p {p:.4f}{', this holds among all tests' if holds else ''}"


def differences(
    inside: Rows, outside: Rows, column: str, multi: str, group: str
) -> Iterator[tuple[float, str]]:
    mine, my_options = answers(inside, column, multi)
    other, other_options = answers(outside, column, multi)
    a, b = (numbers(mine), numbers(other)) if not multi else ([], [])
    if a and b and len(set(a + b)) > 2:
        gap = statistics.fmean(a) - statistics.fmean(b)
        spread = math.sqrt(_variance(a) / len(a) + _variance(b) / len(b))
        figure = f"{gap:.2f} [{gap - Z * spread:.2f}, {gap + Z * spread:.2f}]"
        yield _p(gap, spread), f"{group}: mean {mean(a)}, difference from the others {figure}"
        return
    for option in sorted({one for options in my_options + other_options for one in options}):
        hits, rest = (sum(option in one for one in side) for side in (my_options, other_options))
        if min(hits, rest) < SMALL:
            continue
        p, q = hits / len(mine), rest / len(other)
        pooled = (hits + rest) / (len(mine) + len(other))
        spread = math.sqrt(pooled * (1 - pooled) * (1 / len(mine) + 1 / len(other)))
        (l1, u1), (l2, u2) = wilson(hits, len(mine)), wilson(rest, len(other))
        low = p - q - math.hypot(p - l1, u2 - q)
        high = p - q + math.hypot(u1 - p, q - l2)
        figure = f"{100 * (p - q):.1f}% [{100 * low:.1f}, {100 * high:.1f}]"
        yield (
            _p(p - q, spread),
            f"{group}, {option}: {share(hits, len(mine))}, difference {figure}",
        )


def _variance(values: list[float]) -> float:
    return statistics.variance(values) if len(values) > 1 else 0.0


def _p(gap: float, spread: float) -> float:
    """The two-sided chance of such a gap without a difference, by the normal distribution."""
    return math.erfc(abs(gap) / spread / math.sqrt(2)) if spread else float(gap == 0)


def wrong_figures(report: Path, lines: list[str]) -> list[str]:
    stated = _FIGURE.findall(report.read_text(encoding="utf-8").replace("\u2212", "-"))
    known = {figure for line in lines for figure in _FIGURE.findall(line)}
    wrong = [f"{figure} is no figure of this table" for figure in stated if figure not in known]
    return wrong if stated else [f"{report} holds no figure such as 62.3% [55.1, 69.0]"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="CSV, one row for each person")
    parser.add_argument("--column", action="append", default=[], help="only these; default: all")
    parser.add_argument("--by", default="", help="compare the groups of this column")
    parser.add_argument("--multi", default="", help="the sign between several answers of one cell")
    parser.add_argument("--report", type=Path, help="exit 1 unless every figure in it is right")
    options = parser.parse_args()
    try:
        rows = read(options.file)
        names = options.column or list(rows[0] if rows else [])
        if missing := [name for name in (*names, options.by) if name and name not in rows[0]]:
            raise ValueError(f"there is no column {', '.join(missing)}")
        lines = [line for name in names for line in column_lines(rows, name, options.multi) if line]
        for name in (name for name in names if options.by and name != options.by):
            lines += [f"## {name} by {options.by}"]
            lines += group_lines(rows, name, options.by, options.multi)
        wrong = wrong_figures(options.report, lines) if options.report else []
    except (OSError, ValueError, IndexError) as error:
        sys.stderr.write(f"cannot read {options.file}: {error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in ([] if options.report else lines))
    sys.stdout.writelines(f"ERROR {line}\n" for line in wrong)
    sys.stdout.write(f"{len(rows)} rows, {len(wrong)} errors\n")
    return int(bool(wrong) or not rows)


if __name__ == "__main__":
    sys.exit(main())
