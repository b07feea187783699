"""Finds dead relative links, anchors and images and broken headings in Markdown files.

One finding a line: file:line: kind: what. Exit 0 without findings, 1 with, 2 if nothing was read.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

SKIPPED = {".git", "node_modules", ".venv", "venv", "__pycache__"}
FENCE = re.compile(r" {0,3}(?:> ?)*(?:[-*+] +|\d+[.)] +)?(`{3,}|~{3,})([^`]*)$")
HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
LINK = re.compile(
    r"(!?)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*(<[^>]*>|(?:[^\s()]|\([^\s()]*\))*)(?:\s+[\"'(][^)]*)?\)"
)
REFERENCE = re.compile(r"(?<![\]\\])\[([^\[\]]+)\]\[([^\[\]]*)\]")
DEFINITION = re.compile(r" {0,3}\[([^\]]+)\]:\s*(<[^>]*>|\S+)")
HTML_ID = re.compile(r"<[^>]*\b(?:id|name)=[\"']([^\"']+)[\"']", re.I)
SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")


@dataclass
class Page:
    """What one file holds. `links`: line, whether an image, target."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[tuple[int, bool, str]] = field(default_factory=list)
    findings: list[tuple[int, str, str]] = field(default_factory=list)


def read(path: Path) -> Page:
    page = Page(path)
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    prose = list(_prose(lines, page))
    defined = {found[1].lower() for _, line in prose if (found := DEFINITION.match(line))}
    level = 0
    for number, line in prose:
        if heading := HEADING.match(line):
            level = _heading(page, number, heading, level)
        bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", lambda code: " " * len(code[0]), line)
        page.anchors.update(HTML_ID.findall(bare))
        page.links += [(number, bool(f[1]), f[2].strip("<>")) for f in LINK.finditer(bare)]
        if found := DEFINITION.match(bare):
            page.links.append((number, False, found[2].strip("<>")))
        for words, name in REFERENCE.findall(bare):
            if (name or words).lower() not in defined:
                page.findings.append((number, "reference", f"[{name or words}] is not defined"))
    return page


def _prose(lines: list[str], page: Page) -> Iterator[tuple[int, str]]:
    """The numbered lines outside fenced code, front matter and comments."""
    text = "\n".join(lines)
    blanked = re.sub(r"<!--.*?-->", lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.S)
    lines = blanked.split("\n")
    start = next((at + 1 for at, line in enumerate(lines[1:], 1) if line == "---"), 0)
    start = start if lines[0] == "---" else 0
    fence, opened = "", 0
    for number, line in enumerate(lines[start:], start + 1):
        found = FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
        elif found:
            fence, opened = found[1], number
        else:
            yield number, line
    if fence:
        page.findings.append((opened, "fence", "this block of code is never closed"))


def _heading(page: Page, number: int, found: re.Match[str], level: int) -> int:
    depth, words = len(found[1]), found[2] or ""
    if not words:
        page.findings.append((number, "heading", "is empty"))
    if level and depth > level + 1:
        page.findings.append((number, "heading", f"level {depth} follows level {level}"))
    page.anchors.add(_free(anchor(words), page.anchors))
    return depth


def anchor(words: str) -> str:
    """A heading's anchor as code forges make it."""
    shown = re.sub(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)", r"\1", words)
    shown = re.sub(r"[`*]|<[^>]+>|(?<!\w)_|_(?!\w)", "", shown)
    return re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")


def _free(name: str, taken: set[str]) -> str:
    free, count = name, 0
    while free in taken:
        count += 1
        free = f"{name}-{count}"
    return free


def check(page: Page, root: Path, pages: dict[Path, Page]) -> list[tuple[int, str, str]]:
    """A page's findings, those of its links included."""
    findings = list(page.findings)
    for number, image, target in page.links:
        if not target or SCHEME.match(target):
            continue
        name, _, part = target.partition("#")
        name = unquote(name.split("?")[0])
        base = root if name.startswith("/") else page.path.parent
        file = (base / name.lstrip("/")) if name else page.path
        if not file.exists():
            findings.append((number, "image" if image else "link", f"{target} is not there"))
        elif part and file.suffix.lower() in (".md", ".markdown") and file.is_file():
            there = pages.setdefault(file.resolve(), read(file)).anchors
            if unquote(part).lower() not in {name.lower() for name in there}:
                near = get_close_matches(part, there, 1, 0.4)
                hint = f"; nearest: #{near[0]}" if near else ""
                findings.append((number, "anchor", f"{target} has no such heading{hint}"))
    return sorted(findings)


def files(places: list[Path]) -> list[Path]:
    found: list[Path] = []
    for place in places:
        inner = place.rglob("*") if place.is_dir() else [place]
        found += [
            path
            for path in inner
            if path.is_file()
            and (path == place or path.suffix.lower() in (".md", ".markdown"))
            and not SKIPPED & set(path.relative_to(place).parts)
        ]
    return sorted(dict.fromkeys(found))


def root_of(path: Path) -> Path:
    """The repository a file lies in, else its folder."""
    folder = path.resolve().parent
    return next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", nargs="+", type=Path, help="Markdown files, or folders of them")
    parser.add_argument("--urls", action="store_true", help="only list the addresses on the web")
    arguments = parser.parse_args()
    try:
        pages = {path.resolve(): read(path) for path in files(arguments.places)}
    except OSError as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    if not pages:
        print("there is no Markdown file", file=sys.stderr)
        return 2
    if arguments.urls:
        targets = (target for page in pages.values() for _, _, target in page.links)
        print("\n".join(sorted({t for t in targets if t.startswith(("http:", "https:"))})))
        return 0
    total = 0
    for page in list(pages.values()):
        for number, kind, what in check(page, root_of(page.path), pages):
            total += 1
            print(f"{page.path}:{number}: {kind}: {what}")
    print(f"{total} findings in {len(pages)} files", file=sys.stderr)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
