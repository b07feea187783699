"""Makes one table of many run folders: what was varied, what came out, what is missing."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import re
import statistics
import sys
from pathlib import Path
from typing import Any

CONFIGS = ("config.json", "args.json", "hparams.json", "params.json", "config.yaml", "hparams.yaml")
METRICS = ("metrics.json", "results.json", "all_results.json", "summary.json", "metrics.jsonl")
UNTOLD = re.compile(
    r"(?:^|[._])(?:seed|out|output|dir|path|time|timestamp|date|name|id)(?:[._]|$)|(?:_dir|_path|_at)$"
)

Flat = dict[str, Any]


def flat(value: Any, prefix: str = "") -> Flat:
    """A nested object as one level of dotted keys."""
    if not isinstance(value, dict):
        return {prefix: value} if prefix else {}
    parts = [flat(inner, f"{prefix}.{key}" if prefix else str(key)) for key, inner in value.items()]
    return {key: inner for part in parts for key, inner in part.items()}


def plain_yaml(text: str) -> Flat:
    """YAML of `key: value` lines and indented maps; lists are kept as they are written."""
    found: Flat = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = re.match(r"( *)([\w.-]+):(?:\s+(.*?))?\s*(?:#.*)?$", line)
        if match is None:
            continue
        indent = len(match[1])
        path = [*(part for part in path if part[0] < indent), (indent, match[2])]
        if match[3]:
            found[".".join(name for _, name in path)] = _typed(match[3].strip("'\""))
    return found


def _typed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def read(path: Path, best: str, lower: bool) -> Flat:
    """One file's values. Of a .jsonl history the last of each, or those of the best row."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix in (".yaml", ".yml"):
        return plain_yaml(text)
    if path.suffix != ".jsonl":
        return flat(json.loads(text))
    rows = [flat(json.loads(line)) for line in text.splitlines() if line.strip()]
    usable = [row for row in rows if isinstance(row.get(best), int | float)]
    if best and usable:
        chosen: Flat = (min if lower else max)(usable, key=lambda row: row[best])
        return chosen
    return {key: value for row in rows for key, value in row.items()}


def runs(root: Path, best: str, lower: bool) -> tuple[dict[str, tuple[Flat, Flat]], list[str]]:
    """Each run's config and metrics by its folder, and what is wrong with the others."""
    found: dict[str, tuple[Flat, Flat]] = {}
    problems = []
    folders = sorted({file.parent for name in (*CONFIGS, *METRICS) for file in root.rglob(name)})
    for folder in folders:
        name = folder.relative_to(root).as_posix()
        try:
            config, metrics = (_first(folder, names, best, lower) for names in (CONFIGS, METRICS))
        except ValueError as error:
            problems.append(f"{name}: unreadable ({error})")
            continue
        numbers = {k: v for k, v in metrics.items() if isinstance(v, int | float)}
        numbers = {k: v for k, v in numbers.items() if not isinstance(v, bool)}
        found[name] = (config, numbers)
        if not numbers:
            problems.append(f"{name}: no metrics (failed, or still running?)")
        problems += [f"{name}: {k} is {v}" for k, v in numbers.items() if not math.isfinite(v)]
    return found, problems


def _first(folder: Path, names: tuple[str, ...], best: str, lower: bool) -> Flat:
    file = next((folder / name for name in names if (folder / name).is_file()), None)
    return read(file, best, lower) if file else {}


def varied(configs: list[Flat]) -> list[str]:
    """The config keys that differ between runs and are no paths, times or seeds."""
    keys = sorted({key for config in configs for key in config})
    return [
        key
        for key in keys
        if not UNTOLD.search(key.lower()) and len({str(config.get(key)) for config in configs}) > 1
    ]


def table(found: dict[str, tuple[Flat, Flat]], metrics: list[str]) -> list[list[str]]:
    """Heading and one row for each run."""
    keys = varied([config for config, _ in found.values()])
    seeds = sorted({key for config, _ in found.values() for key in config if key.endswith("seed")})
    names = metrics or sorted({key for _, numbers in found.values() for key in numbers})
    rows = [["run", *keys, *seeds, *names]]
    for name, (config, numbers) in found.items():
        cells = [str(config.get(key, "")) for key in (*keys, *seeds)]
        rows.append([name, *cells, *(repr(numbers[n]) if n in numbers else "" for n in names)])
    return rows


def groups(found: dict[str, tuple[Flat, Flat]], metric: str) -> list[str]:
    """Mean, deviation and count of a metric over the runs that differ only in their seed."""
    keys = varied([config for config, _ in found.values()])
    gathered: dict[str, list[float]] = {}
    for config, numbers in found.values():
        if math.isfinite(numbers.get(metric, math.nan)):
            label = ", ".join(f"{key}={config.get(key)}" for key in keys) or "all"
            gathered.setdefault(label, []).append(numbers[metric])
    lines = []
    for label, values in sorted(gathered.items(), key=lambda item: -statistics.fmean(item[1])):
        spread = (
            f" ± {statistics.stdev(values):.4g}" if len(values) > 1 else " (one run: no spread)"
        )
        lines.append(f"{label}: {metric} {statistics.fmean(values):.6g}{spread}, n={len(values)}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="folder that holds the run folders")
    parser.add_argument("--metric", action="append", default=[], help="only these metrics")
    parser.add_argument("--best", default="", help="of a .jsonl history take the best row by this")
    parser.add_argument("--lower", action="store_true", help="the best is the lowest")
    parser.add_argument("--check", type=Path, help="exit 1 unless this CSV is the table of today")
    options = parser.parse_args()
    try:
        found, problems = runs(options.root, options.best, options.lower)
        written = options.check.read_text(encoding="utf-8") if options.check else ""
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(table(found, options.metric))
    sys.stderr.writelines(f"{line}\n" for line in [f"{len(found)} runs", *problems])
    if options.check:
        same = written == out.getvalue() and bool(found)
        sys.stdout.write(f"{options.check} {'is' if same else 'is NOT'} the table of these runs\n")
        return int(not same)
    sys.stdout.write(out.getvalue())
    for metric in options.metric:
        sys.stderr.writelines(f"{line}\n" for line in groups(found, metric))
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
