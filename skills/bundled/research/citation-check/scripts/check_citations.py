"""Compares the citations of a Markdown or LaTeX text with its BibTeX file, entry by entry."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

NEEDED = {
    "article": ("author", "title", "journal|journaltitle|eprint", "year|date"),
    "inproceedings": ("author", "title", "booktitle", "year|date"),
    "book": ("author|editor", "title", "publisher", "year|date"),
    "phdthesis": ("author", "title", "school|institution", "year|date"),
    "misc": ("title", "url|howpublished|doi|eprint|note", "year|date|urldate"),
}
_TEX = re.compile(r"\\(?:[A-Za-z]*[Cc]ite[A-Za-z]*|nocite)\*?(?:\[[^\]]*\]){0,2}\{([^}]*)\}")
_MARK = re.compile(r"(?<![\w@.])@\{?([A-Za-z0-9_][\w:.#$%&+?<>~/-]*)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`|<!--.*?-->", re.S)
_DOI = re.compile(r"10\.\d{4,9}/[^\s{}\"]+")
_ARXIV = re.compile(r"(?:arXiv:)?(\d{2})(\d{2})\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[A-Z]{2})?/\d{7}")


@dataclass
class Entry:
    """One entry of a bibliography; the names of its fields are lower case."""

    kind: str
    key: str
    line: int
    fields: dict[str, str] = field(default_factory=dict)


def entries(text: str) -> Iterator[Entry]:
    for found in re.finditer(r"@(\w+)\s*\{\s*([^,\s{}]+)\s*,", text):
        kind = found[1].lower()
        if kind not in ("comment", "string", "preamble"):
            line = text.count("\n", 0, found.start()) + 1
            yield Entry(kind, found[2], line, dict(fields_of(text, found.end())))


def fields_of(text: str, at: int) -> Iterator[tuple[str, str]]:
    """The `name = value` pairs from here to the brace that closes the entry."""
    name = re.compile(r"\s*,?\s*([\w-]+)\s*=\s*")
    while found := name.match(text, at):
        value, at = value_of(text, found.end())
        yield found[1].lower(), " ".join(re.sub(r"[{}]", "", value).split())


def value_of(text: str, at: int) -> tuple[str, int]:
    """The value that begins here, without its outer braces or quotes, and where it ends."""
    if text[at : at + 1] not in ("{", '"'):
        end = re.compile(r"[^,}\n]*").match(text, at)
        return (end[0], end.end()) if end else ("", at)
    quoted, depth = text[at] == '"', 0
    for here in range(at, len(text)):
        depth += (text[here] == "{") - (text[here] == "}")
        closed = text[here] == '"' and here > at if quoted else text[here] == "}"
        if depth == 0 and closed:
            return text[at + 1 : here], here + 1
    return text[at + 1 :], len(text)


def cited(text: str, tex: bool) -> dict[str, int]:
    """The cited keys and the line of each one's first use."""
    keys: dict[str, int] = {}
    bare = text if tex else _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for found in (_TEX if tex else _MARK).finditer(bare):
        for key in found[1].split(","):
            if name := key.strip().rstrip(".:?/"):
                keys.setdefault(name, bare.count("\n", 0, found.start()) + 1)
    return keys


def faults(entry: Entry) -> Iterator[str]:
    told = entry.fields
    for wanted in NEEDED.get(entry.kind, ("title", "year|date")):
        if not any(told.get(name) for name in wanted.split("|")):
            yield f"has no {wanted.replace('|', ' or ')}"
    doi = re.sub(r"^https?://(?:dx\.)?doi\.org/|^doi:\s*", "", told.get("doi", ""), flags=re.I)
    if doi and not _DOI.fullmatch(doi):
        yield f"has no real DOI: {doi}"
    if (linked := _DOI.search(told.get("url", ""))) and doi and linked[0].lower() != doi.lower():
        yield f"has another DOI in its url: {linked[0]}"
    year = re.search(r"\d{4}", told.get("year") or told.get("date") or "")
    if year and not 1450 <= int(year[0]) <= datetime.now(UTC).year + 1:
        yield f"is of the year {year[0]}"
    if re.search(r"\bet\.? al", told.get("author", ""), re.I):
        yield "has `et al.` for authors: name them, or write `and others`"
    yield from number_faults(told, int(year[0]) if year else 0)


