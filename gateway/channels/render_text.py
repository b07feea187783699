"""Blocks laid out as running text: for Telegram, which knows few tags, and as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby
from typing import NamedTuple

from gateway.channels.render_parse import Node, clean, parse, target, visible
from gateway.channels.render_table import aligned

WIDEST_TABLE = 56
"""Columns of characters; a wider table is shown as lists, which a small screen can break."""
_RULE = "———"
_TAG = re.compile(r"<[^<>]*>")
_TAGS = {"strong": "b", "em": "i", "s": "s"}


class Run(NamedTuple):
    """Words that are shown alike. link: an address; code: as typed."""

    text: str
    marks: frozenset[str] = frozenset()
    link: str = ""
    code: bool = False


@dataclass(frozen=True)
class Style:
    """How a target writes runs, code blocks (content, language) and quotes."""

    runs: Callable[[Sequence[Run]], str]
    code: Callable[[str, str], str]
    quote: Callable[[str], str]
    quoted: Callable[[str], str]
    """A quote within a quote."""


def telegram(markdown: str) -> str:
    """Telegram's HTML. A text that shows nothing is shown as it was written: Telegram takes no
    empty message."""
    html = blocks(parse(markdown), _TELEGRAM)
    return html if _TAG.sub("", html).strip() else escape(clean(markdown).strip(), quote=False)


def plain(markdown: str) -> str:
    return blocks(parse(markdown), _PLAIN)


def blocks(nodes: Sequence[Node], style: Style, indent: str = "") -> str:
    texts = [text for node in nodes if (text := block(node, style, indent))]
    return "\n\n".join(texts)


def block(node: Node, style: Style, indent: str = "") -> str:
    if node.kind in ("paragraph", "heading"):
        marks = frozenset({"strong"}) if node.kind == "heading" else frozenset[str]()
        return _indented(style.runs(inline(node, marks)), indent)
    if node.kind in ("fence", "code_block"):
        language = node.token.info.split(maxsplit=1)[:1] or [""]
        return style.code(node.token.content.removesuffix("\n"), language[0])
    if node.kind == "blockquote":
        inner = blocks(node.children, replace(style, quote=style.quoted), "")
        return style.quote(inner) if inner.strip() else ""
    if node.kind in ("bullet_list", "ordered_list"):
        return _list(node, style, indent)
    if node.kind == "table":
        return _table(node, style)
    return indent + _RULE


def inline(node: Node, marks: frozenset[str] = frozenset()) -> list[Run]:
    """The runs of a paragraph, heading or cell."""
    return [run for child in node.children for run in _runs(child.children, marks, "")]


def _runs(nodes: Sequence[Node], marks: frozenset[str], link: str) -> list[Run]:
    found: list[Run] = []
    for node in nodes:
        content = node.token.content
        if node.kind == "code_inline":
            found.append(Run(content, marks, link, code=not link))
        elif node.kind in ("softbreak", "hardbreak"):
            found.append(Run("\n", marks, link))
        elif node.kind == "image":
            found += _linked([], content, str(node.token.attrs.get("src", "")), marks, link)
        elif node.kind == "link":
            href = str(node.token.attrs.get("href", ""))
            within = _runs(node.children, marks, target(href) or link)
            found += _linked(within, visible(node.children), href, marks, link)
        elif node.kind in _TAGS:
            found += _runs(node.children, marks | {node.kind}, link)
        else:
            found.append(Run(content, marks, link))
    return found


def _linked(
    within: list[Run], words: str, href: str, marks: frozenset[str], outer: str
) -> list[Run]:
    """A link's runs; an address that cannot be a link is written behind the words."""
    address = target(href)
    if not words.strip():
        return [Run(href, marks, outer or address)]
    runs = within or [Run(words, marks, outer or address)]
    if address or not href or href == words:
        return runs
    return [*runs, Run(f" ({href})", marks, outer)]


