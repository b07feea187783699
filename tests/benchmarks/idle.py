"""A daemon with nothing to do: memory of all its processes, CPU, requests to the model."""

from __future__ import annotations

import time
from functools import partial

from tests.benchmarks.agents import Agent
from tests.benchmarks.bench import Bench
from tests.benchmarks.processes import start

TITLE = "idle daemon"
FLOOR = "asyncio, one Unix socket"


def measure(bench: Bench) -> None:
    bench.one_by_one(TITLE, bench.everyone, partial(_measure, bench))


def _measure(bench: Bench, agent: Agent) -> None:
    settling, watched = (1, 2) if bench.quick else (10, 30)
    place = bench.place(agent)
    command, address = agent.daemon(place)
    daemon = start(command, place, address)
    try:
        time.sleep(settling)
        requests, before = len(bench.model.log), daemon.held()
        time.sleep(watched)
        after = daemon.held()
    finally:
        daemon.stop()

    def add(figure: str, unit: str, value: float) -> None:
        bench.table.add((TITLE, figure, unit), agent.name, value, floor=FLOOR)

    add("memory, PSS", "MB", after.pss / 1e6)
    add("memory, RSS", "MB", after.rss / 1e6)
    add("processes", "", after.processes)
    add("CPU per second", "ms", (after.cpu - before.cpu) / watched * 1000)
    add("requests to the model", "", len(bench.model.log) - requests)
