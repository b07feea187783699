"""Blocks of the tree written as Markdown again, to stand in another place than they did."""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.channels.render_cut import Part, joined
from gateway.channels.render_parse import Node

_BLOCK_START = re.compile(r"\s*(?:[-+*=#>|:~`\[<_]|\d{1,9}[.)])")
_BLOCK_FIRST = re.compile(r"(\d{0,9})([-+*>.)]|#{1,6})(?=\s|$)|()(>)")
_RULE = re.compile(r"([-*])[ \t]*(?:\1[ \t]*){2,}")


def written(node: Node, outer: str = "") -> str:
    """The Markdown of a block. outer: the sign of the list it is in, which its own lists avoid,
    so that they stay lists of their own when they stand alone."""
    return _WRITERS[node.kind](node, outer)


def source(node: Node) -> str:
    return node.children[0].token.content if node.children else ""


def _paragraph(node: Node, outer: str) -> str:
    """Lines that only by their place are no list, heading and so on are indented to stay text;
    the first one may have had a space that is none for Markdown."""
    first, *others = source(node).split("\n")
    if start := _BLOCK_FIRST.match(first):
        at = start.end(1) if start[1] else 0
        first = first[:at] + "\\" + first[at:]
    return "\n".join(
        [first, *("    " + line.lstrip() if _BLOCK_START.match(line) else line for line in others)]
    )


def _heading(node: Node, outer: str) -> str:
    token = node.token
    if token.markup[:1] in ("=", "-"):
        return _paragraph(node, outer) + "\n" + token.markup[0] * 3
    return f"{token.markup} {source(node)}".rstrip()


def _fence(node: Node, outer: str = "") -> str:
    return fenced(node.token.content.removesuffix("\n"), node.token.info.strip())


def fenced(content: str, info: str) -> str:
    sign = "~" if "`" in info else "`"
    longest = max((len(run) for run in re.findall(sign + "{3,}", content)), default=2)
    bar = sign * (longest + 1)
    return f"{bar}{info}\n{content}\n{bar}"


def _blockquote(node: Node, outer: str) -> str:
    return quoted(joined([Part(written(child)) for child in node.children] or [Part("")]))


def quoted(text: str) -> str:
    return "\n".join([f"> {line}" if line else ">" for line in text.split("\n")])


def _list(node: Node, outer: str) -> str:
    sign, gap = sign_of(node, outer), gap_of(node)
    return gap.join(
        item_of(item, mark_of(node, index, sign), sign, gap)
        for index, item in enumerate(node.children)
    )


def sign_of(node: Node, outer: str) -> str:
    """The character that marks the items, another one than the list around has."""
    sign = node.token.markup
    if sign != outer:
        return sign
    return {"-": "*", "*": "+", "+": "-", ".": ")", ")": "."}[sign]


def gap_of(node: Node) -> str:
    """A line end between the items of a tight list, a blank line in a loose one."""
    paragraphs = [
        part for item in node.children for part in item.children if part.kind == "paragraph"
    ]
    return "\n" if all(paragraph.token.hidden for paragraph in paragraphs) else "\n\n"


def mark_of(node: Node, index: int, sign: str) -> str:
    if node.kind == "bullet_list":
        return sign + " "
    return f"{min(int(node.token.attrs.get('start', 1)) + index, 999_999_999)}{sign} "


def item_of(item: Node, mark: str, sign: str, gap: str) -> str:
    parts: list[Part] = []
    for child in item.children:
        text = written(child, sign)
        close = gap == "\n" and child.kind.endswith("_list") and child.children[0].children
        parts.append(Part(text, "\n" if close else "\n\n"))
    return marked(joined(parts) if parts else "", mark)


def marked(text: str, mark: str) -> str:
    first, *others = text.split("\n")
    if _RULE.fullmatch(mark + first):
        first = "\\" + first
    indent = " " * len(mark)
    lines = [mark + first, *(indent + line if line else "" for line in others)]
    return "\n".join(lines) if text else mark.rstrip()


def _table(node: Node, outer: str) -> str:
    head, *rows = [row for part in node.children for row in part.children]
    return "\n".join([head_of(head), *map(row_of, rows)])


def head_of(row: Node) -> str:
    rules = [_RULES[str(cell.token.attrs.get("style", ""))] for cell in row.children]
    return row_of(row) + "\n| " + " | ".join(rules) + " |"


_RULES = {
    "": "---",
    "text-align:left": ":--",
    "text-align:center": ":-:",
    "text-align:right": "--:",
}


def row_of(row: Node) -> str:
    return "| " + " | ".join(source(cell).replace("|", "\\|") for cell in row.children) + " |"


def definition(label: str, href: str) -> str:
    return f"[{label}]: <{href.replace('&', '&amp;')}>"


_WRITERS: dict[str, Callable[[Node, str], str]] = {
    "paragraph": _paragraph,
    "heading": _heading,
    "fence": _fence,
    "code_block": _fence,
    "blockquote": _blockquote,
    "bullet_list": _list,
    "ordered_list": _list,
    "table": _table,
    "hr": lambda node, outer: "___",
}
