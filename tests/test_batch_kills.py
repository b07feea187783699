"""A batch whose workers and whose parent are killed: every prompt has one result, and nothing that
was done is done again."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.hermes import Hermes
from tests.model_server import ModelServer, results_since_answer

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("HERMES_SOAK"))
PROMPTS, WORKERS, KILLS = (1_000, 4, 20) if SOAK else (24, 2, 4)
CALLS = 5
PATIENCE = 120.0


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    """Where each call leaves a line, for each prompt in a file: outside of all workspaces, so
    that no attempt begins with an empty one."""
    folder = tmp_path / "effects"
    folder.mkdir()
    return folder


@pytest.fixture
def batch(hermes: Hermes, effects: Path, model_server: ModelServer) -> Batch:
    hermes.home.mkdir()
    config = {"sandbox": {"write": [str(effects)]}, "learning": {"mode": "off"}}
    (hermes.home / "config.yaml").write_text(json.dumps(config))
    model_server.script = routine(effects)
    return Batch(hermes, model_server.url)


def routine(effects: Path) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    """Five calls, each of which leaves its number, then an answer."""

    def answer(number: int, body: dict[str, Any]) -> dict[str, Any]:
        asked = next(one["content"] for one in body["messages"] if one["role"] == "user")
        done = results_since_answer(body["messages"])
        if done == CALLS:
            return {"content": "done"}
        command = f"echo {done} >> {effects / asked.split()[1]}"
        return {"tool_calls": [{"name": "shell", "arguments": {"command": command}}]}

    return answer


class Batch:
    """The command, and what is found of it from outside."""

    def __init__(self, hermes: Hermes, url: str) -> None:
        self.hermes = hermes
        self.folder = hermes.workspace / "out"
        self.input = hermes.workspace / "prompts.jsonl"
        self.url = url
        self.process: subprocess.Popen[str] | None = None

    def write(self, count: int) -> list[str]:
        ids = [f"t{number:04d}" for number in range(count)]
        rows = [json.dumps({"id": id, "prompt": f"routine {id}"}) for id in ids]
        self.input.write_text("\n".join(rows) + "\n")
        return ids

    def words(self, *more: str) -> list[str]:
        return [
            *("batch", "--input", str(self.input), "--checkpoint", str(self.folder)),
            *("--workers", str(WORKERS), "--base-url", self.url, "--model", "m", "--resume"),
            *more,
        ]

    def start(self, *more: str) -> subprocess.Popen[str]:
        with (self.hermes.workspace / "batch.log").open("a") as log:
            self.process = self.hermes.spawn(*self.words(*more), stdout=log, stderr=log)
        return self.process

    def said(self) -> str:
        return (self.hermes.workspace / "batch.log").read_text()[-3_000:]

    def done(self) -> int:
        return len(list(self.folder.glob("session_*.json")))

    def workers(self) -> list[int]:
        """The processes of the workers that are alive."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def until(self, done: int) -> bool:
        """Wait for so many results, with a worker at work; False if the batch ended before."""
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE
        while self.done() < done or not self.workers():
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.01)
        return True


def test_killed_workers_and_parents_lose_nothing_and_double_nothing(
    batch: Batch, effects: Path
) -> None:
    ids = batch.write(PROMPTS)
    chance = random.Random(5)
    process = batch.start()
    for kill in range(KILLS):
        goal = PROMPTS * (kill + 1) // (KILLS + 2)
        assert batch.until(goal), f"it ended before kill {kill}"
        time.sleep(chance.random() * 0.2)
        if kill % 2:
            _kill(process.pid)
            process.wait()
            process = batch.start()
        else:
            _kill(chance.choice(batch.workers()))
    assert process.wait(PATIENCE * (10 if SOAK else 1)) == 0, batch.said()

    rows = rows_of(batch.folder, "SELECT id, state, attempt FROM prompts")
    assert Counter(row[1] for row in rows) == {"done": PROMPTS}
    assert sorted(row[0] for row in rows) == ids
    assert {row[2] for row in rows} == {1}, "a prompt was begun anew"
    for id in ids:
        told = json.loads((batch.folder / f"session_{id}.json").read_text())
        calls = [call for step in told["trajectory"] for call in step["tool_calls"]]
        assert [told["task"], told["prompt"]["reason"], len(calls)] == [f"routine {id}", "done", 5]
        assert all(call["observation"] is not None for call in calls)
        left = (effects / id).read_text().split() if (effects / id).exists() else []
        assert len(left) == len(set(left)), f"{id}: a call was made twice: {left}"
        cut = [call for call in calls if call["error"]]
        assert len(left) >= CALLS - len(cut), f"{id}: a call was lost"
    assert len(list(batch.folder.glob("session_*"))) == PROMPTS
    assert not list((batch.folder / "workspaces").iterdir())


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def rows_of(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{folder}/ledger.db?mode=ro", uri=True)) as reader:
        return reader.execute(query).fetchall()
