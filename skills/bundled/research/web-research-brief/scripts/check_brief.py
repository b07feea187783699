"""Checks a research brief: is every statement sourced, every source dated, used and independent."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

FREE = ("sources", "open", "method", "unknown", "question")
"""Headings that begin so hold what needs no source."""
_MARK = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\](?!\()")
_ENTRY = re.compile(r"\s*(?:[-*] )?\[?(\d+)[\].]\s*(.+)")
_URL = re.compile(r"https?://[^\s>)\]]+")
_DATES = re.compile(r"(published|updated|accessed):? (\d{4}-\d\d-\d\d)", re.I)


@dataclass(frozen=True)
class Source:
    """One entry of the list of sources. Dates are None where none is told."""

    number: int
    line: int
    text: str
    url: str
    published: date | None
    accessed: date | None

    @property
    def site(self) -> str:
        """The last two labels of its host, or three below co.uk and its like."""
        host = (urlsplit(self.url).hostname or "").removeprefix("www.").split(".")
        short = len(host) > 2 and len(host[-1]) == 2 and len(host[-2]) <= 3
        return ".".join(host[-3:] if short else host[-2:])


def source_of(number: str, line: int, text: str) -> Source:
    url = _URL.search(text)
    dates = {word.lower(): date.fromisoformat(told) for word, told in _DATES.findall(text)}
    published = dates.get("updated") or dates.get("published")
    address = url[0].rstrip(".,") if url else ""
    return Source(int(number), line, text, address, published, dates.get("accessed"))


def read(text: str) -> tuple[list[tuple[int, str]], list[Source]]:
    """The paragraphs that need sources, with their lines, and the sources."""
    paragraphs: list[tuple[int, str]] = []
    sources: list[Source] = []
    heading, open_ = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.match(r"#{1,4} +(.+)", line):
            heading, open_ = found[1].strip().lower(), False
        elif not line.strip():
            open_ = False
        elif heading.startswith("sources"):
            if entry := _ENTRY.match(line):
                sources.append(source_of(entry[1], number, entry[2]))
        elif not heading.startswith(FREE):
            begins = re.match(r"\s*(?:[-*]|\d+\.) |\|", line)
            if open_ and not begins:
                paragraphs[-1] = (paragraphs[-1][0], f"{paragraphs[-1][1]} {line.strip()}")
            else:
                paragraphs.append((number, line.strip()))
            open_ = True
    return [item for item in paragraphs if re.search(r"[^\s|:-]", item[1])], sources


def marks(text: str) -> list[int]:
    return [int(one) for group in _MARK.findall(text) for one in group.split(",")]


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; marks behind a full stop belong to the one before it."""
    inside = re.sub(r"([.!?])((?:\s*\[\d+(?:\s*,\s*\d+)*\])+)", r"\2\1", text)
    return re.split(r"(?<=[.!?])(?<!\b\w\.)\s+(?=[A-Z\u00c0-\u00de])", inside)


def statements(paragraphs: list[tuple[int, str]], known: set[int]) -> Iterator[str]:
    table_head = True
    for line, text in paragraphs:
        if text.startswith("|"):
            if not table_head and not marks(text):
                yield f"line {line}: a row without a source"
            table_head = False
            continue
        table_head = True
        if not marks(text):
            yield f"line {line}: no source: {text[:60]}"
        for sentence in sentences(text):
            bare = _MARK.sub("", sentence)
            if re.search(r"\d", bare) and not marks(sentence) and marks(text):
                yield f"line {line}: a number without a source: {sentence[:60]}"
    unknown = {number for _, text in paragraphs for number in marks(text)} - known
    yield from (f"[{number}] is not in the list of sources" for number in sorted(unknown))


def source_faults(sources: list[Source], used: set[int], today: date) -> Iterator[str]:
    seen: dict[str, int] = {}
    for source in sources:
        name = f"line {source.line}: [{source.number}]"
        if not source.url:
            yield f"{name} has no address"
        elif (first := seen.setdefault(source.url.rstrip("/"), source.number)) != source.number:
            yield f"{name} is [{first}] again"
        if not source.published and "undated" not in source.text.lower():
            yield f"{name} says neither `published YYYY-MM-DD` nor `undated`"
        if not source.accessed:
            yield f"{name} does not say `accessed YYYY-MM-DD`"
        dates = [one for one in (source.published, source.accessed) if one]
        if dates != sorted(dates) or any(one > today for one in dates):
            yield f"{name} has dates that cannot be"
        if source.number not in used:
            yield f"{name} is used nowhere"
    numbers = [source.number for source in sources]
    if len(numbers) != len(set(numbers)):
        yield "a number stands for two sources"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("brief", type=Path, help="the brief, Markdown, with a part `## Sources`")
    parser.add_argument("--sites", type=int, default=3, help="independent sites at least")
    parser.add_argument("--max-age", type=int, default=0, help="days; older ones must say (old)")
    options = parser.parse_args()
    today = datetime.now(UTC).date()
    try:
        paragraphs, sources = read(options.brief.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot read {options.brief}: {error}\n")
        return 2
    used = {number for _, text in paragraphs for number in marks(text)}
    wrong = list(statements(paragraphs, {source.number for source in sources}))
    wrong += source_faults(sources, used, today)
    sites = {source.site for source in sources if source.url}
    if len(sites) < options.sites:
        wrong.append(f"only {len(sites)} sites: {', '.join(sorted(sites))}")
    for source in sources:
        old = (
            source.published
            and options.max_age
            and (today - source.published).days > options.max_age
        )
        if old and "(old)" not in source.text:
            wrong.append(f"[{source.number}] is older than {options.max_age} days: mark it (old)")
    wrong += [] if paragraphs else ["there are no statements"]
    sys.stdout.writelines(f"ERROR {one}\n" for one in wrong)
    sys.stdout.write(f"{len(paragraphs)} paragraphs, {len(sources)} sources, {len(wrong)} errors\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
