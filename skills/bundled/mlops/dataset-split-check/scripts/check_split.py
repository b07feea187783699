"""Looks for examples, near copies, groups and dates that training data shares with test data."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

WORDS = 5
"""Words of one shingle."""
NEAR = 0.7
"""The share of a test example's shingles in one training example that makes it a near copy."""
COMMON = 50
"""A shingle of more training examples than this is boilerplate and tells nothing."""

Record = dict[str, Any]


def records(path: Path) -> list[Record]:
    """The rows of a .csv, .tsv, .json or .jsonl file, or the lines of a text file."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix in (".csv", ".tsv"):
        separator = "\t" if path.suffix == ".tsv" else ","
        return [dict(row) for row in csv.DictReader(text.splitlines(True), delimiter=separator)]
    if path.suffix == ".json":
        return [row for row in json.loads(text) if isinstance(row, dict)]
    lines = [line for line in text.splitlines() if line.strip()]
    if path.suffix == ".jsonl":
        return [row for row in map(json.loads, lines) if isinstance(row, dict)]
    return [{"text": line} for line in lines]


def prose(rows: list[Record]) -> list[str]:
    """The fields that mostly hold texts of three words or more; ids and labels do not."""
    counted = Counter(
        field
        for row in rows
        for field, value in row.items()
        if isinstance(value, str) and len(value.split()) > 2
    )
    return sorted(field for field, count in counted.items() if count > len(rows) / 2)


def words_of(record: Record, fields: list[str]) -> list[str]:
    """The words of the compared fields, without case, accents' variants and punctuation."""
    values = [record.get(field) for field in fields] if fields else list(record.values())
    text = " ".join(v if isinstance(v, str) else json.dumps(v, sort_keys=True) for v in values)
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def shingles(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + WORDS]) for at in range(max(1, len(words) - WORDS + 1))}


def exact(train: list[list[str]], test: list[list[str]]) -> list[tuple[int, int]]:
    """Pairs of a test and a training example with the same words."""
    seen = {tuple(words): at for at, words in reversed(list(enumerate(train)))}
    return [(at, seen[tuple(words)]) for at, words in enumerate(test) if tuple(words) in seen]


def near(train: list[list[str]], test: list[list[str]], known: set[int]) -> list[tuple[int, int]]:
    """Pairs of a test example, exact copies left out, and the training example it mostly is."""
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, words in enumerate(train):
        for shingle in shingles(words):
            holders[shingle].append(at)
    found = []
    for at, words in enumerate(test):
        own = shingles(words)
        if at in known or len(words) < 2 * WORDS:
            continue
        rare = [holders[one] for one in own if 0 < len(holders.get(one, ())) <= COMMON]
        votes = Counter(holder for holding in rare for holder in holding)
        best, count = votes.most_common(1)[0] if votes else (0, 0)
        if count >= NEAR * len(own):
            found.append((at, best))
    return found


def shared(train: list[Record], test: list[Record], field: str) -> list[str]:
    """The values of a field that both sides have."""
    left, right = ({str(row.get(field)) for row in side} for side in (train, test))
    if {"None"} in (left, right):
        raise ValueError(f"no record has the field {field!r}")
    return sorted(left & right - {"None", ""})


def late(train: list[Record], test: list[Record], field: str) -> int:
    """How many training examples are not older than the first test example."""
    first = min(str(row[field]) for row in test if row.get(field))
    return sum(str(row.get(field) or "") >= first for row in train)


def shares(rows: list[Record], field: str) -> str:
    counted = Counter(str(row.get(field)) for row in rows)
    return ", ".join(
        f"{value} {count / len(rows):.1%}" for value, count in sorted(counted.items())[:12]
    )


def report(train: list[Record], test: list[Record], options: argparse.Namespace) -> list[str]:
    """The findings, each of them a leak."""
    left = [words_of(row, options.text) for row in train]
    right = [words_of(row, options.text) for row in test]
    same = exact(left, right)
    alike = near(left, right, {at for at, _ in same})
    findings = []
    for label, pairs in (("exact copies", same), ("near copies", alike)):
        if pairs:
            some = ", ".join(f"test {a + 1} = train {b + 1}" for a, b in pairs[:5])
            findings.append(f"{label}: {len(pairs)} of {len(test)} test examples ({some})")
    for field in options.group:
        both = shared(train, test, field)
        if both:
            findings.append(
                f"group {field}: {len(both)} values on both sides ({', '.join(both[:5])})"
            )
    if options.time and (count := late(train, test, options.time)):
        findings.append(
            f"time {options.time}: {count} training examples are not older than the test"
        )
    return findings


def split(rows: list[Record], options: argparse.Namespace) -> None:
    """Writes train.jsonl and test.jsonl; one group, or one text, never stands on both sides."""
    options.out.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[str]] = {"train": [], "test": []}
    for row in rows:
        key = [str(row.get(field)) for field in options.group] or words_of(row, options.text)
        digest = hashlib.sha256("\0".join([options.seed, *key]).encode()).digest()
        side = "test" if int.from_bytes(digest[:8], "big") / 2**64 < options.share else "train"
        parts[side].append(json.dumps(row, ensure_ascii=False))
    for side, lines in parts.items():
        path = options.out / f"{side}.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sys.stdout.write(f"{path}: {len(lines)} examples\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help=".csv, .tsv, .json, .jsonl or text by lines")
    parser.add_argument("test", type=Path, nargs="?", help="left out: split `train` into --out")
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        help="compare this field only; default: all that hold texts",
    )
    parser.add_argument("--group", action="append", default=[], help="one value, one side")
    parser.add_argument("--time", help="a field of ISO dates: test must be younger than train")
    parser.add_argument("--label", help="a field whose shares are shown for both sides")
    parser.add_argument("--out", type=Path, default=Path("split"), help="folder of a new split")
    parser.add_argument("--share", type=float, default=0.2, help="of a new split's test side")
    parser.add_argument("--seed", default="1", help="of a new split")
    parser.add_argument("--check", action="store_true", help="exit 1 if anything leaks")
    options = parser.parse_args()
    try:
        train = records(options.train)
        if options.test is None:
            split(train, options)
            return 0
        test = records(options.test)
        options.text = options.text or prose(train)
        findings = report(train, test, options)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot compare: {error}\n")
        return 2
    compared = ", ".join(options.text) or "all fields"
    lines = [f"train {len(train)}, test {len(test)} examples; compared: {compared}"]
    if options.label:
        lines += [f"train {options.label}: {shares(train, options.label)}"]
        lines += [f"test {options.label}: {shares(test, options.label)}"]
    sys.stdout.write("\n".join([*lines, *(findings or ["no leak found"])]) + "\n")
    return int(options.check and (bool(findings) or not train or not test))


if __name__ == "__main__":
    sys.exit(main())
