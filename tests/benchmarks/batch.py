"""Prompts per second of an agent's batch runner: four workers, five shell calls a prompt."""

from __future__ import annotations

import json

from tests.benchmarks.agents import Agent
from tests.benchmarks.bench import Bench
from tests.benchmarks.processes import BenchmarkFailed, Place, run
from tests.benchmarks.script import task

WORKERS, CALLS = 4, 5
TITLE = f"batch, {WORKERS} workers × {CALLS} calls"
ROUNDS = 2


def measure(bench: Bench) -> None:
    """Each agent in turn, in every round anew; the start of its processes is in the time."""
    count = 4 if bench.quick else 200
    for round in range(1 if bench.quick else ROUNDS + 1):
        for agent in bench.agents:
            with bench.noting(TITLE, agent):
                # The first round only warms up: what is compiled and cached is there then.
                warms = round == 0 and not bench.quick
                _measure(bench, agent, 8 if warms else count, counts=not warms)


def _measure(bench: Bench, agent: Agent, count: int, *, counts: bool) -> None:
    place = bench.place(agent)
    names = _write(bench, place, count)
    spent = run(agent.batch(place, "prompts.jsonl", WORKERS), place, timeout=600)
    lacking = count - agent.batched(place)
    wrong = sum(request.position.wrong for name in names for request in bench.model.requests(name))
    if lacking or wrong:
        raise BenchmarkFailed(f"{lacking} of {count} prompts have no result, {wrong} calls failed")
    if counts:
        bench.table.add((TITLE, "prompts", "/s"), agent.name, count / spent.wall)
        bench.table.add((TITLE, "CPU per prompt", "ms"), agent.name, spent.cpu / count * 1000)
    bench.model.log.clear()


def _write(bench: Bench, place: Place, count: int) -> list[str]:
    """The file of prompts; a run in which nothing is thought may be left out by a runner."""
    names = [bench.name("batch") for _ in range(count)]
    rows = [json.dumps({"prompt": task(name, CALLS, reasons=True)}) for name in names]
    (place.workspace / "prompts.jsonl").write_text("\n".join(rows) + "\n")
    return names
