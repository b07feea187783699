"""kill -9 at any point, planned stops, two daemons, a home that goes: nothing is lost or run twice.

In `make test` the 200 kills take three to four minutes on two cores; HERMES_SOAK=1 makes it 2000.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hermes_home.paths import Home
from tests import home_checks as check
from tests.busy_model import Evaluations, work
from tests.crashing import KINDS
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.patient import Gone, Life, Message, Owner
from tests.test_whole_message import connect

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("HERMES_SOAK"))
KILLS = int(os.environ.get("N", 200))
SECONDS = 7200 if SOAK else 900
"""The bound on all of one test."""
TURNS = 3
"""A daemon that has not met its point after so many turns is killed at rest."""
SESSION_TURNS = 5

REACH = {"commit": 180, "send": 140, "spawn": 40, "file": 60, "git": 30, "change": 12, "time": 0}
"""Up to which point of a kind a daemon may live: about what there is in two turns."""


def points(count: int, seed: int) -> Iterator[str]:
    """Kill points of every kind in turn, early and late ones."""
    chance = random.Random(seed)
    kinds = [*KINDS, "commit", "commit", "send", "time"]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        early = chance.random() < 0.5
        reach = REACH[kind] // 5 if early else REACH[kind]
        yield f"{kind}:{chance.randint(1, max(1, reach))}"


class Turns:
    """What the owner says: to one session, to two at once, twice at once, in a queue."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._sessions: list[str] = []
        self.number = 0

    def next(self) -> list[Message]:
        if self.number % SESSION_TURNS == 0:
            self._sessions = []
        while len(self._sessions) < 2:
            self._sessions.append(self._owner.open_session())
        self.number += 1
        one, two = self._sessions
        task = f"task t{self.number}"
        return [
            [Message(one, task)],
            [Message(one, task), Message(two, f"{task}x")],
            [Message(one, task), Message(one, f"{task}x")],
            [Message(two, task, kind="queue")],
        ][self.number % 4]


def live(hermes: Hermes, owner: Owner, turns: Turns, point: str, chance: random.Random) -> str:
    """One life of a daemon up to its kill point; where that was."""
    kind = point.partition(":")[0]
    life = Life(hermes, "never" if kind == "time" else point)
    timer = threading.Timer(chance.uniform(0.1, 3.0), life.process.kill)
    if kind == "time":
        timer.start()
    with suppress(Gone):
        owner.wait(life)
        owner.work()
        for _ in range(TURNS):
            owner.say(*turns.next())
        while kind == "time":
            owner.say(*turns.next())
    timer.cancel()
    where = life.end(kill=life.alive and kind != "time" and _at_rest(owner))
    assert life.process.returncode == -9, where
    return "time" if kind == "time" else where.strip() or "at rest"


def _at_rest(owner: Owner) -> bool:
    return all(message.over for message in owner.messages)


@pytest.mark.timeout(SECONDS)
def test_two_hundred_kills_lose_no_input_and_repeat_no_effect(
    hermes: Hermes, model_server: ModelServer
) -> None:
    connect(hermes, model_server, learning={"checkpoint_every": 5})
    model_server.script, model_server.checkpoint = work, Evaluations()
    home, owner, chance = Home(hermes.home), Owner(hermes), random.Random(1)
    turns, met = Turns(owner), Counter[str]()
    for point in points(KILLS, seed=2):
        met[live(hermes, owner, turns, point, chance)] += 1
    last = Life(hermes)
    owner.wait(last)
    owner.work()
    owner.ask("POST", "/api/daemon/stop")
    last.end()
    assert last.process.returncode == 0
    print(sum(met.values()), turns.number, owner.parked, len(model_server.requests), dict(met))

    events = check.journal_of(home)
    check.check_runs(events)
    check.check_calls(events)
    check.check_inputs(home, events, [message.input for message in owner.messages])
    check.check_effects(hermes.workspace / "log", events)
    check.check_changes(home, events)
    check.check_history(home)
    check.check_leftovers(home)
    check.check_index(home)
    assert model_server.prefix_breaks() == []
    assert model_server.checkpoint_prefix_ok()
