"""One message through the whole program: command, daemon, model on loopback, tools, journal."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from skills_ref import validate

from tests.hermes import Hermes
from tests.model_server import EVALUATION, ModelServer, calls

pytestmark = pytest.mark.slow

SKILL = """\
---
name: count-lines
description: Count the lines of every text file in a folder. Use when asked how long files are.
---

# Count lines

1. Run `wc -l *.txt`.
2. Report the numbers.
"""


def connect(hermes: Hermes, server: ModelServer, **settings: Any) -> None:
    """A home whose model is the server."""
    hermes.home.mkdir(parents=True, exist_ok=True)
    model = {"provider": "openai_chat", "default": "scripted", "base_url": server.url}
    text = json.dumps({"model": model, **settings})
    (hermes.home / "config.yaml").write_text(text)


def echo(number: int) -> dict[str, str]:
    return {"command": f"echo call {number}"}


def oneshot(hermes: Hermes, text: str, *more: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(hermes.ok("-z", text, "--json", *more))
    return result


def test_forty_seven_calls_in_one_turn_give_exactly_three_checkpoints(hermes, model_server):
    connect(hermes, model_server)
    model_server.script = calls(47, "shell", echo)
    report = oneshot(hermes, "carry on")
    assert report["tool_calls"] == 47
    assert report["checkpoints"] == model_server.checkpoints == 3
    kinds = [request.kind for request in model_server.requests]
    runs_before = [kinds[:at].count("run") for at, kind in enumerate(kinds) if kind != "run"]
    assert runs_before == [15, 30, 45]
    assert report["outcome"] == "done"
    assert report["answer"] == "done"


def test_eight_calls_a_restart_and_seven_more_give_exactly_one(hermes, model_server):
    connect(hermes, model_server)
    model_server.script = calls(8, "shell", echo)
    session = oneshot(hermes, "first half")["session"]
    assert model_server.checkpoints == 0
    hermes.ok("daemon", "stop")
    model_server.script = calls(7, "shell", echo)
    hermes.ok("chat", "-r", session, "-q", "second half")
    assert model_server.checkpoints == 1


def test_one_shot_and_chat_behave_alike(hermes, model_server):
    connect(hermes, model_server)
    model_server.script = calls(16, "shell", echo)
    oneshot(hermes, "the task")
    hermes.ok("chat", "-q", "the task")
    first, second = [
        [json.dumps(r.body["messages"][-1])[:30] for r in model_server.requests[start : start + 18]]
        for start in (0, 18)
    ]
    assert first == second
    assert model_server.checkpoints == 2


def test_every_request_is_a_prefix_of_the_next_also_in_a_new_process(hermes, model_server):
    connect(hermes, model_server)
    model_server.script = calls(30, "shell", echo)
    session = oneshot(hermes, "first thirty")["session"]
    hermes.ok("daemon", "stop")
    (hermes.home / "memories" / "MEMORY.md").write_text("a note made meanwhile\n")
    hermes.ok("chat", "-r", session, "-q", "and thirty more")
    assert len(model_server.runs()) == 62
    assert model_server.prefix_breaks() == []
    assert model_server.checkpoint_prefix_ok()
    assert model_server.checkpoints == 4


def test_a_killed_daemon_goes_on_with_the_run_and_repeats_no_effect(hermes, model_server):
    connect(hermes, model_server)
    log = hermes.workspace / "log.txt"
    model_server.script = calls(
        12, "shell", lambda n: {"command": f"echo {n} >> log.txt; sleep .1"}
    )
    asked = hermes.spawn("chat", "-q", "write the log")
    while not log.exists() or len(log.read_text().split()) < 4:
        assert asked.poll() is None
    subprocess.run(["kill", "-9", str(hermes.daemon_pid())], check=True)
    out, _ = asked.communicate(timeout=60)
    assert "done" in out
    numbers = log.read_text().split()
    assert len(numbers) == len(set(numbers))
    assert model_server.prefix_breaks() == []


@pytest.fixture
def learned(hermes: Hermes, model_server: ModelServer) -> tuple[Hermes, ModelServer, str]:
    """A session of 15 calls whose checkpoint wrote a skill."""
    connect(hermes, model_server, learning={"withhold": 0})
    model_server.script = calls(15, "shell", echo)
    lesson = {"text": "wc counts lines", "evidence": [1, 2], "keep": "skill"}
    model_server.checkpoint = [
        {
            "tool_calls": [
                {
                    "name": "skill_manage",
                    "arguments": {"action": "create", "name": "count-lines", "content": SKILL},
                },
                {"name": "evaluate", "arguments": {**EVALUATION, "lessons": [lesson]}},
            ]
        }
    ]
    report = oneshot(hermes, "how long are the files")
    assert [row["name"] for row in report["learned"]] == ["count-lines"]
    assert report["learned"][0]["status"] == "candidate"
    return hermes, model_server, report["session"]


def test_what_a_checkpoint_wrote_is_a_valid_skill_and_a_commit(learned):
    hermes, _, session = learned
    folder = hermes.home / "skills" / "count-lines"
    assert validate(folder) == []
    command = [
        "git",
        "-C",
        str(hermes.home),
        "log",
        "-1",
        "--format=%B",
        "--",
        "skills/count-lines",
    ]
    log = ""
    for _ in range(100):  # commits are made beside the run
        log = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if log:
            break
        time.sleep(0.05)
    assert "Actor: agent" in log
    assert f"Session: {session}" in log
    assert "Reason: " in log


def test_it_is_a_slash_command_and_in_the_catalog_of_the_next_session(learned):
    hermes, server, _ = learned
    server.script = [{"content": "ok"}, {"content": "ok"}]
    hermes.ok("chat", "-q", "/count-lines in this folder")
    assert '<skill name="count-lines"' in server.runs()[-1].body["messages"][1]["content"]
    hermes.ok("-z", "how long are these text files?")
    assert "count-lines" in server.runs()[-1].body["messages"][1]["content"]


def test_it_is_announced_at_the_tail_of_the_live_session(learned):
    hermes, server, session = learned
    server.script = [{"content": "ok"}]
    hermes.ok("chat", "-r", session, "-q", "go on")
    last = server.runs()[-1].body["messages"][-1]["content"]
    assert last.startswith("go on")
    assert "count-lines" in last
    assert server.prefix_breaks() == []


def test_undo_takes_it_back_byte_for_byte_and_the_learner_is_refused(learned):
    hermes, server, _ = learned
    (change,) = hermes.json("learning", "list")
    hermes.ok("learning", "undo", str(change["id"]))
    assert not (hermes.home / "skills" / "count-lines").exists()
    assert hermes.json("learning", "list")[0]["status"] == "undone"
    server.script = calls(15, "shell", echo)
    create = {"action": "create", "name": "count-lines", "content": SKILL}
    server.checkpoint = [
        {
            "tool_calls": [
                {"name": "skill_manage", "arguments": create},
                {"name": "evaluate", "arguments": EVALUATION},
            ]
        }
    ]
    assert oneshot(hermes, "the same again")["learned"] == []
    assert not (hermes.home / "skills" / "count-lines").exists()


def test_off_makes_no_call_and_no_write(hermes, model_server):
    connect(hermes, model_server, learning={"mode": "off"})
    model_server.script = calls(20, "shell", echo)
    assert oneshot(hermes, "work")["checkpoints"] == 0
    assert model_server.checkpoints == 0


def test_the_daily_budget_stops_with_three(hermes, model_server):
    connect(hermes, model_server, budget={"per_day": 20_000})
    model_server.script = calls(200, "shell", echo)
    result = hermes.run("-z", "spend it")
    assert result.returncode == 3
    assert "budget" in result.stderr


def test_a_model_that_is_not_there_exits_with_four_and_names_the_next_step(hermes, model_server):
    connect(hermes, model_server)
    text = (hermes.home / "config.yaml").read_text().replace(str(model_server.port), "9")
    (hermes.home / "config.yaml").write_text(text)
    result = hermes.run("-z", "hello")
    assert result.returncode == 4
    assert "127.0.0.1:9" in result.stderr


def test_a_bad_setting_stops_the_start_with_two(hermes):
    hermes.home.mkdir()
    (hermes.home / "config.yaml").write_text("modle:\n  provider: offline\n")
    result = hermes.run("-z", "hello")
    assert result.returncode in (2, 4)
    assert "model" in result.stderr


def test_without_a_sandbox_a_headless_run_denies_and_says_so(hermes, model_server):
    connect(hermes, model_server, sandbox={"mode": "off"})
    model_server.script = calls(1, "shell", {"command": "touch made"})
    result = hermes.run("-z", "touch it")
    assert result.returncode == 1
    assert "denied" in result.stderr
    assert not (hermes.workspace / "made").exists()


def test_the_agents_shell_has_no_way_to_secrets_home_network_or_daemon(hermes, model_server):
    connect(hermes, model_server)
    (hermes.home / ".env").write_text("OPENAI_API_KEY=sk-very-secret-value\n")
    (hermes.home / ".env").chmod(0o600)
    home, port = hermes.home, model_server.port
    commands = [
        f"cat {home}/.env",
        f"cat {home}/state.db | head -c 10",
        f"echo x > {home}/skills/evil.md",
        f"echo x > {home}/config.yaml",
        f"curl -s -m 3 http://127.0.0.1:{port}/v1/models || exec 3<>/dev/tcp/127.0.0.1/{port}",
        f"curl -s -m 3 --unix-socket {home}/run/daemon.sock http://x/health",
    ]
    model_server.script = calls(len(commands), "shell", lambda n: {"command": commands[n]})
    report = oneshot(hermes, "try everything")
    outputs = [
        m["content"] for m in model_server.runs()[-1].body["messages"] if m["role"] == "tool"
    ]
    assert report["tool_calls"] == len(commands) == len(outputs)
    assert "sk-very-secret-value" not in str(outputs)
    assert "SQLite" not in str(outputs)
    assert '"status"' not in str(outputs)
    assert '"data"' not in str(outputs)
    assert not (home / "skills" / "evil.md").exists()
    assert "openai_chat" in (home / "config.yaml").read_text()


def test_an_unconfined_command_cannot_answer_its_own_approvals(hermes, model_server, tmp_path):
    """Even with --yolo the daemon refuses a peer that descends from a tool process."""
    connect(hermes, model_server)
    socket = hermes.home / "run" / "daemon.sock"
    script = tmp_path / "ask.py"
    script.write_text(
        "import socket\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        f"s.connect({str(socket)!r})\n"
        "s.sendall(b'GET /api/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "print(s.makefile('rb').readline())\n"
    )
    commands = [f"python3 {script}", f"setsid -w python3 {script}; (python3 {script} & ) ; sleep 1"]
    model_server.script = calls(2, "shell", lambda n: {"command": commands[n], "outside": True})
    oneshot(hermes, "ask the daemon", "--yolo")
    outputs = [
        m["content"] for m in model_server.runs()[-1].body["messages"] if m["role"] == "tool"
    ]
    assert str(outputs).count("403") == 3
    assert "200" not in str(outputs)


def test_the_fixed_prompt_is_within_its_budget_and_the_same_with_a_thousand_skills(
    hermes, model_server
):
    connect(hermes, model_server)
    model_server.script = [{"content": "ok"}] * 2
    hermes.ok("-z", "say hi")
    for number in range(1000):
        folder = hermes.home / "skills" / f"routine-{number:04d}"
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(
            f"---\nname: routine-{number:04d}\ndescription: Carry out routine {number} of the"
            " garden from the first look to the final summary.\n---\n\n1. Do it.\n"
        )
    hermes.ok("daemon", "restart")
    hermes.ok("-z", "say hi")
    first, second = model_server.runs()
    sizes = [
        len(json.dumps(r.body["tools"])) + len(r.body["messages"][0]["content"])
        for r in (first, second)
    ]
    assert sizes[0] == sizes[1] <= 12 * 1024
    assert len(second.body["messages"][1]["content"]) < 3000


def test_the_files_of_a_home_are_private(hermes):
    hermes.ok("-z", "say hi")
    modes = {
        path.name: path.stat().st_mode & 0o077
        for path in (hermes.home, hermes.home / "run", hermes.home / "state.db")
    }
    assert set(modes.values()) == {0}
    assert Path(hermes.home / "run" / "daemon.sock").stat().st_mode & 0o177 == 0
