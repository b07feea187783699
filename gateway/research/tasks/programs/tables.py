"""Lines of comma-separated values, as spreadsheets write them."""

from __future__ import annotations


def cells(line: str) -> list[str]:
    """The cells of a line. A cell in double quotes may hold commas, and a doubled quote in it
    stands for one. Spaces around a cell without quotes do not belong to it. ValueError if a quote
    is left open, or if something other than a comma follows a closing one."""
    found: list[str] = []
    rest = line
    while True:
        rest = rest.lstrip(" ")
        if rest.startswith('"'):
            cell, rest = _quoted(rest[1:])
        else:
            end = rest.find(",")
            end = len(rest) if end < 0 else end
            cell, rest = rest[:end].rstrip(" "), rest[end:]
        found.append(cell)
        if not rest:
            return found
        rest = rest[1:]


def _quoted(rest: str) -> tuple[str, str]:
    """A cell whose quote is open, and what follows it from the comma on."""
    cell = ""
    while True:
        part, quote, rest = rest.partition('"')
        if not quote:
            raise ValueError("a quote is left open")
        cell += part
        if not rest.startswith('"'):
            break
        cell, rest = cell + '"', rest[1:]
    rest = rest.lstrip(" ")
    if rest and not rest.startswith(","):
        raise ValueError(f"after a quote: {rest[:10]!r}")
    return cell, rest


def line(cells: list[str]) -> str:
    """The cells as a line, in quotes only those that need it: with a comma, a quote, or a space
    at an end."""
    shown = []
    for cell in cells:
        plain = "," not in cell and '"' not in cell and cell == cell.strip(" ")
        shown.append(cell if plain else '"' + cell.replace('"', '""') + '"')
    return ",".join(shown)


def column(lines: list[str], name: str) -> list[str]:
    """The cells below the head `name`, whatever its case; "" where a line is too short. KeyError
    if there is no such head."""
    heads = [head.lower() for head in cells(lines[0])] if lines else []
    if name.lower() not in heads:
        raise KeyError(name)
    at = heads.index(name.lower())
    rows = [cells(one) for one in lines[1:] if one.strip()]
    return [row[at] if at < len(row) else "" for row in rows]


def widths(rows: list[list[str]]) -> list[int]:
    """How wide each column is: the length of its longest cell. Rows may be of different lengths."""
    count = max(map(len, rows), default=0)
    return [max(len(row[at]) for row in rows if at < len(row)) for at in range(count)]
