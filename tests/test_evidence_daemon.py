"""Evidence through the real daemon: recorded, judged, shown, drawn."""

from __future__ import annotations

import importlib.util
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.bars import LEVELS, MARKS
from gateway.cli.output import width
from tests.chatting_channels import configure, rows
from tests.hermes import Hermes
from tests.loopback_platform import Program
from tests.model_server import ModelServer
from tests.skill_texts import add_skill, skill_text
from tests.test_whole_message import connect, oneshot

pytestmark = pytest.mark.slow

ASKED = "Please pack the quarterly figures for the mill"
BODY = "1. Run `./pack {file} --level 9`.\n\n## Verification\n\n`./unpack -t {file}` exits 0."


def work(*calls: tuple[str, dict[str, Any]], answer: str = "Packed.") -> list[dict[str, Any]]:
    """A run that makes these calls, one a reply."""
    made = [{"tool_calls": [{"name": name, "arguments": words}]} for name, words in calls]
    return [*made, {"content": answer}]


def sh(command: str) -> tuple[str, dict[str, Any]]:
    return "shell", {"command": command}


VIEW = ("skill_view", {"name": "pack"})


@pytest.fixture
def packer(hermes: Hermes, model_server: ModelServer) -> Hermes:
    """A home with a skill that matches ASKED, and a workspace in which it can be followed."""
    connect(hermes, model_server)
    add_skill(
        hermes.home / "skills" / "pack",
        skill_text("pack", "Pack the quarterly figures of the mill.", BODY),
    )
    for name in ("pack", "unpack"):
        (hermes.workspace / name).write_text(f"#!/bin/sh\ntest ! -e {name}.broken\n")
        (hermes.workspace / name).chmod(0o755)
    return hermes


def test_a_skill_offered_loaded_and_followed_has_its_row(packer, model_server):
    check = sh("./unpack -t a.txt")
    model_server.script = [
        *work(VIEW, sh("./pack a.txt --level 9"), check),
        *work(VIEW, sh("ls"), sh("./unpack -l a.txt")),
        *work(sh("ls")),
    ]
    for _ in range(3):
        oneshot(packer, ASKED)
    found = packer.json("skills", "evidence", "pack")
    (one,) = found["series"]
    assert (one["current"], one["model"]) == (True, "scripted")
    assert (one["offered"], one["withheld"], one["apart"]) == (3, 0, 0)
    assert (one["loaded"], one["followed"]) == (2, 1)
    assert one["runs_with"] == one["success_with"] == 1
    assert one["calls_with"] == pytest.approx(7 / 3)
    assert one["tokens_with"] > 0
    told = packer.ok("skills", "evidence", "pack")
    assert one["version"][:7] in told
    assert "1/1" in told
    assert "nothing to compare" in told

    add_skill(
        packer.home / "skills" / "pack",
        skill_text("pack", "Pack the quarterly figures of the mill.", BODY + "\n\nGently."),
    )
    model_server.script = work(VIEW)
    packer.ok("skills", "list")  # reads the disk
    oneshot(packer, ASKED)
    series = packer.json("skills", "evidence", "pack")["series"]
    assert [(one["current"], one["offered"]) for one in series] == [(True, 1), (False, 3)]


def test_a_skill_asked_for_by_name_is_counted_apart(packer, model_server):
    model_server.script = [*work(sh("./pack a.txt --level 9")), *work()]
    packer.ok("chat", "--skills", "pack", "-q", ASKED)
    packer.ok("chat", "-q", f"/pack {ASKED}")
    (one,) = packer.json("skills", "evidence", "pack")["series"]
    assert (one["offered"], one["loaded"], one["apart"]) == (0, 0, 2)


def test_evidence_of_nothing_and_of_nobody(packer):
    assert packer.json("skills", "evidence", "pack")["series"] == []
    assert "no finished run" in packer.run("skills", "evidence", "pack").stderr
    refused = packer.run("skills", "evidence", "pakc")
    assert refused.returncode != 0
    assert "no skill" in refused.stderr


