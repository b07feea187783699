"""Markdown as a tree: CommonMark with tables and strikethrough. HTML in it is only text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

DEEPEST = 60
"""Levels of nesting (a list counts two). What nests deeper is shown as it was written, because
the parser would drop it."""
LONGEST_INLINE = 4_000
"""Characters of one paragraph that are read together; emphasis over more than that is text."""
SCHEMES = frozenset({"http", "https", "mailto", "tg"})
"""A link to anything else is shown as words."""

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?")
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.)+)\]")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")


@dataclass(slots=True)
class Node:
    """A part of a text: `kind` is markdown-it's type without `_open`; `token` the one that says
    its attributes, content and lines."""

    kind: str
    token: Token
    children: list[Node] = field(default_factory=list)


Definitions = Mapping[str, Mapping[str, Any]]
"""Link definitions of a text: normalised label -> {href, title}."""


def clean(markdown: str) -> str:
    """The same text as the parser sees it: lines end in \\n, every character can be encoded."""
    text = _LINE_END.sub("\n", markdown).replace("\0", "\N{REPLACEMENT CHARACTER}")
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def parse(markdown: str) -> list[Node]:
    """The whole tree, inline parts included."""
    return tree(tokens(markdown))


def tokens(markdown: str) -> list[Token]:
    """The tokens of the whole tree, as markdown-it's own renderer wants them."""
    text = clean(markdown)
    found = _FULL.parse(text)
    return [_literal(text)] if _too_deep(found) else found


def parse_blocks(text: str) -> tuple[list[Node], Definitions]:
    """Only blocks: an `inline` node has its source as content and no children. `text` is clean."""
    env: dict[str, Any] = {}
    found = _BLOCKS.parse(text, env)
    if _too_deep(found):
        return [Node("fence", _literal(text))], {}
    return tree(found), env.get("references", {})


def parse_inline(source: str, definitions: Definitions) -> list[Node]:
    """The inline parts of a paragraph's source."""
    found = _FULL.parseInline(source, {"references": dict(definitions)})
    return tree(found)[0].children


def used(text: str, definitions: Mapping[str, object]) -> list[str]:
    """The labels of `definitions` that a text may refer to."""
    if not definitions:
        return []
    labels = dict.fromkeys(normalizeReference(label) for label in _LABEL.findall(text))
    return [label for label in labels if label in definitions]


def tree(tokens: Iterable[Token]) -> list[Node]:
    """Nest a flat list of tokens."""
    top: list[Node] = []
    open_lists = [top]
    for token in tokens:
        if token.nesting < 0:
            open_lists.pop()
            continue
        node = Node(token.type.removesuffix("_open"), token)
        if token.children:
            node.children = tree(token.children)
        open_lists[-1].append(node)
        if token.nesting > 0:
            open_lists.append(node.children)
    return top


def target(href: str) -> str:
    """The address a link may lead to; empty if its kind is not known."""
    scheme = _SCHEME.match(href)
    return href if scheme and scheme[1].lower() in SCHEMES else ""


def visible(nodes: Sequence[Node]) -> str:
    """Every character that is not markup, in order; an image counts as its description."""
    parts: list[str] = []
    _collect(nodes, parts)
    return "".join(parts)


def _collect(nodes: Sequence[Node], parts: list[str]) -> None:
    for node in nodes:
        if node.kind == "image":
            parts.append(node.token.content or str(node.token.attrs.get("src", "")))
        elif node.kind in ("text", "code_inline", "fence", "code_block"):
            parts.append(node.token.content)
        elif node.kind in ("softbreak", "hardbreak"):
            parts.append("\n")
        _collect(node.children if node.kind != "image" else [], parts)
        if node.kind in ("paragraph", "heading", "td", "th"):
            parts.append("\n")


def _too_deep(tokens: Iterable[Token]) -> bool:
    return any(token.level >= DEEPEST - 2 for token in tokens)


def _literal(text: str) -> Token:
    return Token("fence", "code", 0, content=text, markup="```", map=[0, text.count("\n") + 1])


def _inline_by_segments(state: StateCore) -> None:
    """markdown-it's rule `inline`, but a very long paragraph is read in segments: some of its
    rules take time that grows with the square of the length."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        children: list[Token] = []
        for segment, broken in segments(token.content, LONGEST_INLINE):
            if children and broken:
                children.append(Token("softbreak", "br", 0))
            found: list[Token] = []
            state.md.inline.parse(segment, state.md, state.env, found)
            children += found
        token.children = children


def segments(source: str, most: int) -> list[tuple[str, bool]]:
    """Cut at line ends, else at spaces, else anywhere, in parts of at most `most` characters; with
    each, whether a line end or space stood before it."""
    parts: list[tuple[str, bool]] = []
    start, broken = 0, False
    while len(source) - start > most:
        end = source.rfind("\n", start + 1, start + most)
        if end < 0:
            end = source.rfind(" ", start + 1, start + most)
        if end < 0:
            parts.append((source[start : start + most], broken))
            start, broken = start + most, False
        else:
            parts.append((source[start:end], broken))
            start, broken = end + 1, True
    return [*parts, (source[start:], broken)]


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST})
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.at("inline", _inline_by_segments)
    return parser


_FULL = _parser()
_BLOCKS = _parser()
_BLOCKS.core.ruler.enableOnly(["normalize", "block"])