def number_faults(told: dict[str, str], year: int) -> Iterator[str]:
    eprint = told.get("eprint", "")
    if eprint and told.get("archiveprefix", "arxiv").lower() == "arxiv":
        found = _ARXIV.fullmatch(eprint)
        if found is None or (found[2] and not 1 <= int(found[2]) <= 12):
            yield f"has no real arXiv number: {eprint}"
        elif found[1] and year and 2000 + int(found[1]) > year:
            yield f"is of {year}, but the arXiv number {eprint} is of 20{found[1]}"
    if (isbn := re.sub(r"[\s-]", "", told.get("isbn", ""))) and not isbn_right(isbn):
        yield f"has a wrong ISBN: {told['isbn']}"
    pages = re.fullmatch(r"(\d+)\s*[-\u2013]+\s*(\d+)", told.get("pages", ""))
    if pages and int(pages[1]) > int(pages[2]) and len(pages[1]) <= len(pages[2]):
        yield f"has its pages the wrong way round: {told['pages']}"


def isbn_right(isbn: str) -> bool:
    if re.fullmatch(r"\d{13}", isbn):
        return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(isbn)) % 10 == 0
    if re.fullmatch(r"\d{9}[\dXx]", isbn):
        digits = [10 if digit in "Xx" else int(digit) for digit in isbn]
        return sum(digit * (10 - at) for at, digit in enumerate(digits)) % 11 == 0
    return False


def twins(found: list[Entry]) -> Iterator[str]:
    """Entries that have the key, the DOI or the title of an earlier one."""
    seen: dict[str, Entry] = {}
    for entry in found:
        title = re.sub(r"\W+", " ", entry.fields.get("title", "").casefold()).strip()
        doi = entry.fields.get("doi", "").casefold()
        for label, mark in (("key", entry.key), ("DOI", doi), ("title", title)):
            first = seen.setdefault(f"{label} {mark}", entry) if mark else entry
            if first is not entry:
                yield f"{entry.key} (line {entry.line}) has the {label} of {first.key}"
                break


def lookups(found: list[Entry], keys: dict[str, int]) -> Iterator[str]:
    """Where each cited entry can be compared with what its publisher registered."""
    for entry in (entry for entry in found if entry.key in keys):
        told = entry.fields
        doi = _DOI.search(told.get("doi", "") + " " + told.get("url", ""))
        link = f"https://api.crossref.org/works/{doi[0]}" if doi else ""
        if not link and told.get("eprint"):
            link = f"https://arxiv.org/abs/{told['eprint']}"
        about = f"{told.get('author', '')[:40]} {told.get('year', '')}: {told.get('title', '')}"
        yield f"{entry.key}\t{link or told.get('url') or 'search by title'}\t{about}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="the document: .md, .qmd, .tex")
    parser.add_argument("bibliography", type=Path, nargs="+", help=".bib files")
    parser.add_argument("--lookups", action="store_true", help="print where to look entries up")
    options = parser.parse_args()
    try:
        keys = cited(options.text.read_text(encoding="utf-8"), options.text.suffix == ".tex")
        found = [e for file in options.bibliography for e in entries(file.read_text("utf-8"))]
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    if options.lookups:
        sys.stdout.writelines(f"{line}\n" for line in lookups(found, keys))
        return 0
    known = {entry.key for entry in found}
    wrong = [f"line {line}: {key} is cited and not in the bibliography"
             for key, line in keys.items() if key not in known and key != "*"]  # fmt: skip
    wrong += [f"{e.key} (line {e.line}) {fault}" for e in found for fault in faults(e)]
    wrong += twins(found)
    wrong += [] if keys else [f"{options.text} cites nothing"]
    sys.stdout.writelines(f"ERROR {one}\n" for one in wrong)
    unused = sorted(known - keys.keys()) if "*" not in keys else []
    sys.stdout.write(f"not cited: {', '.join(unused)}\n" if unused else "")
    sys.stdout.write(f"{len(keys)} keys cited, {len(found)} entries, {len(wrong)} errors\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