def _list(node: Node, style: Style, indent: str) -> str:
    start = int(node.token.attrs.get("start", 1))
    ordered = node.kind == "ordered_list"
    items = [
        _item(item, f"{start + index}. " if ordered else "• ", style, indent)
        for index, item in enumerate(node.children)
    ]
    paragraphs = (part for item in node.children for part in item.children)
    tight = all(part.token.hidden for part in paragraphs if part.kind == "paragraph")
    return ("\n" if tight else "\n\n").join(items)


def _item(item: Node, mark: str, style: Style, indent: str) -> str:
    inner = indent + "  "
    first = item.children[0] if item.children else None
    if first is None or first.kind != "paragraph":
        parts, rest = [indent + mark.rstrip()], item.children
    else:
        parts = [indent + mark + block(first, style, inner).removeprefix(inner)]
        rest = item.children[1:]
    tight = first is not None and (first.kind != "paragraph" or first.token.hidden)
    parts += [text for node in rest if (text := block(node, style, inner))]
    return ("\n" if tight else "\n\n").join(parts)


def _indented(text: str, indent: str) -> str:
    return indent + text.replace("\n", "\n" + indent) if text.strip() else ""


def _table(node: Node, style: Style) -> str:
    rows = [
        [inline(cell) for cell in row.children] for part in node.children for row in part.children
    ]
    head = node.children[0].children[0]
    sides = [
        str(cell.token.attrs.get("style", "")).removeprefix("text-align:") for cell in head.children
    ]
    if not any(run.link for row in rows for cell in row for run in cell):
        words = [["".join(run.text for run in cell) for cell in row] for row in rows]
        lines = aligned(words, sides)
        if len(lines[0]) <= WIDEST_TABLE:
            return style.code("\n".join(line.rstrip() for line in lines), "")
    return _rows_as_lists(rows, style)


def _rows_as_lists(rows: list[list[list[Run]]], style: Style) -> str:
    """Each row as lines of `header: cell`, the first one in bold."""
    head, *others = rows
    if not others:
        return "\n".join(style.runs(_bold(cell)) for cell in head if cell)
    return "\n\n".join(_row_as_list(head, row, style) for row in others)


def _row_as_list(head: list[list[Run]], row: list[list[Run]], style: Style) -> str:
    lines = []
    for name, cell in zip(head, row, strict=True):
        if name or cell:
            colon = [Run(": ")] if name else []
            lines.append([*name, *colon, *(cell or [Run("–")])])
    first, *others = lines
    return "\n".join([style.runs(_bold(first)), *("• " + style.runs(line) for line in others)])


def _bold(runs: list[Run]) -> list[Run]:
    return [run._replace(marks=run.marks | {"strong"}) for run in runs]


def _telegram_runs(runs: Sequence[Run]) -> str:
    """Each run in its own tags: Telegram wants them nested, and nothing in or around code."""
    parts: list[str] = []
    for (marks, link, code), group in groupby(runs, lambda run: run[1:]):
        text = "".join([run.text for run in group])
        if not text.strip():
            parts.append(text)
            continue
        html = escape(text, quote=False)
        tags = ["code"] if code and not link else [_TAGS[mark] for mark in sorted(marks)]
        for tag in tags:
            html = f"<{tag}>{html}</{tag}>"
        parts.append(f'<a href="{escape(link)}">{html}</a>' if link else html)
    return "".join(parts)


def _telegram_code(content: str, language: str) -> str:
    html = escape(content, quote=False)
    if not language:
        return f"<pre>{html}</pre>"
    return f'<pre><code class="language-{escape(language)}">{html}</code></pre>'


def _plain_runs(runs: Sequence[Run]) -> str:
    parts: list[str] = []
    for link, group in groupby(runs, lambda run: run.link):
        text = "".join([run.text for run in group])
        shown = link.removeprefix("mailto:")
        parts.append(f"{text} ({shown})" if link and text.strip() not in (link, shown) else text)
    return "".join(parts)


def _lines_quoted(text: str) -> str:
    return "\n".join([f"> {line}".rstrip() for line in text.split("\n")])


_TELEGRAM = Style(
    _telegram_runs,
    _telegram_code,
    lambda html: f"<blockquote>{html}</blockquote>",
    lambda html: html,
)
_PLAIN = Style(_plain_runs, lambda content, language: content, _lines_quoted, _lines_quoted)
