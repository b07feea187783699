"""One short answer on a terminal, with the daemon up where there is one."""

from __future__ import annotations

from tests.benchmarks.bench import Bench, Ready, hello

TITLE = "say hi"
FLOOR = "python, one socket round trip"


def measure(bench: Bench) -> None:
    def once(ready: Ready) -> None:
        name, who = bench.name("hi"), ready.agent.name
        spent = ready.run(ready.agent.hello(hello(name), name))
        bench.table.add((TITLE, "wall", "ms"), who, spent.wall * 1000, floor=FLOOR)
        bench.table.add((TITLE, "CPU", "ms"), who, spent.cpu * 1000, floor=FLOOR)

    bench.interleaved(TITLE, 2 if bench.quick else 10, once)
