"""A table as lines of equal width."""

from __future__ import annotations

from collections.abc import Sequence

from wcwidth import wcswidth

WIDE = 3
"""Signs between two columns."""


def aligned(rows: Sequence[Sequence[str]], sides: Sequence[str]) -> list[str]:
    """The first row is the header. sides: "", left, right or center, one per column. All lines
    are as wide as the widest."""
    cells = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max([_width(cell) for cell in column]) for column in zip(*cells, strict=True)]
    lines = [_line(row, widths, sides) for row in cells]
    return [lines[0], "─┼─".join("─" * width for width in widths), *lines[1:]]


def _line(cells: Sequence[str], widths: Sequence[int], sides: Sequence[str]) -> str:
    padded = map(_padded, cells, widths, sides)
    return " │ ".join(padded)


def _padded(cell: str, width: int, side: str) -> str:
    space = width - _width(cell)
    left = space if side == "right" else space // 2 if side == "center" else 0
    return " " * left + cell + " " * (space - left)


def _width(text: str) -> int:
    """Columns on a screen; what cannot be measured counts as its characters."""
    width = wcswidth(text)
    return width if width >= 0 else len(text)
