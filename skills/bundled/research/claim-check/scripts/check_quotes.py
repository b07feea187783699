"""Checks a table of claims: is every quote in its source, word for word, and does it carry them."""

from __future__ import annotations

import argparse
import csv
import html
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("claim", "verdict", "source", "quote")
VERDICTS = ("supported", "contradicted", "partly", "not found")
READ = (".txt", ".md", ".html", ".htm", ".csv", ".json", ".tex", ".xml")
LEAST = 4
"""Words of a quote; fewer can be found anywhere."""

Row = dict[str, str]


def plain(text: str) -> str:
    """A text as it is compared: words of one line, without the typesetter's marks."""
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    text = re.sub(r"(\w)[-\u2010]\s*\n\s*(\w)", r"\1\2", text)
    text = re.sub("[\u2018\u2019\u201a\u2032]", "'", text)
    text = re.sub("[\u201c\u201d\u201e\u00ab\u00bb\u2033]", '"', text)
    text = re.sub("[\u2010-\u2015\u2212]", "-", text)
    return " ".join(text.casefold().split())


def source_text(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix in (".html", ".htm", ".xml"):
        text = re.sub(r"(?is)<(script|style)\b.*?</\1>", " ", text)
        text = html.unescape(re.sub(r"<[^>]+>", " ", text))
    return plain(text)


def numbers(text: str) -> set[str]:
    """The numbers of a text without separators of thousands: `1,200` and `1 200` are 1200."""
    joined = re.sub(r"(?<=\d)[, \u00a0\u202f](?=\d{3}\b)", "", text)
    return set(re.findall(r"\d+(?:\.\d+)?", joined))


def found_in(quote: str, text: str) -> bool:
    """Whether the parts of a quote, cut by […], stand in this order."""
    at = 0
    for part in re.split(r"\[?(?:\.\.\.|\u2026)\]?", quote):
        piece = plain(part)
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def faults(row: Row, sources: dict[str, str]) -> Iterator[str]:
    verdict, source, quote = (row[name].strip() for name in COLUMNS[1:])
    if verdict not in VERDICTS:
        yield f"ERROR the verdict {verdict!r} is none of {', '.join(VERDICTS)}"
        return
    if verdict == "not found":
        if quote:
            yield "ERROR `not found` with a quote"
        return
    if source not in sources:
        yield f"ERROR there is no source {source!r}"
    elif len(quote.split()) < LEAST and not numbers(quote):
        yield f"ERROR the quote is shorter than {LEAST} words"
    elif not found_in(quote, sources[source]):
        yield f"ERROR the quote is not in {source}: {quote[:80]}"
    elif verdict == "supported" and (lost := numbers(row["claim"]) - numbers(quote)):
        yield f"ERROR the quote does not say {', '.join(sorted(lost))}"


def conflicts(rows: list[Row]) -> Iterator[str]:
    told: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        told[row["claim"].strip()].setdefault(row["verdict"].strip(), row["source"].strip())
    for claim, verdicts in told.items():
        if "supported" in verdicts and "contradicted" in verdicts:
            both = f"{verdicts['supported']} against {verdicts['contradicted']}"
            yield f"conflict: {claim[:80]}: {both}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", type=Path, help=f"CSV with the columns {', '.join(COLUMNS)}")
    parser.add_argument("sources", type=Path, help="folder of the sources as text, .md or .html")
    options = parser.parse_args()
    try:
        with options.claims.open(encoding="utf-8-sig", newline="") as file:
            rows: list[Row] = [
                {key: row.get(key) or "" for key in COLUMNS} for row in csv.DictReader(file)
            ]
        files = [path for path in options.sources.rglob("*") if path.suffix.lower() in READ]
        sources = {p.relative_to(options.sources).as_posix(): source_text(p) for p in files}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    wrong = [f"row {at}: {one}" for at, row in enumerate(rows, 2) for one in faults(row, sources)]
    wrong += [] if any(row["claim"].strip() for row in rows) else ["ERROR there is no claim"]
    sys.stdout.writelines(f"{one}\n" for one in [*wrong, *conflicts(rows)])
    unread = sorted(sources.keys() - {row["source"].strip() for row in rows})
    sys.stdout.write(f"never quoted: {', '.join(unread)}\n" if unread else "")
    sys.stdout.write(f"{len(rows)} rows, {len(sources)} sources, {len(wrong)} errors\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
