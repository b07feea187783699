"""How long the command takes to start: `--version`, against Python itself."""

from __future__ import annotations

import sys
from collections import defaultdict

from tests.benchmarks.bench import Bench, Ready
from tests.benchmarks.processes import Spent, run
from tests.benchmarks.table import FLOOR

TITLE = "client start"
WITH_ASYNCIO = [sys.executable, "-c", "import asyncio"]


def measure(bench: Bench) -> None:
    spent: dict[str, list[Spent]] = defaultdict(list)
    with_asyncio: list[float] = []

    def once(ready: Ready) -> None:
        spent[ready.agent.name].append(run(ready.agent.version(), ready.place))
        if ready.agent is bench.floor:
            with_asyncio.append(run(WITH_ASYNCIO, ready.place).wall * 1000)

    bench.interleaved(TITLE, 2 if bench.quick else 15, once)
    for who, runs in spent.items():
        wall, cpu = [s.wall * 1000 for s in runs], [s.cpu * 1000 for s in runs]
        bench.table.add((TITLE, "wall", "ms"), who, *wall, floor="python -I -S -c pass")
        bench.table.add((TITLE, "CPU", "ms"), who, *cpu, floor="python -I -S -c pass")
        if who != FLOOR:
            bench.table.add((TITLE, "least wall", "ms"), who, min(wall))
    least = (TITLE, "least wall", "ms")
    bench.table.add(least, FLOOR, min(with_asyncio), floor='python -c "import asyncio"')
