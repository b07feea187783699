"""What one more tool call costs the agent itself, and whether that grows with the conversation.

Once with a shell command per call, once with a file read, where no process is started.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from statistics import median

from tests.benchmarks.bench import Bench, Ready
from tests.benchmarks.model import Request
from tests.benchmarks.processes import BenchmarkFailed, Spent
from tests.benchmarks.script import task

TITLE = "tool calls"
FLOOR = "a loop of 50 lines"
SIZES = (15, 60, 200)
QUICK = (5, 10, 20)


def measure(bench: Bench) -> None:
    rounds = 1 if bench.quick else 2
    for tool in ("shell", "read"):
        bench.interleaved(f"{TITLE}, {tool}", rounds, partial(_once, bench, tool))


def _once(bench: Bench, tool: str, ready: Ready) -> None:
    sizes = QUICK if bench.quick else SIZES
    played = [_play(bench, tool, size, ready) for size in sizes]
    cpu = [spent.cpu * 1000 for spent, _ in played]
    title, who = f"{TITLE}, {tool}", ready.agent.name

    def add(figure: str, unit: str, value: float) -> None:
        bench.table.add((title, figure, unit), who, value, floor=FLOOR)

    for (few, less), (many, more) in pairwise(zip(sizes, cpu, strict=True)):
        add(f"CPU per call, {few} to {many}", "ms", (more - less) / (many - few))
    gaps = _gaps(played[-1][1])
    tenth = len(gaps) // 10
    add("reply to next request, first tenth", "ms", median(gaps[:tenth]))
    add("reply to next request, last tenth", "ms", median(gaps[-tenth:]))


def _play(bench: Bench, tool: str, size: int, ready: Ready) -> tuple[Spent, list[Request]]:
    """Carry out a script of `size` calls; every result has to hold what its step brings."""
    name = bench.name(f"{tool}-{size}")
    text = task(name, size, tool, str(ready.place.workspace))
    spent = ready.run(ready.agent.task(text, name))
    requests = bench.model.requests(name)
    last = max((r.position for r in requests), key=lambda position: len(position.results))
    if len(last.results) < size or last.wrong:
        raise BenchmarkFailed(f"{len(last.results)} of {size} calls, {last.wrong} wrong results")
    return spent, requests


def _gaps(requests: list[Request]) -> list[float]:
    """Milliseconds from the end of each reply that asked for a tool to the next request."""
    return [(b.received - a.done) * 1000 for a, b in pairwise(requests) if "tool_calls" in a.reply]