def exported(hermes: Hermes, session: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(hermes.ok("sessions", "export", session))
    return found


def test_good_and_bad_are_the_last_word_on_the_last_run(packer, model_server):
    model_server.script = [*work(sh("./unpack -t a")), *work(sh("false"))]
    session = oneshot(packer, ASKED)["session"]
    assert exported(packer, session)["outcome"] == "unknown"
    told = packer.ok("chat", "-r", session, "-q", "/bad the sums were wrong")
    assert ASKED in told
    assert told.count("\n") == 1
    found = exported(packer, session)
    assert (found["outcome"], found["reward"]["goal_alignment"]) == ("failure", 0.0)
    assert "before: failure by your word" in packer.ok("chat", "-r", session, "-q", "/good")
    found = exported(packer, session)
    assert (found["outcome"], found["reward"]["unknown"]) == ("success", [])
    ((body,),) = rows(
        packer, "SELECT body FROM events WHERE kind = 'RunJudged' ORDER BY seq LIMIT 1"
    )
    judged = json.loads(body)
    assert (judged["good"], judged["by"], judged["reason"]) == (
        False,
        "owner",
        "the sums were wrong",
    )
    (one,) = packer.json("skills", "evidence", "pack")["series"]
    assert (one["runs_with"], one["success_with"]) == (1, 1)
    fresh = packer.run("chat", "-q", "/good")
    assert fresh.returncode != 0
    assert "no run has ended" in fresh.stderr


@pytest.fixture
def program() -> Iterator[Program]:
    with Program() as program:
        yield program


def test_good_in_a_chat_is_the_owners(hermes, program, model_server):
    configure(hermes, program, model_server)
    hermes.ok("daemon", "start")
    for sender, chat in (("u1", "c1"), ("g1", "c7")):
        program.say("hello", sender=sender, chat=chat)
        program.until(lambda chat=chat: len(program.shown(chat)) == 1)
        program.say("/good", sender=sender, chat=chat)
        program.until(lambda chat=chat: len(program.shown(chat)) == 2)
    assert "counts as good" in program.shown("c1")[-1].text
    assert "the owner's" in program.shown("c7")[-1].text
    assert rows(hermes, "SELECT count(*) FROM events WHERE kind = 'RunJudged'") == [(1,)]


# -- stats --------------------------------------------------------------------------------------


def test_runs_over_time_and_the_bill(packer, model_server, tmp_path):
    assert "No run has made a tool call yet" in packer.ok("learning", "stats")
    (packer.workspace / "pack.broken").touch()
    model_server.script = [
        *work(*[sh("ls")] * 5, sh("./unpack -t b"), sh("make check")),
        *work(sh("ls"), sh("./pack a"), sh("true")),
    ]
    first = oneshot(packer, f"{ASKED} in march.csv")
    second = oneshot(packer, f"{ASKED} in april.csv")
    stats = packer.json("learning", "stats")
    (kind,) = stats["kinds"]
    assert [run["session"] for run in kind["runs"]] == [first["session"], second["session"]]
    assert [run["calls"] for run in kind["runs"]] == [7, 3]
    assert [run["outcome"] for run in kind["runs"]] == ["failure", "unknown"]
    cost = stats["cost"]["run"]
    assert cost["requests"] == len(model_server.runs())
    assert cost["total"] == cost["prompt"] + cost["completion"]

    told = packer.ok("learning", "stats")
    assert f"{LEVELS[-1]}{LEVELS[3]}" in told
    assert f"{MARKS['failure']}{MARKS['unknown']}" in told
    assert "7.0 → 3.0" in told
    assert "\x1b" not in told
    assert max(map(width, told.splitlines())) <= 80

    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed")
    picture = tmp_path / "stats.png"
    packer.ok("learning", "stats", "--png", str(picture))
    wide, high = png_size(picture)
    assert wide > 600
    assert high > 400
    refused = packer.run("learning", "stats", "--png", str(tmp_path / "none" / "a.png"))
    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    wide, high = struct.unpack(">II", data[16:24])
    return wide, high


def test_without_matplotlib_the_error_names_the_extra(packer, tmp_path):
    hidden = tmp_path / "hidden" / "matplotlib"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('hidden')")
    packer.environment["PYTHONPATH"] = f"{hidden.parent}:{packer.environment['PYTHONPATH']}"
    refused = packer.run("learning", "stats", "--png", "a.png")
    assert refused.returncode == 2
    assert "hermes-daemon[plots]" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert packer.run("learning", "stats").returncode == 0
