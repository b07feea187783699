"""Writing messages to an agent's own store and finding them again, against bare SQLite."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import partial
from pathlib import Path

from tests.benchmarks.agents import HERE, Agent
from tests.benchmarks.bench import Bench
from tests.benchmarks.processes import run

TITLE = "store"
FLOORS = {
    "write": "sqlite3, as many per commit",
    "bytes": "the text",
    "search": "sqlite3 FTS5, newest first",
}
WORDS = 20_000
SESSION = 200
QUERIES = 20


def measure(bench: Bench) -> None:
    corpus = bench.folder / "corpus.jsonl"
    messages = 1_000 if bench.quick else 100_000
    _write_corpus(corpus, messages)
    bench.one_by_one(TITLE, bench.everyone, partial(_measure, bench, corpus, messages))


def _measure(bench: Bench, corpus: Path, messages: int, agent: Agent) -> None:
    place = bench.place(agent)
    before = _size(place.root)
    command = [str(agent.python), "-P", str(HERE / "store_child.py"), agent.name]
    spent = run([*command, str(place.root / "store"), str(corpus)], place, timeout=900)
    found = json.loads(spent.output.splitlines()[-1])
    size = found["text"] if agent is bench.floor else _size(place.root) - before

    def add(figure: str, unit: str, value: float, floor: str) -> None:
        bench.table.add((TITLE, figure, unit), agent.name, value, floor=FLOORS[floor])

    add("messages written 50 at once and findable", "/s", found["at_once"], "write")
    add("messages written one by one", "/s", found["single"], "write")
    add("bytes per message", "B", size / messages, "bytes")
    for kind in ("frequent", "rare"):
        add(f"{messages:,} messages, {kind} word, p95", "ms", _p95(found[kind]), "search")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _p95(milliseconds: list[float]) -> float:
    return sorted(milliseconds)[int(len(milliseconds) * 0.95)]


def _write_corpus(path: Path, messages: int) -> None:
    """JSON lines: the words to search for, then [session, role, text] in the order of writing.
    Words are as unevenly frequent as in a language; the seed is fixed."""
    chance = random.Random(20261121)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(WORDS)]
    weights = [1 / (rank + 3) for rank in range(WORDS)]
    texts = [chance.choices(words, weights, k=chance.randint(10, 60)) for _ in range(messages)]
    ranked = [word for word, _ in Counter(word for text in texts for word in text).most_common()]
    with path.open("w") as out:
        queries = {"frequent": ranked[:QUERIES], "rare": ranked[-QUERIES:]}
        out.write(json.dumps(queries) + "\n")
        for number, text in enumerate(texts):
            role = "assistant" if number % 2 else "user"
            out.write(json.dumps([f"s{number // SESSION}", role, " ".join(text)]) + "\n")
