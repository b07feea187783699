"""The programs, with bugs for each and inputs that show every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

Probe = tuple[str, list[Any]]
"""A function's name, and arguments that JSON can hold."""


@dataclass(frozen=True, slots=True)
class Program:
    """bugs: (right, wrong), texts of which the right one stands once in the source. draw: inputs,
    enough of them to show every bug."""

    name: str
    bugs: tuple[tuple[str, str], ...]
    draw: Callable[[Random], list[Probe]]

    @property
    def source(self) -> str:
        return Path(__file__).with_name(f"{self.name}.py").read_text(encoding="utf-8")

    def broken(self, bugs: tuple[tuple[str, str], ...]) -> str:
        """The source with these bugs."""
        text = self.source
        for right, wrong in bugs:
            text = text.replace(right, wrong)
        return text


def _spans(draw: Random, most: int = 5) -> list[list[int]]:
    starts = [draw.randint(-5, 20) for _ in range(draw.randint(0, most))]
    return [[start, start + draw.choice((0, 1, 2, 3, 5, 8))] for start in starts]


def _intervals(draw: Random) -> list[Probe]:
    probes: list[Probe] = [
        ("merge", [[[1, 3], [3, 5]]]),
        ("merge", [[[4, 9], [5, 6]]]),
        ("merge", [[[2, 2]]]),
        ("merge", [[[5, 4]]]),
        ("gaps", [[[0, 10]], 2, 5]),
        ("gaps", [[[3, 4], [7, 9]], 0, 6]),
        ("gaps", [[[0, 2]], 5, 9]),
        ("gaps", [[[4, 6], [30, 40]], 0, 20]),
        ("overlap", [[0, 2], [5, 9]]),
        ("busiest", [[[0, 2], [2, 4]]]),
    ]
    for _ in range(12):
        start = draw.randint(-5, 5)
        probes += [
            ("merge", [_spans(draw)]),
            ("total", [_spans(draw)]),
            ("gaps", [_spans(draw), start, start + draw.randint(0, 25)]),
            ("busiest", [_spans(draw, 6)]),
            ("overlap", [[start, start + 4], [start + draw.randint(-6, 6), start + 7]]),
        ]
    return probes


def _durations(draw: Random) -> list[Probe]:
    texts = [
        "",
        "-",
        "5",
        "-90",
        "1m 2h",
        "1h 1h",
        "2x",
        "h",
        "3 m",
        " 1H ",
        "1d2h",
        "12 13",
        "-1h 5m",
    ]
    probes: list[Probe] = [("parse", [text]) for text in texts]
    probes += [("show", [seconds]) for seconds in (0, -5, 86_400, 3_600, 59, 60)]
    probes += [
        ("rounded", [5, 10]),
        ("rounded", [-5, 10]),
        ("rounded", [7, 0]),
        ("rounded", [4, 3]),
    ]
    probes += [("clock", [seconds]) for seconds in (0, 86_399, 86_400, 90_061, -1)]
    for _ in range(12):
        seconds = draw.randint(-200_000, 200_000)
        units = [f"{draw.randint(0, 40)}{unit}" for unit in "dhms" if draw.random() < 0.6]
        probes += [
            ("parse", [draw.choice(("", " ")).join(units)]),
            ("show", [seconds]),
            ("rounded", [draw.randint(-100, 100), draw.randint(1, 15)]),
            ("clock", [seconds]),
        ]
    return probes


def _tables(draw: Random) -> list[Probe]:
    lines = [
        "",
        "a,b",
        " a , b ",
        '"a,b",c',
        '"a""b"',
        '"a" ,b',
        '"a"b',
        '"a',
        ",",
        'a"b,c',
        '" a "',
    ]
    probes: list[Probe] = [("cells", [line]) for line in lines]
    pieces = ["a", "B", ",", '"', '""', " ", "x y"]
    for _ in range(12):
        cells = ["".join(draw.choices(pieces, k=draw.randint(0, 3))) for _ in range(3)]
        rows = [["x" * draw.randint(0, 9) for _ in range(draw.randint(0, 4))] for _ in range(3)]
        heads = draw.sample(["Name", "city", "AGE", "zip"], 3)
        body = [
            ",".join(draw.choices(["1", "two", '"3,4"', ""], k=draw.randint(1, 3))) for _ in "123"
        ]
        probes += [
            ("cells", ["".join(draw.choices(pieces, k=6))]),
            ("line", [cells]),
            ("widths", [rows]),
            (
                "column",
                [[",".join(heads), *body, " "], draw.choice(["NAME", "age", "City", "none"])],
            ),
        ]
    return [
        *probes,
        ("widths", [[]]),
        ("column", [["a,b", "1,2"], "b"]),
        ("column", [[], "name"]),
        ("line", [[" a", "b ", 'c"', "d"]]),
    ]


