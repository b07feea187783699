"""Planned stops, two daemons in one home, and a home that goes away."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent.events import (
    ApprovalRequested,
    CheckpointFinished,
    CheckpointStarted,
    RunFinished,
    RunParked,
    RunResumed,
    RunSuspended,
    Stored,
)
from hermes_home.paths import Home
from tests import home_checks as check
from tests.busy_model import Evaluations, call, work
from tests.hermes import Hermes
from tests.model_answers import Answer
from tests.model_server import EVALUATION, ModelServer, results_since_answer
from tests.patient import PATIENCE, Gone, Life, Message, Owner
from tests.test_crash import SOAK, Turns
from tests.test_whole_message import connect

pytestmark = pytest.mark.slow

STOPS = 100 if SOAK else 10

BUSY = ("stream", "tool", "approval", "evaluation", "calls")
"""What each of five sessions is in the middle of when the daemon stops."""


class Busy:
    """A model that keeps each session at its own thing until it is told to `finish`."""

    def __init__(self) -> None:
        self.finish = False
        self.asked: set[str] = set()
        self.changed = threading.Condition()

    def __call__(self, number: int, body: Mapping[str, Any]) -> Answer:
        what = body["messages"][1]["content"].split()[0]
        done = results_since_answer(body["messages"])
        self._saw(what)
        if self.finish and (what != "evaluation" or done >= 5):
            return {"content": f"{what} is done"}
        if what == "stream":
            return {"content": "a long text", "stall_after": 2}
        return {"tool_calls": [self._call(what, done)]}

    def _call(self, what: str, done: int) -> dict[str, Any]:
        if what == "tool":
            return call("shell", command=f"echo {what}{done} >> log; sleep 600")
        if what == "approval":
            return call("shell", command=f"echo {what}{done} >> log", outside=True)
        return call("shell", command=f"echo {what}{done} >> log")

    def evaluate(self, number: int, body: Mapping[str, Any]) -> Answer:
        what = body["messages"][1]["content"].split()[0]
        if what != "evaluation" or self.finish:
            return {"tool_calls": [call("evaluate", **EVALUATION)]}
        self._saw("evaluating")
        return {"stall_after": 0}

    def _saw(self, what: str) -> None:
        with self.changed:
            self.asked.add(what)
            self.changed.notify_all()

    def wait(self, *wanted: str) -> None:
        """Until all of this was asked for since the last time."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.asked >= set(wanted), PATIENCE), self.asked
            self.asked.clear()


def submit(owner: Owner, *messages: Message) -> None:
    """Say these and do not wait for what comes of them."""
    owner.messages += messages
    owner.submit()


def terminate(hermes: Hermes, life: Life) -> None:
    life.process.terminate()


def command(hermes: Hermes, life: Life) -> None:
    assert hermes.json("daemon", "stop")["stopped"] is True


def of(events: list[Stored], kind: type[Any], session: str) -> list[Any]:
    return [e.event for e in events if e.session == session and isinstance(e.event, kind)]


