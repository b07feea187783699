"""Compares two models by their scores for the same examples: difference, interval, sign test."""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import re
import sys
from pathlib import Path

DRAWS = 5000
IDS = ("id", "example_id", "question_id", "task_id", "key", "index")
SCORES = ("score", "correct", "passed", "pass", "accuracy", "reward", "value")
TRUE, FALSE = (
    ("true", "yes", "pass", "passed", "correct"),
    ("false", "no", "fail", "failed", "wrong"),
)


def scores(path: Path, id_field: str, score_field: str) -> dict[str, float]:
    """Each example's score, from .csv, .tsv or .jsonl. Several scores of one id are averaged."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix in (".csv", ".tsv"):
        separator = "\t" if path.suffix == ".tsv" else ","
        rows = [dict(row) for row in csv.DictReader(text.splitlines(True), delimiter=separator)]
    else:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} has no rows, or some that are no objects")
    id_name = id_field or _first(rows[0], IDS, path)
    score_name = score_field or _first(rows[0], SCORES, path)
    gathered: dict[str, list[float]] = {}
    for row in rows:
        if id_name not in row or score_name not in row:
            raise ValueError(f"{path}: a row has no {id_name!r} or no {score_name!r}")
        gathered.setdefault(str(row[id_name]), []).append(_number(row[score_name]))
    return {key: sum(values) / len(values) for key, values in gathered.items()}


def _first(row: dict[str, object], names: tuple[str, ...], path: Path) -> str:
    found = next((name for name in names if name in row), "")
    if not found:
        raise ValueError(f"{path}: none of {', '.join(names)} in {', '.join(row)}; name the field")
    return found


def _number(value: object) -> float:
    text = str(value).strip().lower()
    if text in TRUE or text in FALSE:
        return float(text in TRUE)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the score {value!r} is not a finite number")
    return number


def interval(differences: list[float], level: float, seed: int) -> tuple[float, float]:
    """The percentile interval of the mean difference, by drawing examples with replacement."""
    random_ = random.Random(seed)
    size = len(differences)
    means = sorted(sum(random_.choices(differences, k=size)) / size for _ in range(DRAWS))
    cut = (1 - level) / 2
    return means[int(cut * DRAWS)], means[min(DRAWS - 1, int((1 - cut) * DRAWS))]


def sign_test(better: int, worse: int) -> float:
    """The exact two-sided chance of a split at least this uneven, ties left out."""
    total, low = better + worse, min(better, worse)
    tail = sum(math.comb(total, k) for k in range(low + 1))
    return float(min(1.0, 2 * tail / 2**total))


def wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share of successes."""
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return middle - half, middle + half


def compare(a: dict[str, float], b: dict[str, float], level: float, seed: int) -> dict[str, str]:
    """The figures of a report, as they are to be written in it."""
    common = sorted(a.keys() & b.keys())
    if not common:
        raise ValueError("the two files share no example; is the id field the same?")
    differences = [b[key] - a[key] for key in common]
    low, high = interval(differences, level, seed)
    better, worse = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    mean = sum(differences) / len(differences)
    spread = math.sqrt(sum((d - mean) ** 2 for d in differences) / max(1, len(differences) - 1))
    verdict = "B is better" if low > 0 else "A is better" if high < 0 else "no difference shown"
    told = {"examples": str(len(common)), "mean A": _mean(a, common), "mean B": _mean(b, common)}
    told |= {"difference": f"{mean:+.4f}", "low": f"{low:+.4f}", "high": f"{high:+.4f}"}
    told |= {"B better on": str(better), "A better on": str(worse)}
    told |= {"sign test p": f"{sign_test(better, worse):.4f}", "verdict": verdict}
    told["detectable"] = f"{2.8 * spread / math.sqrt(len(common)):.4f}"
    return told


def _mean(scored: dict[str, float], keys: list[str]) -> str:
    mean = sum(scored[key] for key in keys) / len(keys)
    if any(scored[key] not in (0.0, 1.0) for key in keys):
        return f"{mean:.4f}"
    low, high = wilson(mean, len(keys))
    return f"{mean:.4f} [{low:.4f}, {high:.4f}]"


def lacking(report: Path, told: dict[str, str]) -> list[str]:
    """Which of the figures that matter the report does not hold."""
    text = report.read_text(encoding="utf-8").replace("\u2212", "-")
    wanted = {name: told[name] for name in ("examples", "difference", "low", "high", "verdict")}
    return [
        f"{name} ({value}) is not in {report}"
        for name, value in wanted.items()
        if not re.search(rf"(?<![\w.]){re.escape(value)}(?!\w|\.\d)", text)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a", type=Path, help="scores of model A: .csv, .tsv or .jsonl")
    parser.add_argument("b", type=Path, help="scores of model B")
    parser.add_argument("--id", default="", help="field that names the example")
    parser.add_argument("--score", default="", help="field of the score")
    parser.add_argument("--missing", type=float, help="score of examples that one side lacks")
    parser.add_argument("--level", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="exit 1 unless this file holds the figures")
    options = parser.parse_args()
    try:
        a = scores(options.a, options.id, options.score)
        b = scores(options.b, options.id, options.score)
        lost = [len(a.keys() - b.keys()), len(b.keys() - a.keys())]
        if options.missing is not None:
            a, b = (dict.fromkeys(a | b, options.missing) | side for side in (a, b))
        told = compare(a, b, options.level, options.seed)
        wrong = lacking(options.report, told) if options.report else []
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot compare: {error}\n")
        return 2
    sys.stdout.writelines(f"{name}: {value}\n" for name, value in told.items())
    sys.stdout.write(f"only in A: {lost[0]}, only in B: {lost[1]}\n")
    sys.stdout.writelines(f"ERROR {line}\n" for line in wrong)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
