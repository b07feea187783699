"""Splitting a reply into messages: at block edges, then between list items, rows, lines, and
within a paragraph as render_inline does. Each piece is Markdown that can be read alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateway.channels.render_cut import Fits, Part, graphemes, grouped, joined, packed
from gateway.channels.render_inline import cut
from gateway.channels.render_parse import Definitions, Node, clean, parse_blocks, used
from gateway.channels.render_write import (
    definition,
    fenced,
    gap_of,
    head_of,
    item_of,
    mark_of,
    marked,
    quoted,
    row_of,
    sign_of,
    source,
    written,
)

_ROOM = "x" * 24
"""If not even this fits in a quote or item, its frame is left away."""


def split(markdown: str, fits: Fits) -> list[str]:
    """Cut into texts that fit, in order; nothing that is shown is lost.

    Code fences are closed and opened again, a table's header is repeated, numbers go on. A text
    without words gives no pieces. Takes seconds for megabytes: call it in a thread then.
    """
    text = clean(markdown)
    if not text.strip():
        return []
    if fits(text):
        return [text]
    nodes, definitions = parse_blocks(text)
    splitter = _Splitter(definitions, fits)
    pieces = packed(splitter.top(nodes, text.split("\n")), splitter.fits)
    return [splitter.complete(piece) for piece in pieces if piece.strip()]


class _Splitter:
    """One reply being split. A piece that uses a link defined elsewhere carries the definition."""

    def __init__(self, definitions: Definitions, fits: Fits) -> None:
        self.definitions = definitions
        self._fits = fits
        lines = {label: definition(label, str(link["href"])) for label, link in definitions.items()}
        self._lines = {
            label: line for label, line in lines.items() if fits("x" * len(line) + _ROOM)
        }

    def fits(self, text: str) -> bool:
        return self._fits(self.complete(text))

    def complete(self, text: str) -> str:
        if not self._lines:
            return text
        lines = [self._lines[label] for label in used(text, self._lines)]
        return "\n\n".join([text, "\n".join(lines)]) if lines else text

    def top(self, nodes: Sequence[Node], lines: list[str]) -> list[Part]:
        """The parts of a whole text: blocks as they were written wherever they fit."""
        parts: list[Part] = []
        for node in nodes:
            first, end = node.token.map or (0, 0)
            text = "\n".join(lines[first:end]).rstrip()
            if node.kind in ("fence", "code_block"):
                text = written(node)  # an open fence would swallow what follows
            parts.append(Part(text, smaller=partial(self.broken, node, self.fits, "")))
        return parts

    def parts(self, nodes: Sequence[Node], fits: Fits, outer: str) -> list[Part]:
        """The parts of what stands in a quote or list item."""
        return [
            Part(written(node, outer), smaller=partial(self.broken, node, fits, outer))
            for node in nodes
        ]

    def broken(self, node: Node, fits: Fits, outer: str) -> list[Part]:
        """The parts of a block that does not fit."""
        if node.kind in ("bullet_list", "ordered_list"):
            return self._list(node, fits, outer)
        if node.kind == "blockquote":
            return self._quote(node, fits, outer)
        if node.kind in ("fence", "code_block"):
            return _fence_parts(node, fits)
        if node.kind == "table":
            return self._table(node, fits)
        if node.kind == "heading":
            mark = "#" * int(node.token.tag[1]) + " "
            return self._inline(source(node).replace("\n", " "), fits, mark)
        if node.kind == "paragraph":
            return self._inline(source(node), fits)
        return [Part(written(node, outer))]  # a rule

    def _inline(self, source: str, fits: Fits, mark: str = "") -> list[Part]:
        texts = cut(source, self.definitions, lambda text: fits(mark + text))
        return [Part(mark + text) for text in texts]

    def _quote(self, node: Node, fits: Fits, outer: str) -> list[Part]:
        if not fits(quoted(_ROOM)):
            return self.parts(node.children, fits, outer)

        def inside(text: str) -> bool:
            return fits(quoted(text))

        return [
            Part(quoted(text)) for text in packed(self.parts(node.children, inside, ""), inside)
        ]

    def _list(self, node: Node, fits: Fits, outer: str) -> list[Part]:
        sign, gap = sign_of(node, outer), gap_of(node)
        parts: list[Part] = []
        for index, item in enumerate(node.children):
            mark = mark_of(node, index, sign)
            smaller = partial(self._item, item, mark, sign, fits)
            parts.append(Part(item_of(item, mark, sign, gap), gap if index else "\n\n", smaller))
        return parts

    def _item(self, item: Node, mark: str, sign: str, fits: Fits) -> list[Part]:
        """An item in pieces: the first one has the mark, the others stand alone."""
        if not fits(marked(_ROOM, mark)):
            return self.parts(item.children, fits, sign)

        def inside(text: str) -> bool:
            return fits(marked(text, mark))

        texts = packed(self.parts(item.children, inside, sign), inside) or [""]
        return [Part(marked(texts[0], mark)), *map(Part, texts[1:])]

    def _table(self, node: Node, fits: Fits) -> list[Part]:
        rows = [row for part in node.children for row in part.children]
        head = head_of(rows[0])
        if not fits(head):
            return [part for row in rows for part in self._cells(row, fits)]
        parts: list[Part] = []

        def inside(text: str) -> bool:
            return fits(head + "\n" + text)

        done = 1
        for group in grouped([Part(row_of(row), "\n") for row in rows[1:]], inside):
            text = joined(group)
            if len(group) > 1 or inside(text):
                parts.append(Part(head + "\n" + text))
            else:
                parts += [*([] if parts else [Part(head)]), *self._cells(rows[done], fits)]
            done += len(group)
        return parts or [Part(head)]

    def _cells(self, row: Node, fits: Fits) -> list[Part]:
        return [part for cell in row.children for part in self._inline(source(cell), fits)]


def _fence_parts(node: Node, fits: Fits) -> list[Part]:
    info = node.token.info.strip()
    if not fits(fenced(_ROOM, info)):
        info = ""

    def inside(text: str) -> bool:
        return fits(fenced(text, info))

    def smaller(line: str) -> list[Part]:
        return [Part(piece, "\n") for piece in graphemes(line, inside)]

    lines = node.token.content.removesuffix("\n").split("\n")
    parts = [Part(line, "\n", partial(smaller, line)) for line in lines]
    return [Part(fenced(text, info)) for text in packed(parts, inside)]
