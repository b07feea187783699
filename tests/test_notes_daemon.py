"""The notes through the real daemon: commands, what a session is told, what its search finds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model_server import calls
from tests.test_learning_daemon import first_message, learn, noted
from tests.test_whole_message import connect, oneshot

pytestmark = pytest.mark.slow


def rows(hermes: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hermes.json("memory", "show")["memory"]
    return found


def test_a_newer_claim_supersedes_and_the_history_says_so(hermes, model_server):
    connect(hermes, model_server)
    assert "add memory: active" in hermes.ok("memory", "add", "The deploy branch is main.")
    again = hermes.ok("memory", "add", "deploy branch: MAIN")
    assert again == "nothing changed: the notes say that already\n"
    said = hermes.ok("memory", "add", "The deploy branch is release.")
    assert said.startswith("supersede memory: active")
    assert said.endswith("\n-The deploy branch is main.\n+The deploy branch is release.\n")
    newer, older = hermes.json("memory", "history")
    assert (newer["replaces"], older["replaced_by"]) == (older["id"], newer["id"])
    of_older = hermes.ok("learning", "show", str(older["id"]))
    assert f"it was replaced or removed by change {newer['id']}" in of_older
    history = hermes.ok("memory", "history")
    assert f"  supersede {older['id']}  active" in history
    assert f"  replaced by {newer['id']}  The deploy branch is main." in history
    shown = hermes.ok("learning", "show", str(newer["id"]))
    assert "-The deploy branch is main." in shown
    assert "+The deploy branch is release." in shown
    (row,) = rows(hermes)
    assert (row["change"], row["learned_at"]) == (newer["id"], newer["at"])
    told = first_message(hermes, model_server)
    assert "- The deploy branch is release." in told
    assert "deploy branch is main" not in told


def test_the_history_says_of_each_entry_what_became_of_it(hermes):
    hermes.ok("memory", "add", "Tea is in the tin.")
    told = hermes.ok("memory", "remove", "tin")
    assert told.endswith("\n-Tea is in the tin.\n")
    removal, added = hermes.json("memory", "history")
    history = hermes.ok("memory", "history")
    assert f"  remove {added['id']}  active" in history
    assert f"  removed by {removal['id']}  Tea" in history
    hermes.ok("learning", "undo", str(removal["id"]))
    (line,) = (one for one in hermes.ok("memory", "history").splitlines() if "  add  " in one)
    assert "  active  " in line


def test_notes_of_a_folder_are_told_there_and_expired_ones_nowhere(hermes, model_server):
    connect(hermes, model_server)
    hermes.ok("memory", "add", "Run make before lunch.", "--here")
    hermes.ok("memory", "add", "The lift is broken. (until 2020-01-31)")
    hermes.ok("memory", "add", "Elsewhere it rains. (in /srv/elsewhere)")
    here, past, elsewhere = rows(hermes)
    assert (here["place"], past["until"], past["expired"]) == (
        here["text"].partition("(in ")[2].rstrip(")"),
        "2020-01-31",
        True,
    )
    assert "[expired]" in hermes.ok("memory", "show")
    told = first_message(hermes, model_server)
    assert "notes (1 of 2; session_search finds the rest):" in told
    assert here["text"] in told
    assert "lift" not in told
    assert elsewhere["text"] not in told


def test_a_run_finds_what_its_prompt_does_not_show(hermes, model_server):
    connect(hermes, model_server, memory={"memory_chars": 0})
    hermes.ok("memory", "add", "The mill in Lisbon sends its figures on Fridays.")
    model_server.script = calls(1, "session_search", lambda n: {"query": "mill figures"})
    oneshot(hermes, "find out")
    body = model_server.runs()[-1].body
    result = next(message for message in body["messages"] if message["role"] == "tool")
    assert result["content"].startswith("MEMORY.md: The mill in Lisbon sends")
    assert "notes: none of 1 told here; session_search finds them" in body["messages"][1]["content"]


def test_what_the_owner_says_himself_needs_no_more_proof(hermes, model_server):
    connect(hermes, model_server)
    found = "The figures come from the mill on Fridays."
    learn(hermes, model_server, noted(found))
    (row,) = rows(hermes)
    assert row["status"] == "candidate"
    hermes.ok("memory", "add", found)
    (row,) = rows(hermes)
    assert row["status"] == "active"
    assert found in first_message(hermes, model_server)