def test_five_busy_sessions_go_on_after_planned_stops_and_none_is_a_crash(
    hermes: Hermes, model_server: ModelServer, owner: Owner
) -> None:
    connect(hermes, model_server, learning={"checkpoint_every": 5})
    busy = Busy()
    model_server.script, model_server.checkpoint = busy, busy.evaluate
    life = owner.wake()
    sessions = {what: owner.open_session() for what in BUSY}
    submit(owner, *(Message(session, f"{what} please") for what, session in sessions.items()))
    busy.wait(*BUSY, "evaluating")
    owner.until(sessions["approval"], "ApprovalRequested")
    for number, stop in enumerate((terminate, command, terminate), 1):
        owner.until(sessions["tool"], "ToolStarted", number)
        stop(hermes, life)
        assert life.end() == 0, life.said()
        busy.asked.clear()  # what is asked from here on was asked by the next daemon
        life = owner.wake()
        for session in sessions.values():
            owner.until(session, "RunResumed", number)
        busy.wait("stream", "calls", "evaluating")
    owner.until(sessions["tool"], "ToolStarted", number + 1)  # else the next daemon starts it
    owner.stop(life)
    busy.finish = True

    life = owner.wake()
    asked = owner.until(sessions["approval"], "ApprovalRequested")
    owner.ask(
        "POST",
        f"/api/sessions/{sessions['approval']}/inputs",
        {"kind": "decision", "call_id": asked["call_id"], "allow": True},
    )
    owner.work()
    owner.stop(life)

    events = check.check_home(Home(hermes.home), [message.input for message in owner.messages])
    check.check_effects(hermes.workspace / "log", events)
    assert model_server.prefix_breaks() == []
    for session in sessions.values():
        assert [event.planned for event in of(events, RunResumed, session)] == [True] * 4
        assert len(of(events, RunSuspended, session)) == 4
        assert of(events, RunParked, session) == []
    assert len(of(events, ApprovalRequested, sessions["approval"])) == 1
    assert len(of(events, CheckpointStarted, sessions["evaluation"])) == 5
    (ended,) = of(events, CheckpointFinished, sessions["evaluation"])
    assert ended.status == "done"
    (finished,) = of(events, RunFinished, sessions["evaluation"])
    assert finished.checkpoints == 1


def test_a_planned_stop_at_any_moment_is_no_crash(
    hermes: Hermes, model_server: ModelServer, owner: Owner
) -> None:
    connect(hermes, model_server, learning={"checkpoint_every": 5})
    model_server.script, model_server.checkpoint = work, Evaluations()
    chance = random.Random(3)
    turns = Turns(owner)
    for _ in range(STOPS):
        life = owner.start()
        with suppress(Gone):
            owner.wait()
            timer = threading.Timer(chance.uniform(0.0, 1.5), life.process.terminate)
            timer.start()
            owner.work()
            while True:
                owner.say(*turns.next())
        life.end()
        timer.join()
        assert life.process.exitcode == 0
    life = owner.wake()
    owner.work()
    owner.stop(life)
    events = check.check_home(Home(hermes.home), [message.input for message in owner.messages])
    check.check_effects(hermes.workspace / "log", events)
    kinds = Counter(type(stored.event).__name__ for stored in events)
    assert kinds["RunSuspended"] == kinds["RunResumed"] > 0
    assert {s.event.planned for s in events if isinstance(s.event, RunResumed)} == {True}
    assert owner.parked == 0
    assert model_server.prefix_breaks() == []


def test_a_second_daemon_exits_with_75_and_the_first_is_undisturbed(hermes: Hermes) -> None:
    first = hermes.json("daemon", "start")["pid"]
    second = subprocess.run(
        [sys.executable, "-m", "gateway.daemon"],
        env=hermes.environment,
        cwd=hermes.workspace,
        timeout=PATIENCE,
        check=False,
    )
    assert second.returncode == 75
    assert hermes.json("daemon", "status")["pid"] == first == hermes.daemon_pid()


def test_twenty_clients_racing_in_a_fresh_home_start_one_daemon(hermes: Hermes) -> None:
    clients = [hermes.spawn("daemon", "start", "--json") for _ in range(20)]
    answers = [client.communicate(timeout=PATIENCE) for client in clients]
    assert {client.returncode for client in clients} == {0}, answers
    assert {json.loads(told)["pid"] for told, _ in answers} == {hermes.daemon_pid()}
    assert (hermes.home / "logs" / "daemon.log").read_text().count("serving") == 1


@pytest.mark.parametrize("working", [False, True])
def test_a_daemon_whose_home_is_gone_leaves(
    hermes: Hermes, model_server: ModelServer, owner: Owner, tmp_path: Path, working: bool
) -> None:
    connect(hermes, model_server)
    busy = Busy()
    model_server.script = busy
    life = owner.wake()
    session = owner.open_session()
    if working:
        submit(owner, Message(session, "tool please"))
        owner.until(session, "ToolStarted")
    away = tmp_path / "away"
    hermes.home.rename(away)
    while away.exists():  # a git under way may still put something into it
        shutil.rmtree(away, ignore_errors=True)
    assert life.end() == 0, life.said()
    assert not hermes.home.exists()
    assert not os.path.lexists(away)