def _bookings(draw: Random) -> list[list[Any]]:
    amounts = [-500, -120, -30, 30, 120, 450]
    return [
        [draw.randint(1, 4), draw.choice(["cash", "bank", "rent"]), draw.choice(amounts)]
        for _ in range(draw.randint(0, 7))
    ]


def _ledger(draw: Random) -> list[Probe]:
    probes: list[Probe] = [
        ("balances", [[[1, "b", 5], [1, "a", 3], [2, "c", 9], [2, "c", -9]]]),
        ("lowest", [[[2, "a", 50], [1, "a", -40], [1, "a", 10], [3, "b", -99]], "a"]),
        ("lowest", [[[1, "a", 50]], "a"]),
        ("lowest", [[[1, "a", -40], [2, "a", -40]], "a"]),
        ("split", [100, [1, 1, 1]]),
        ("split", [5, [0, 1, 1]]),
        ("split", [5, [0, 0]]),
        ("split", [5, [2, -1]]),
        ("split", [-5, [1]]),
        ("interest", [-900, 40, 30]),
        ("interest", [900, 40, 0]),
        ("interest", [180, 20, 50]),
        ("overdrawn", [[[1, "a", -100], [1, "b", -101], [2, "b", 500]], 100]),
    ]
    for _ in range(12):
        probes += [
            ("balances", [_bookings(draw)]),
            ("lowest", [_bookings(draw), "cash"]),
            ("split", [draw.randint(0, 99), [draw.randint(0, 4) for _ in range(4)]]),
            ("interest", [draw.randint(-50, 90_000), draw.randint(0, 90), draw.randint(-2, 400)]),
            ("overdrawn", [_bookings(draw), draw.choice((0, 120, 300))]),
        ]
    return probes


PROGRAMS = (
    Program(
        "intervals",
        (
            ("start <= merged[-1][1]", "start < merged[-1][1]"),
            ("= max(merged[-1][1], end)", "= end"),
            ("        if end == start:\n            continue\n", ""),
            ("if end < start:", "if end < start - 1:"),
            ("if first >= end:", "if first >= end + 3:"),
            ("at = max(at, last)", "at = last"),
            ("if here > best[0]:", "if here >= best[0]:"),
            ("start <= at < end for", "start <= at <= end for"),
            ("return max(0, min(", "return (min("),
        ),
        _intervals,
    ),
    Program(
        "durations",
        (
            ("unit >= largest", "unit > largest"),
            ("text.strip().lower()", "text.strip()"),
            ("sign * int(rest)", "int(rest)"),
            ("return sign * seconds", "return seconds"),
            ('or "0s"', 'or ""'),
            ("if count:", "if count > 1:"),
            ("(2 * seconds + step) //", "(2 * seconds + step - 1) //"),
            ("return -rounded(-seconds, step)", "return rounded(-seconds, step)"),
            ("seconds % 86_400", "seconds"),
            ("{minutes:02}", "{minutes}"),
        ),
        _durations,
    ),
    Program(
        "tables",
        (
            ("cell, rest = cell + '\"', rest[1:]", "rest = rest[1:]"),
            ('.rstrip(" "), rest[end:]', ", rest[end:]"),
            ('rest and not rest.startswith(",")', "not rest and cell"),
            ('raise ValueError("a quote is left open")', "return cell + part, ''"),
            ('cell == cell.strip(" ")', 'cell == cell.lstrip(" ")'),
            ("cell.replace('\"', '\"\"')", "cell"),
            ("name.lower() not in heads", "name not in heads"),
            ("if at < len(row) else", "if at <= len(row) - 2 else"),
            ("if one.strip()]", "]"),
            ("max(map(len, rows), default=0)", "min(map(len, rows), default=0)"),
        ),
        _tables,
    ),
    Program(
        "ledger",
        (
            ("for name in sorted(held) if held[name]", "for name in sorted(held)"),
            ("held.get(account, 0) + cents", "cents"),
            ("least = min(least, held)", "least = held"),
            ("held += sum(c for", "held = sum(c for"),
            ("if left and share:", "if left:"),
            ("or cents < 0:", "or cents < -9:"),
            ("min(shares) < 0", "min(shares) < -9"),
            ("+ 360_000) //", ") //"),
            ("if cents <= 0 or days <= 0:", "if days <= 0:"),
            ("< -limit]", "<= -limit]"),
        ),
        _ledger,
    ),
)
