"""The programs of flaky tests: what makes each unreliable, and what brings it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gateway.research.tasks.programs.table import Probe

Environment = dict[str, str]

ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata")


@dataclass(frozen=True, slots=True)
class Flaky:
    """flaws: (right, wrong), texts of which the right one stands once in the source. draw: inputs.
    under: environments of which at least one shows each flaw, with the inputs in every order."""

    name: str
    flaws: tuple[tuple[str, str], ...]
    draw: Callable[[Random], list[Probe]]
    under: tuple[Environment, ...]

    @property
    def source(self) -> str:
        return Path(__file__).with_name(f"{self.name}.py").read_text(encoding="utf-8")

    @property
    def flawed(self) -> str:
        text = self.source
        for right, wrong in self.flaws:
            text = text.replace(right, wrong)
        return text


def _labels(draw: Random) -> list[Probe]:
    names = "red green blue round square tall short old new open shut wet dry".split()

    def some() -> list[str]:
        return draw.sample(names, draw.randint(2, 3))

    probes: list[Probe] = []
    for _ in range(2):
        one, two = some(), some()
        probes += [("common", [one, two + one]), ("line", [one]), ("first", [[one, one + two]])]
    return [*probes, ("first", [[]]), ("common", [["a", "b", "a"], ["b", "a"]])]


def _carts(draw: Random) -> list[Probe]:
    names = ["tea", "salt", "rice", "soap"]
    prices = {name: draw.randint(50, 900) for name in names}

    def cart() -> list[list[str | int]]:
        return [[name, draw.randint(1, 5)] for name in draw.sample(names, 2)]

    probes: list[Probe] = []
    for _ in range(3):
        probes += [
            ("add", [draw.choice(names), draw.randint(1, 9)]),
            ("add", [draw.choice(names), draw.randint(1, 9), cart()]),
            ("price", [cart(), prices]),
            ("price", [cart(), {name: cents + 7 for name, cents in prices.items()}]),
            ("cheapest", [[cart(), cart(), cart()], prices]),
        ]
    return [*probes, ("cheapest", [[], prices]), ("add", ["tea", 1, []])]


def _counters(draw: Random) -> list[Probe]:
    words = ["one", "two", "three"]
    return [("count", [draw.choices(words, k=400), threads]) for threads in (1, 4, 8, 8)]


def _days(draw: Random) -> list[Probe]:
    edges = [
        day * 86_400 + draw.choice((1, 1_800, 84_000, 86_399)) for day in range(20_000, 20_006)
    ]
    dates = [f"2026-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}" for _ in range(4)]
    probes: list[Probe] = [("day", [at]) for at in edges]
    probes += [("midnight", [date]) for date in (*dates, "2026-02-30")]
    return [*probes, ("by_day", [edges]), ("by_day", [[]])]


FLAKY = (
    Flaky(
        "labels",
        (
            (
                "[label for label in dict.fromkeys(one) if label in other]",
                "list(set(one) & set(other))",
            ),
            ('min(shared, default="")', 'next(iter(shared), "")'),
        ),
        _labels,
        tuple({"PYTHONHASHSEED": str(seed)} for seed in range(4)),
    ),
    Flaky(
        "carts",
        (
            ("cart: list[Line] | None = None", "cart: list[Line] = []"),
            ("[list(line) for line in cart or []]", "cart"),
            (
                "return [*lines, [article, count]]",
                "lines.append([article, count])\n    return lines",
            ),
        ),
        _carts,
        ({}, {}, {}),
    ),
    Flaky(
        "counters",
        (
            (
                "        with self._lock:\n            count = self._counts.get(name, 0)\n"
                "            time.sleep(0)\n            self._counts[name] = count + by\n",
                "        count = self._counts.get(name, 0)\n        time.sleep(0)\n"
                "        self._counts[name] = count + by\n",
            ),
        ),
        _counters,
        ({}, {}, {}),
    ),
    Flaky(
        "days",
        (
            ("datetime.fromtimestamp(at, UTC)", "datetime.fromtimestamp(at)"),
            (".replace(tzinfo=UTC)", ""),
        ),
        _days,
        tuple({"TZ": zone} for zone in ZONES),
    ),
)
