"""Checks notes on one paper: are the parts there, and is every quote and number on its page."""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

PARTS = ("question", "method", "results", "limits", "for us")
CITED = ("method", "results", "limits")
_PAGE = re.compile(r"\((?:p|pp|S)\. ?(\d+)(?:[-\u2013](\d+))?\)")
_QUOTE = re.compile(r"[\"\u201c\u201e]([^\"\u201c\u201d]{8,}?)[\"\u201c\u201d]")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w.]*\w)")


def plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    text = re.sub(r"(\w)[-\u2010]\s*\n\s*(\w)", r"\1\2", text)
    text = re.sub("[\u2018\u2019]", "'", text)
    text = re.sub("[\u2010-\u2015\u2212]", "-", text)
    return " ".join(text.casefold().split())


def pages_of(text: str) -> list[str]:
    """The pages of a text; a form feed ends each, as pdftotext writes it."""
    return [plain(page) for page in text.removesuffix("\f").split("\f")]


def sections(text: str) -> dict[str, list[tuple[int, str]]]:
    """The points under each heading, with their lines; the lines that continue one are joined."""
    found: dict[str, list[tuple[int, str]]] = {}
    points: list[tuple[int, str]] = found.setdefault("", [])
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := re.match(r"#{1,4} +(.+?) *#*$", line):
            points = found.setdefault(heading[1].strip().lower(), [])
        elif re.match(r"\s*[-*] ", line) or (line.strip() and not points):
            points.append((number, line.strip(" -*")))
        elif line.strip():
            points[-1] = (points[-1][0], f"{points[-1][1]} {line.strip()}")
    return found


def faults(point: str, pages: list[str]) -> Iterator[str]:
    """What is wrong with one point that must be proved."""
    cites = [(int(first), int(last or first)) for first, last in _PAGE.findall(point)]
    if not cites:
        yield "names no page as (p. 3)"
        return
    if any(not 1 <= first <= last <= len(pages) for first, last in cites):
        yield f"names a page that is none of the {len(pages)}"
        return
    text = " ".join(page for first, last in cites for page in pages[first - 1 : last])
    for quote in _QUOTE.findall(point):
        parts = [plain(part) for part in re.split(r"\[?(?:\.\.\.|\u2026)\]?", quote)]
        if not all(part in text for part in parts):
            yield f"quotes what is not there: {quote[:70]}"
    bare = _PAGE.sub("", _QUOTE.sub("", point))
    held = set(_NUMBER.findall(text))
    if lost := [number for number in _NUMBER.findall(bare) if number not in held]:
        yield f"has numbers that are not there: {', '.join(lost)}"


def check(notes: str, pages: list[str]) -> Iterator[str]:
    found = sections(notes)
    for part in PARTS:
        if not found.get(part):
            yield f"the part `## {part.capitalize()}` is missing or empty"
    for name in ("authors:", "year:", "source:"):
        if not re.search(rf"(?im)\b{name}\s*\S", notes):
            yield f"the line `{name} …` is missing"
    if not re.search(r"(?m)^# \S", notes):
        yield "the title `# …` is missing"
    for part in CITED:
        for number, point in found.get(part, []):
            yield from (f"line {number} {fault}" for fault in faults(point, pages))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notes", type=Path, help="the notes, Markdown")
    parser.add_argument("paper", type=Path, help="the paper as text, pages ended by form feeds")
    options = parser.parse_args()
    try:
        pages = pages_of(options.paper.read_text(encoding="utf-8", errors="replace"))
        wrong = list(check(options.notes.read_text(encoding="utf-8"), pages))
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    empty = [at for at, page in enumerate(pages, start=1) if len(page) < 40]
    if len(empty) > len(pages) / 2:
        wrong.append(f"{len(empty)} of {len(pages)} pages hold no text: a scan, it needs OCR")
    sys.stdout.writelines(f"ERROR {one}\n" for one in wrong)
    sys.stdout.write(f"{len(pages)} pages, {len(wrong)} errors\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
