"""Holds a translation against its source: blocks, headings, code, placeholders, links, numbers,
glossary. Exit 1 with one line for each difference, 0 without."""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from pathlib import Path

CODE = re.compile(r"(?ms)^(`{3,}|~{3,}).*?^\1|`[^`\n]+`")
PLACEHOLDER = re.compile(
    r"\$?\{\{?[\w.:!-]*\}?\}|%(?:\(\w+\))?(?:\d+\$)?[-+0#]*\d*(?:\.\d+)?[sdifgxu@](?!\w)|</?[a-zA-Z][^<>]*>"
)
LINK = re.compile(r"https?://[^\s)>\"'\]]*[^\s)>\"'\].,;:!?]|(?<=\]\()[^)\s#]+")
NUMBER = re.compile(r"\d(?:[\d.,:'\u00a0\u202f ]*\d)?")
WORDS = re.compile(r"[^\W\d_]{2,}")


def blocks(text: str) -> list[str]:
    """What stands between empty lines; a fenced block of code is one, whatever is in it."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"\0{len(held) - 1}\0"

    marked = re.sub(r"(?ms)^(`{3,}|~{3,}).*?^\1", hold, text.replace("\r\n", "\n").strip())
    parts = [part.strip() for part in re.split(r"\n\s*\n", marked) if part.strip()]
    return [re.sub(r"\0(\d+)\0", lambda found: held[int(found[1])], part) for part in parts]


def differences(source: str, target: str) -> list[str]:
    """What one block and its translation do not have in common."""
    told = []
    if _level(source) != _level(target):
        told.append(f"heading level {_level(source)} became {_level(target)}")
    if _items(source) != _items(target):
        told.append(f"{_items(source)} list items became {_items(target)}")
    one, other = source, target
    for kind, pattern in (("code", CODE), ("placeholder", PLACEHOLDER), ("link", LINK)):
        told += _compared(kind, _found(pattern, one), _found(pattern, other))
        one, other = pattern.sub(" ", one), pattern.sub(" ", other)
    told += _compared("number", _numbers(one), _numbers(other))
    return told


def _level(block: str) -> int:
    return len(block) - len(block.lstrip("#")) if re.match(r"#{1,6}\s", block) else 0


def _items(block: str) -> int:
    return (
        0
        if block.startswith(("```", "~~~"))
        else len(re.findall(r"(?m)^\s*(?:[-*+]|\d+[.)])\s", block))
    )


def _found(pattern: re.Pattern[str], block: str) -> Counter[str]:
    return Counter(found[0] for found in pattern.finditer(block))


def _numbers(block: str) -> Counter[str]:
    bare = re.sub(r"(?m)^\s*\d+[.)]\s", "", block)
    return Counter(re.sub(r"\D", "", found[0]) for found in NUMBER.finditer(bare))


def _compared(kind: str, one: Counter[str], other: Counter[str]) -> list[str]:
    lost = [f"{kind} lost: {text}" for text in (one - other).elements()]
    return lost + [f"{kind} added: {text}" for text in (other - one).elements()]


def terms(path: Path) -> list[tuple[str, list[str]]]:
    """Term and its allowed translations; lines that begin with # and a heading are left out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) > 1 and not row[0].startswith("#")]
    pairs = [(row[0].strip(), [way.strip() for way in row[1].split("|")]) for row in rows]
    return [
        pair
        for pair in pairs
        if pair[0] and (pair[0].lower(), pair[1]) != ("term", ["translation"])
    ]


def term_faults(source: str, target: str, glossary: list[tuple[str, list[str]]]) -> list[str]:
    bare, shown = CODE.sub(" ", source).casefold(), target.casefold()
    return [
        f"{term!r} is not said as {' or '.join(map(repr, ways))}"
        for term, ways in glossary
        if re.search(rf"(?<!\w){re.escape(term.casefold())}(?:s|es)?(?!\w)", bare)
        and not any(way.casefold() in shown for way in ways)
    ]


def same(source: str, target: str) -> bool:
    """A block of at least four words that was left as it is."""
    return source == target and len(WORDS.findall(CODE.sub(" ", source))) >= 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--glossary", type=Path, help="CSV: term,translation|translation")
    parser.add_argument("--same-ok", type=int, default=0, help="blocks that may stay untranslated")
    arguments = parser.parse_args()
    try:
        source = blocks(arguments.source.read_text(encoding="utf-8"))
        target = blocks(arguments.target.read_text(encoding="utf-8"))
        glossary = terms(arguments.glossary) if arguments.glossary else []
    except (OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    told = []
    if len(source) != len(target):
        told.append(f"{len(source)} blocks became {len(target)}; the first that differ:")
    left = [
        number for number, pair in enumerate(zip(source, target, strict=False), 1) if same(*pair)
    ]
    for number, (one, other) in enumerate(zip(source, target, strict=False), 1):
        faults = differences(one, other) + term_faults(one, other, glossary)
        told += [f"block {number}: {fault}" for fault in faults]
        if len(source) != len(target) and faults:
            break
    if len(left) > arguments.same_ok:
        told += [f"block {number}: is not translated" for number in left]
    print("\n".join(told) or f"{len(source)} blocks agree")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
