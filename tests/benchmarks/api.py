"""Chats over the HTTP API: 50 at once, each a new conversation, a model that answers at once."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.benchmarks.agents import Agent
from tests.benchmarks.bench import Bench
from tests.benchmarks.processes import run, start

TITLE = "API, 50 chats at once"
FLOOR = "asyncio, one request to the model"
CLIENT = Path(__file__).with_name("api_client.py")
AT_ONCE = 50


def measure(bench: Bench) -> None:
    bench.one_by_one(TITLE, bench.everyone, partial(_measure, bench))


def _measure(bench: Bench, agent: Agent) -> None:
    seconds = 1.0 if bench.quick else 15.0
    place = bench.place(agent)
    server = agent.api(place)
    daemon = start(server.command, place, server.address)
    try:
        ask = [sys.executable, "-I", str(CLIENT), json.dumps(asdict(server))]
        run([*ask, "1", "1"], place)
        before = daemon.cpu()
        told = json.loads(run([*ask, str(AT_ONCE), str(seconds)], place).output)
        held = daemon.held()
    finally:
        daemon.stop()
    walls = sorted(told["walls"])
    answered = len(walls)

    def add(figure: str, unit: str, value: float) -> None:
        bench.table.add((TITLE, figure, unit), agent.name, value, floor=FLOOR)

    if answered:
        add("answered", "/s", answered / told["seconds"])
        add("median", "ms", statistics.median(walls) * 1000)
        add("p95", "ms", walls[int(answered * 0.95)] * 1000)
        add("CPU per chat", "ms", (held.cpu - before) / answered * 1000)
    add("errors", "", told["errors"])
    add("memory after, RSS", "MB", held.rss / 1e6)
