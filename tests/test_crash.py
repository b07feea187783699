"""kill -9 at any point: no input is lost, no effect is repeated, nothing is left half said.

HERMES_SOAK=1 makes the 200 kills 1000.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from agent.events import RunResumed, ToolFinished
from hermes_home.paths import Home
from tests import home_checks as check
from tests.busy_model import Evaluations, call, work
from tests.crashing import KINDS
from tests.hermes import Hermes
from tests.model_answers import Answer
from tests.model_server import ModelServer, calls
from tests.patient import Gone, Message, Owner
from tests.test_whole_message import connect

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("HERMES_SOAK"))
KILLS = 1000 if SOAK else 200
SECONDS = 5400 if SOAK else 900
"""The bound on the test with all the kills."""
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


def live(owner: Owner, turns: Turns, point: str, chance: random.Random) -> str:
    """One life of a daemon up to its kill point; where that was."""
    kind = point.partition(":")[0]
    life = owner.start("" if kind == "time" else point)
    timer = threading.Timer(chance.uniform(0.1, 3.0), life.process.kill)
    if kind == "time":
        timer.start()
    with suppress(Gone):
        owner.wait()
        owner.work()
        for _ in range(TURNS):
            owner.say(*turns.next())
        while kind == "time":
            owner.say(*turns.next())
    timer.cancel()
    at_rest = life.alive and kind != "time" and all(message.over for message in owner.messages)
    assert life.end(kill=at_rest) == -9, life.said()
    return "time" if kind == "time" else life.said().rpartition("\n")[2] or "at rest"


@pytest.mark.timeout(SECONDS)
def test_two_hundred_kills_lose_no_input_and_repeat_no_effect(
    hermes: Hermes, model_server: ModelServer, owner: Owner
) -> None:
    connect(hermes, model_server, learning={"checkpoint_every": 5})
    model_server.script, model_server.checkpoint = work, Evaluations()
    home, chance = Home(hermes.home), random.Random(1)
    turns, met = Turns(owner), Counter[str]()
    for point in points(KILLS, seed=2):
        met[live(owner, turns, point, chance)] += 1
    last = owner.wake()
    owner.work()
    owner.stop(last)
    print(f"{sum(met.values())} kills in {turns.number} turns, {owner.parked} parked: {dict(met)}")
    assert {where.partition(":")[0] for where in met} >= {*KINDS, "time"}

    check.check_home(home, [message.input for message in owner.messages])
    check.check_effects(hermes.workspace / "log", check.journal_of(home))
    check.check_shown(owner.shown, check.journal_of(home))
    assert model_server.prefix_breaks() == []
    assert model_server.checkpoint_prefix_ok()


def test_a_tool_that_kills_the_daemon_runs_once_and_the_run_goes_on(
    hermes: Hermes, model_server: ModelServer, owner: Owner
) -> None:
    connect(hermes, model_server, sandbox={"mode": "off"})
    lock = hermes.home / "run" / "daemon.lock"
    command = f"echo once >> log; kill -9 $(cat {lock}); sleep 60"
    model_server.script = calls(1, "shell", {"command": command})
    life = owner.wake()
    with pytest.raises(Gone):
        owner.say(Message(owner.open_session(), "end it", options={"yolo": True}))
    assert life.end() == -9
    life = owner.wake()
    owner.work()
    owner.stop(life)
    assert (hermes.workspace / "log").read_text() == "once\n"
    events = check.check_home(Home(hermes.home), [message.input for message in owner.messages])
    (result,) = [e.event for e in events if isinstance(e.event, ToolFinished)]
    assert result.status == "interrupted"
    assert [e.event.planned for e in events if isinstance(e.event, RunResumed)] == [False]
    assert owner.parked == 0
    told = [m["content"] for m in model_server.runs()[-1].body["messages"] if m["role"] == "tool"]
    assert told == [result.text]
    assert "effect is unknown" in result.text


KILLER = """\
echo once >> log
read -r _ _ _ keeper _ < /proc/$PPID/stat  # our supervisor's parent, who would end us
kill -9 $keeper
for asked in 1 2 3; do
    until [ -e asked-$asked ]; do sleep 0.01; done
    kill -9 $(cat {lock})
done
echo over >> log
"""


def test_a_script_left_behind_that_kills_the_daemon_three_times_runs_once_and_parks_the_run(
    hermes: Hermes, model_server: ModelServer, owner: Owner
) -> None:
    connect(hermes, model_server, sandbox={"mode": "off"})
    (hermes.workspace / "killer").write_text(
        KILLER.format(lock=hermes.home / "run" / "daemon.lock")
    )
    requests = itertools.count()

    def script(number: int, body: object) -> Answer:
        """The call, then three requests in which the daemon dies, then the answer."""
        turn = next(requests)
        if turn == 0:
            return {"tool_calls": [call("shell", command="bash ./killer", background=True)]}
        (hermes.workspace / f"asked-{turn}").touch()
        return {"stall_after": 0} if turn < 4 else {"content": "done"}

    model_server.script = script
    life = owner.wake()
    owner.messages.append(Message(owner.open_session(), "end it for good", options={"yolo": True}))
    for _ in range(3):
        with pytest.raises(Gone):
            owner.work()
        assert life.end() == -9
        life = owner.wake()
    owner.work()
    owner.stop(life)
    assert (hermes.workspace / "log").read_text() == "once\nover\n"
    events = check.check_home(Home(hermes.home), [one.input for one in owner.messages])
    (result,) = [stored.event for stored in events if isinstance(stored.event, ToolFinished)]
    assert result.status == "failed"
    assert owner.parked == 1


def test_a_queued_message_is_heard_wherever_the_daemon_dies_on_its_way_in(
    hermes: Hermes, model_server: ModelServer, owner: Owner
) -> None:
    """Also between the start of its run and its being said, where it is in the queue still."""
    connect(hermes, model_server)
    for number in range(1, 19):
        life = owner.start(f"commit:{number}")
        with suppress(Gone):
            owner.wait()
            owner.say(Message(owner.open_session(), "one after the other", kind="queue"))
        life.end(kill=True)
        life = owner.wake()
        owner.work()
        owner.stop(life)
    check.check_home(Home(hermes.home), [message.input for message in owner.messages])


def test_messages_of_one_moment_are_each_said_once(
    hermes: Hermes, model_server: ModelServer, owner: Owner
) -> None:
    connect(hermes, model_server)
    life = owner.wake()
    for _ in range(10):
        session = owner.open_session()
        owner.say(*(Message(session, word) for word in ("one", "two", "three")))
    owner.stop(life)
    check.check_home(Home(hermes.home), [message.input for message in owner.messages])


def test_a_first_start_killed_anywhere_is_completed_by_the_next(
    hermes: Hermes, owner: Owner
) -> None:
    early = [f"{kind}:{number}" for kind in ("file", "commit", "git") for number in range(1, 8)]
    for point in early if SOAK else early[::2]:
        shutil.rmtree(hermes.home, ignore_errors=True)
        life = owner.start(point)
        with suppress(Gone):
            owner.wait()
            owner.open_session()
        life.end(kill=True)
        life = owner.wake()
        owner.open_session()
        owner.stop(life)
        check.check_home(Home(hermes.home), [])
