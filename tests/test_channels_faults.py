"""500 turns in 50 chats on a platform that floods, loses answers, forgets ids and cuts edits:
every answer is seen whole, and nothing is seen twice without saying so."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from functools import partial
from typing import Any

import pytest

from gateway.chats.delivery import AGAIN
from tests.chatting_channels import configure, rows
from tests.hermes import Hermes
from tests.loopback_platform import Program
from tests.model_server import ModelServer

pytestmark = pytest.mark.slow

CHATS, TURNS = 50, 10


def answer(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """Every third is written slowly enough for a draft to be seen."""
    turn = body["messages"][-1]["content"].split()[0]
    slow = int(turn.rpartition("-")[2]) % 3 == 0
    text = f"{turn} {'lorem ipsum ' * 8}end"
    return {"content": text, "pause": 0.7 if slow else 0}


class Weather:
    """Faults for about a third of all requests. A message that vanishes without a word does so
    once; what is accepted and not confirmed may be twice."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._had: dict[str, Counter[str]] = defaultdict(Counter)
        self.met: Counter[str] = Counter()
        self.calm = False

    def __call__(self, method: str, target: str, body: dict[str, Any]) -> str:
        if self.calm or method not in ("POST", "PUT") or "/messages" not in target:
            return ""
        with self._lock:
            if self._chance.random() > 0.35:
                return ""
            had = self._had[body.get("key", target)]
            kinds = ["lost", "cut", *(["flood", "fail", "mute"] if method == "POST" else [])]
            kind = self._chance.choice(kinds)
            if had[kind] or (kind == "cut" and had["lost"]) or (kind == "lost" and had["cut"]):
                return ""
            had[kind] += 1
            self.met[f"{method} {kind}"] += 1
            return kind


@pytest.mark.timeout(400)
def test_five_hundred_turns_in_bad_weather(hermes: Hermes, model_server: ModelServer) -> None:
    model_server.script = answer
    weather = Weather(5)
    with Program() as program:
        configure(hermes, program, model_server)
        hermes.ok("daemon", "start")
        program.misbehave = weather
        for turn in range(TURNS):
            for chat in range(CHATS):
                program.say(f"t-{chat}-{turn}", chat=f"c{chat}")
            program.until(partial(_answered, hermes, (turn + 1) * CHATS), 120)
        waiting = "SELECT count(*) FROM outbox WHERE state <> 'final'"
        program.until(lambda: rows(hermes, waiting) == [(0,)], 120)
        print(dict(weather.met))
        assert len(weather.met) == 7
        assert rows(hermes, "SELECT count(*) FROM outbox WHERE failed <> ''") == [(0,)]
        for chat in range(CHATS):
            _check(program, chat)


def _answered(hermes: Hermes, count: int) -> bool:
    finished = rows(hermes, "SELECT count(*) FROM events WHERE kind = 'RunFinished'")
    return int(finished[0][0]) >= count


def _check(program: Program, chat: int) -> None:
    texts = [one.text for one in program.shown(f"c{chat}")]
    for turn in range(TURNS):
        mine = [text for text in texts if f"t-{chat}-{turn} " in text]
        fresh = [text for text in mine if not text.startswith(AGAIN)]
        assert len(fresh) <= 1, mine
        assert any(text.endswith("end") for text in mine), mine
    order = [text.split("t-")[1].split()[0] for text in texts if "t-" in text]
    firsts = list(dict.fromkeys(order))
    assert firsts == sorted(firsts, key=lambda one: int(one.split("-")[1]))
