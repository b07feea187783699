"""From bytes to text: `reader.py KIND CHARSET URL < bytes`, kind html, pdf or text.

A program of its own, so that a page that is made to choke a parser chokes nobody else, and the
libraries leave with it. Writes {title, text, note} as JSON to standard output.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urljoin

MOST_CHARS = 2_000_000
MOST_PAGES = 500
MOST_ARTICLE = 1_500_000
"""Characters of a page in which an article is looked for; the time that takes grows faster."""
FEW = 250
"""Characters of an article that are so few that the whole page may hold more."""
_MEMORY = 1 << 30
_CPU_SECONDS = 20
_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNREAD = {"script", "style", "noscript", "template", "svg", "head", "iframe", "object"}
_INLINE = set("a abbr b bdi bdo cite code em font i kbd label mark q s small span strong".split())
_INLINE |= set("sub sup time tt u var".split())


def html(data: bytes, charset: str, url: str) -> dict[str, str]:
    """The article of a page as Markdown; of a page without one everything it says."""
    import trafilatura  # noqa: PLC0415 - each kind has its own library
    from lxml.etree import LxmlError  # noqa: PLC0415
    from lxml.html import HTMLParser, document_fromstring  # noqa: PLC0415

    text = decoded(data, charset)
    parser = HTMLParser(encoding="utf-8")
    try:
        tree = document_fromstring(text.encode(), parser=parser)
    except LxmlError:  # nothing in it
        return {"title": "", "text": "", "note": ""}
    title = " ".join((tree.findtext(".//title") or "").split())
    found: str | None = None
    if len(text) <= MOST_ARTICLE:
        found = trafilatura.extract(
            text, url=url, output_format="markdown", include_links=True, include_tables=True
        )
    article = found or ""
    if len(article) < FEW:
        article = max(article, whole(tree, url), key=len)
    return {"title": title[:300], "text": article, "note": ""}


def whole(tree: object, url: str) -> str:
    """All text of a page, links kept."""
    text = "".join(_spoken(tree, url))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _spoken(element: object, url: str) -> Iterator[str]:
    """Piece by piece; without recursion, since pages nest as deep as they like."""
    stack: list[object] = [element]
    while stack:
        one: object = stack.pop()
        if isinstance(one, str):
            yield one
            continue
        tag = getattr(one, "tag", None)
        if isinstance(tag, str) and tag not in _UNREAD:
            before, after = _around(one, tag, url)
            stack.append(after)
            for child in reversed(list(one)):  # type: ignore[call-overload]
                stack += [child.tail or "", child]
            stack += [getattr(one, "text", "") or "", before]


def _around(element: object, tag: str, url: str) -> tuple[str, str]:
    """What stands before and behind an element's text."""
    if tag == "a":
        target = element.get("href") or ""  # type: ignore[attr-defined]
        if target and not target.startswith(("#", "javascript:")):
            with suppress(ValueError):
                return "[", f"]({urljoin(url, target.strip())})"
    if tag in ("td", "th"):
        return "", " | "
    if tag in ("br", "tr", "li"):
        return ("\n- " if tag == "li" else "\n"), ""
    return ("", "") if tag in _INLINE else ("\n", "\n")


def pdf(data: bytes, charset: str, url: str) -> dict[str, str]:
    from pypdf import PdfReader  # noqa: PLC0415
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        document = PdfReader(io.BytesIO(data))
        title = str((document.metadata.title if document.metadata else "") or "")
        count = len(document.pages)
        pages: list[str] = []
        room = MOST_CHARS
        for number in range(min(count, MOST_PAGES)):
            pages.append(f"[page {number + 1}]\n{document.pages[number].extract_text().strip()}")
            room -= len(pages[-1])
            if room < 0:
                break
    except PyPdfError as error:
        raise SystemExit(f"this PDF cannot be read: {error}") from None
    left = f"only {len(pages)} of {count} pages" if len(pages) < count else f"{count} pages"
    return {"title": title[:300], "text": "\n\n".join(pages), "note": left}


def plain(data: bytes, charset: str, url: str) -> dict[str, str]:
    return {"title": "", "text": decoded(data, charset), "note": ""}


def decoded(data: bytes, charset: str) -> str:
    """By the mark at its begin, what was told, what it says itself, UTF-8, or a guess."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    itself = _DECLARED.search(data[:2048])
    for name in (marked, charset, itself[1].decode() if itself else "", "utf-8"):
        with suppress(LookupError, UnicodeDecodeError, ValueError):
            if name:
                return data.decode(_as_browsers(name)).removeprefix("\ufeff")
    from charset_normalizer import from_bytes  # noqa: PLC0415

    guess = from_bytes(data[:50_000]).best()
    return data.decode(guess.encoding if guess else "cp1252", errors="replace")


def _as_browsers(name: str) -> str:
    """Latin-1 is read as Windows does it, which has quotes where Latin-1 has nothing."""
    found = codecs.lookup(name).name
    return "cp1252" if found in ("iso8859-1", "ascii") else found


def main() -> None:
    kind, charset, url = sys.argv[1:4]
    for limit, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _CPU_SECONDS)):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))
    read = {"html": html, "pdf": pdf, "text": plain}[kind]
    found = read(sys.stdin.buffer.read(), charset, url)
    if len(found["text"]) > MOST_CHARS:
        found["text"] = found["text"][:MOST_CHARS]
        found["note"] = f"only the first {MOST_CHARS:,} characters"
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
