"""How much of each request the next one begins with, as a provider's cache wants it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.benchmarks.agents import Agent
from tests.benchmarks.bench import Bench
from tests.benchmarks.model import Request
from tests.benchmarks.processes import BenchmarkFailed
from tests.benchmarks.script import task

TITLE = "prefix kept"


def measure(bench: Bench) -> None:
    bench.one_by_one(TITLE, bench.agents, partial(_measure, bench))


def _measure(bench: Bench, agent: Agent) -> None:
    calls = 20 if bench.quick else 60
    name, after = bench.name("prefix"), bench.name("after")
    with bench.ready(agent) as ready:
        printed = ready.run(agent.task(task(name, calls), name)).output
        ready.close()
        ready.open()
        ready.run(agent.resume(f"And what was that? [name={after}]", name, printed))
    requests, resumed = bench.model.requests(name), bench.model.requests(after)
    ends = [n for n, r in enumerate(requests) if not (r.position.evaluating or r.position.left)]
    if not ends or not resumed:
        raise BenchmarkFailed("the task or what was said after it did not reach the model")
    kept = min(_kept(requests[: ends[0] + 1]))
    bench.table.add((TITLE, f"over {calls} calls, least", "%"), agent.name, kept * 100)
    whole = requests[ends[0]].kept_by(resumed[0])
    bench.table.add((TITLE, "by a new process", "%"), agent.name, whole * 100)


def _kept(requests: list[Request]) -> Iterator[float]:
    """For each request but the first, the share it keeps of the one before. A checkpoint's
    requests branch off, so the next one is held against the last of the task itself."""
    last = requests[0]
    for request in requests[1:]:
        yield last.kept_by(request)
        if not request.position.evaluating:
            last = request
