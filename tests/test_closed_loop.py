"""The whole loop closed: what is learned saves calls, what harms leaves, off means off."""

from __future__ import annotations

from typing import Any

import pytest

from skills.lifecycle import LEAST
from tests.explorer import HURRY, Explorer, hurry_skill, make_kit
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.model_server import calls as model_calls
from tests.test_whole_message import connect, oneshot

pytestmark = pytest.mark.slow

TASKS = 30
FALL = 0.6
"""The least share by which calls per task fall from the first five tasks to the last five."""


def sit(hermes: Hermes, server: ModelServer, tasks: range) -> list[dict[str, Any]]:
    """Each task in a session of its own; what the program reports of it, and whether the machine
    works."""
    learner = Explorer()
    server.script, server.checkpoint = learner.work, learner.learn
    reports = []
    for number in tasks:
        asked = make_kit(hermes.workspace, number)
        report = oneshot(hermes, asked)
        place = hermes.workspace / f"t{number:02}"
        report["works"] = (place / "done").exists() and not (place / "jammed").exists()
        reports.append(report)
    return reports


def seed_hurry(hermes: Hermes, server: ModelServer) -> None:
    """The learner writes its harmful skill at the checkpoint of an earlier task."""
    asked = make_kit(hermes.workspace, 99)
    server.script = model_calls(15, "shell", {"command": "true"})
    create = {"action": "create", "name": HURRY, "content": hurry_skill()}
    server.checkpoint = lambda number, body: (
        {"tool_calls": [{"name": "skill_manage", "arguments": create}]} if number == 0 else None
    )
    report = oneshot(hermes, asked.replace("brew", "look after"))
    assert [(one["name"], one["status"]) for one in report["learned"]] == [(HURRY, "candidate")]


def calls(reports: list[dict[str, Any]]) -> float:
    return float(sum(report["tool_calls"] for report in reports)) / len(reports)


def works(reports: list[dict[str, Any]]) -> int:
    return sum(report["works"] for report in reports)


def state(hermes: Hermes, name: str) -> str:
    rows = hermes.json("skills", "list")
    return str(next(row["state"] for row in rows if row["name"] == name))


def test_what_is_learned_saves_calls_and_what_harms_leaves(hermes, model_server):
    """First a harmful skill spoils every task, until its own figures put it away; then each kind
    of task is explored once, and followed from then on."""
    connect(hermes, model_server, learning={"withhold": 0})
    seed_hurry(hermes, model_server)
    assert state(hermes, HURRY) == "candidate"
    reports = sit(hermes, model_server, range(TASKS))
    first, last = reports[:5], reports[-5:]
    assert calls(last) <= (1 - FALL) * calls(first), [report["tool_calls"] for report in reports]
    assert works(last) == 5 > works(first)
    assert state(hermes, HURRY) == "quarantined"
    (series,) = hermes.json("skills", "evidence", HURRY)["series"]
    assert series["success_with"] == 0
    assert series["runs_with"] >= LEAST


def test_off_means_off(hermes, model_server):
    """Nothing is written, and the model is asked for nothing but the tasks themselves."""
    connect(hermes, model_server, learning={"mode": "off"})
    reports = sit(hermes, model_server, range(10))
    assert {request.kind for request in model_server.requests} == {"run"}
    # One request for each call, and one for the answer.
    assert len(model_server.requests) == sum(report["tool_calls"] + 1 for report in reports)
    assert not (hermes.home / "skills").exists() or not list((hermes.home / "skills").iterdir())
    assert hermes.json("learning", "list") == []
    assert calls(reports[-5:]) > 5
