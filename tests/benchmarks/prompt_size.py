"""What every request carries before a word was said: the system text, the tools, and the rest."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.agents import Agent
from tests.benchmarks.bench import Bench, hello

TITLE = "fixed prompt"


def measure(bench: Bench) -> None:
    for skills in (0, 20 if bench.quick else 1000):
        bench.one_by_one(TITLE, bench.agents, partial(_measure, bench, skills))


def _measure(bench: Bench, skills: int, agent: Agent) -> None:
    name = bench.name("prompt")
    text = hello(name)
    with bench.ready(agent, skills) as ready:
        ready.run(agent.hello(text, name))
    request = bench.model.requests(name)[0]
    figure = f"with {skills:,} skills of one's own" if skills else "all but the user's words"
    bench.table.add((TITLE, figure, "B"), agent.name, request.size - len(text))
    if not skills:
        bench.table.add((TITLE, "of it the tools", "B"), agent.name, request.tools_bytes)
        bench.table.add((TITLE, "of it the system text", "B"), agent.name, request.system_bytes)
