"""python -m tests.benchmarks: measure this repository beside its peers, print one table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import (
    api,
    batch,
    client_start,
    idle,
    prefix,
    prompt_size,
    say_hi,
    skills,
    store,
    tool_calls,
)
from tests.benchmarks.agents import Agent, Hermes
from tests.benchmarks.bench import Bench
from tests.benchmarks.model import Model
from tests.benchmarks.peers import ALL_PEERS, Peer
from tests.benchmarks.processes import adopt_orphans, reap_orphans
from tests.benchmarks.table import Table

MEASURES = {
    "start": client_start.measure,
    "hello": say_hi.measure,
    "calls": tool_calls.measure,
    "prompt": prompt_size.measure,
    "prefix": prefix.measure,
    "idle": idle.measure,
    "store": store.measure,
    "skills": skills.measure,
    "api": api.measure,
    "batch": batch.measure,
}
QUICK_MEANS = "sizes that only show that everything works; the figures mean nothing"


def main(arguments: list[str]) -> None:
    options = _options(arguments)
    peers = [peer for peer in ALL_PEERS if peer.name in options.peers]
    agents: list[Agent] = [Hermes(), *(peer for peer in peers if not peer.missing())]
    table = Table([agent.name for agent in agents], notes=[_machine(), *map(_presence, peers)])
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Model() as model:
        bench = Bench(model, Path(folder), agents, table, options.quick)
        for name in options.only or MEASURES:
            begun = time.monotonic()
            MEASURES[name](bench)
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
            model.log.clear()
    reap_orphans()
    print(table.markdown())
    if options.json:
        options.json.write_text(json.dumps(table.json(), indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(table.markdown())


def _machine() -> str:
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    return f"Python {platform.python_version()}, {system}"


def _presence(peer: Peer) -> str:
    why = peer.missing()
    return f"{peer.name} was left out: {why}" if why else f"{peer.name} {peer.installed()}"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = [peer.name for peer in ALL_PEERS]
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="MEASURE")
    parser.add_argument("--peers", nargs="*", choices=names, default=names, metavar="PEER")
    parser.add_argument("--quick", action="store_true", help=QUICK_MEANS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="all samples")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
