"""Candidates are left out of a share of the sessions they match, through the real daemon."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from skills.lifecycle import withheld
from tests.hermes import Hermes
from tests.model_server import calls
from tests.skill_texts import skill_text
from tests.test_learning_daemon import created, learn
from tests.test_whole_message import connect, oneshot

pytestmark = pytest.mark.slow

SESSIONS = 16
SHARE = 0.5
TEXT = skill_text("brew-tea", "Brew a pot of green tea for visitors. Use when guests come.")


def spoken(hermes: Hermes, session: str) -> list[dict[str, Any]]:
    with sqlite3.connect(f"file:{hermes.home / 'state.db'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT body FROM events WHERE session = ? AND kind = 'UserSpoke' ORDER BY seq",
            (session,),
        ).fetchall()
    database.close()
    return [json.loads(row[0]) for row in rows]


def names(refs: list[dict[str, str]]) -> list[str]:
    return [ref["name"] for ref in refs]


def test_a_session_is_offered_a_candidate_or_not_as_the_function_says(hermes, model_server):
    connect(hermes, model_server, learning={"withhold": SHARE})
    learn(hermes, model_server, created("brew-tea", TEXT))
    model_server.script = calls(1, "skills_search", {"query": "brew tea for guests"})
    held = 0
    for _ in range(SESSIONS):
        report = oneshot(hermes, "some guests come, please brew a pot of tea")
        (said,) = spoken(hermes, report["session"])
        listed = said.get("offered", []) + said.get("withheld", [])
        ref = next(one for one in listed if one["name"] == "brew-tea")
        expected = withheld(report["session"], "brew-tea", ref["version"], SHARE)
        assert (ref in said.get("withheld", [])) == expected
        assert ("brew-tea —" in said["tail"]) != expected
        # What is withheld is not found by its words either.
        found = model_server.runs()[-1].body["messages"][-1]["content"]
        assert ("brew-tea" in found) != expected
        held += expected
    assert 0 < held < SESSIONS


def test_what_is_asked_for_by_name_is_never_withheld(hermes, model_server):
    connect(hermes, model_server, learning={"withhold": 0.9})
    learn(hermes, model_server, created("brew-tea", TEXT))
    model_server.script = calls(0, "shell", {})
    report = oneshot(hermes, "brew tea for guests", "--skills", "brew-tea")
    (said,) = spoken(hermes, report["session"])
    assert names(said["loaded"]) == ["brew-tea"]
    assert "brew-tea" not in names(said.get("withheld", []))
    assert '<skill name="brew-tea"' in said["preface"]
    # Nor when the model loads it by its name.
    model_server.script = calls(1, "skill_view", {"name": "brew-tea"})
    oneshot(hermes, "brew a pot of tea")
    assert "1. Run" in model_server.runs()[-1].body["messages"][-1]["content"]
