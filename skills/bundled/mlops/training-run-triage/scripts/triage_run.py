"""Reads the log of a training run (CSV, JSON, JSON lines, text) and says what went wrong."""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

STEPS = ("step", "global_step", "_step", "iteration", "iter", "epoch")
TRAIN = ("loss", "train_loss", "train/loss", "training_loss", "loss/train")
VALID = ("eval_loss", "val_loss", "valid_loss", "validation_loss", "eval/loss", "val/loss")
RATE = ("learning_rate", "lr", "train/learning_rate")
NORM = ("grad_norm", "train/grad_norm", "gnorm", "gradient_norm")
BAD = ("nonfinite", "diverged", "no progress", "too short")
_PAIR = re.compile(
    r"([A-Za-z_][\w/.]*)\s*[:=]\s*([-+]?(?:nan|inf(?:inity)?|[\d.]+(?:e[-+]?\d+)?))", re.I
)

_STEP = re.compile(r"\b(global_step|step|iteration|iter|epoch)\b\s*[:=\[(#]*\s*(\d+)\s*/?", re.I)

Row = dict[str, float]
Series = list[tuple[float, float]]
"""Pairs of step and value, in the order of the log."""


def rows_of(path: Path) -> list[Row]:
    """The numbers of every record; what is no number is left out."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix in (".csv", ".tsv"):
        separator = "\t" if path.suffix == ".tsv" else ","
        return [_numbers(row) for row in csv.DictReader(text.splitlines(), delimiter=separator)]
    if path.suffix == ".json":
        data = json.loads(text)
        data = data.get("log_history", [data]) if isinstance(data, dict) else data
        return [_numbers(row) for row in data if isinstance(row, dict)]
    return list(_lines(text.splitlines()))


def _lines(lines: list[str]) -> Iterator[Row]:
    """The lines that tell a number besides the step. A line that tells only the step, such as
    `Epoch 3/10`, is told of those below it."""
    above: Row = {}
    for line in lines:
        row = _line(line)
        if row.keys() - set(STEPS):
            yield {**above, **row}
        elif row:
            above = row


def _line(line: str) -> Row:
    if line.lstrip().startswith("{"):
        try:
            return _numbers(json.loads(line))
        except ValueError:
            pass  # a dict as Python prints it: the pairs below read it
    pairs = [*_PAIR.findall(line.replace("'", "")), *_STEP.findall(line)]
    return _numbers(dict(pairs))


def _numbers(row: dict[str, Any]) -> Row:
    numbers = {}
    for key, value in row.items():
        try:
            numbers[str(key).strip().lower()] = float(value)
        except (TypeError, ValueError):
            continue
    return numbers


def series(rows: list[Row], names: Iterable[str]) -> tuple[str, Series]:
    """The first of these metrics that the log has, and its values."""
    step = next((name for name in STEPS if sum(name in row for row in rows) > len(rows) / 2), "")
    for name in names:
        found = [
            (row.get(step, float(at)), row[name]) for at, row in enumerate(rows) if name in row
        ]
        if found:
            return name, found
    return "", []


def smooth(points: Series) -> Series:
    """Medians of a moving window of a twentieth of the run; only finite values count."""
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    width = max(1, len(finite) // 20)
    return [
        (
            finite[at][0],
            statistics.median(value for _, value in finite[max(0, at - width) : at + 1]),
        )
        for at in range(len(finite))
    ]


def nonfinite(rows: list[Row]) -> list[str]:
    step = next((name for name in STEPS if any(name in row for row in rows)), "")
    for at, row in enumerate(rows):
        wrong = [key for key, value in row.items() if not math.isfinite(value)]
        if wrong:
            where = f"{row.get(step, at):g}"
            return [f"nonfinite: {', '.join(wrong)} first at step {where}{_before(rows[:at])}"]
    return []


def _before(rows: list[Row]) -> str:
    """What the rate, the norm and the loss did just before."""
    told = []
    for label, names in (("loss", TRAIN), ("learning rate", RATE), ("gradient norm", NORM)):
        _, points = series(rows, names)
        if points:
            last = points[-20:]
            highest = max(value for _, value in last)
            told.append(f"{label} {last[-1][1]:g}" + f" (highest of 20: {highest:g})")
    return f"; just before: {', '.join(told)}" if told else ""


def diverged(curve: Series) -> list[str]:
    """The loss rose to twice its best (or by its whole gain) and did not come back."""
    if len(curve) < 5:
        return []
    best = min(range(len(curve)), key=lambda at: curve[at][1])
    low, last = curve[best][1], curve[-1][1]
    limit = low + max(abs(low), (curve[0][1] - low) / 2, 1e-9)
    if last <= limit:
        return []
    onset = len(curve) - 1
    while onset > best and curve[onset - 1][1] > limit:
        onset -= 1
    words = f"best {low:g} at step {curve[best][0]:g}, above {limit:g} for good from step"
    return [f"diverged: {words} {curve[onset][0]:g}, last {last:g}"]


def stalled(curve: Series) -> list[str]:
    if len(curve) < 10:
        return []
    first, best = curve[0][1], curve[0][1]
    since = curve[0][0]
    for step, value in curve:
        if value < best - 0.01 * abs(best):
            best, since = value, step
    if best > first - 0.02 * abs(first):
        return [f"no progress: the loss stays within 2 % of its first value {first:g}"]
    span = curve[-1][0] - curve[0][0]
    share = (curve[-1][0] - since) / span if span else 0.0
    return (
        [f"plateau: no gain of 1 % since step {since:g} ({share:.0%} of the run)"]
        if share > 0.3
        else []
    )


def spikes(points: Series) -> list[str]:
    found = []
    for at in range(20, len(points)):
        window = [value for _, value in points[at - 20 : at] if math.isfinite(value)]
        step, value = points[at]
        if len(window) > 10 and math.isfinite(value):
            middle = statistics.median(window)
            spread = statistics.median(abs(one - middle) for one in window)
            if value > middle + max(8 * spread, 0.2 * abs(middle)):
                found.append((value - middle, step, value))
    worst = ", ".join(f"{value:g} at {step:g}" for _, step, value in sorted(found)[-3:])
    return (
        [f"spikes: {len(found)} far above the 20 values before them; worst {worst}"]
        if found
        else []
    )


def overfits(valid: Series) -> list[str]:
    finite = [(step, value) for step, value in valid if math.isfinite(value)]
    if len(finite) < 3:
        return []
    step, best = min(finite, key=lambda point: point[1])
    last = finite[-1][1]
    worse = (last - best) / abs(best) if best else 0.0
    return (
        [f"overfits: validation best {best:g} at step {step:g}, last {last:g} ({worse:+.0%})"]
        if worse > 0.05
        else []
    )


def restarts(points: Series) -> list[str]:
    pairs = zip(points, points[1:], strict=False)
    back = [f"{one:g} -> {two:g}" for (one, _), (two, _) in pairs if two < one]
    return (
        [f"restarts: the step goes back {len(back)} times ({', '.join(back[:3])})"] if back else []
    )


def triage(rows: list[Row], loss: str) -> tuple[list[str], list[str]]:
    """The facts and the findings of a log."""
    name, train = series(rows, [loss.lower()] if loss else TRAIN)
    valid_name, valid = series(rows, VALID)
    curve = smooth(train)
    facts = [
        f"records: {len(rows)}; metrics: {', '.join(sorted({k for row in rows for k in row}))}"
    ]
    if curve:
        step, best = min(curve, key=lambda point: point[1])
        facts.append(
            f"{name}: {len(train)} values, step {train[0][0]:g} to {train[-1][0]:g},"
            f" first {train[0][1]:g}, smoothed best {best:g} at {step:g}, last {train[-1][1]:g}"
        )
    if valid:
        facts.append(f"{valid_name}: {len(valid)} values, last {valid[-1][1]:g}")
    findings = [] if len(train) >= 10 else [f"too short: {len(train)} values of a training loss"]
    findings += nonfinite(rows) + diverged(curve) + stalled(curve) + spikes(train)
    return facts, findings + overfits(valid) + restarts(train)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path, help=".csv, .tsv, .json, .jsonl or lines of `key: value`")
    parser.add_argument("--loss", default="", help="name of the training loss, if it is unusual")
    parser.add_argument("--check", action="store_true", help=f"exit 1 on: {', '.join(BAD)}")
    arguments = parser.parse_args()
    try:
        facts, findings = triage(rows_of(arguments.log), arguments.loss)
    except (OSError, ValueError, AttributeError) as error:
        sys.stderr.write(f"cannot read {arguments.log}: {error}\n")
        return 2
    sys.stdout.write("\n".join([*facts, *(findings or ["nothing found"])]) + "\n")
    return int(arguments.check and any(finding.startswith(BAD) for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
