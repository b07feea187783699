"""The hermes command with the real daemon behind it: starting it, asking it, changing things."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.start import socket_path
from gateway.cli.wire import Wire
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.skill_texts import add_skill, skill_text
from tests.socket_server import reply, serving

pytestmark = pytest.mark.slow

FIELDS = {
    "session", "answer", "outcome", "tool_calls", "checkpoints", "learned", "usage", "model",
}  # fmt: skip
LISTS = ["sessions list", "learning list", "skills list", "memory history"]


def wait_until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `true` says, once it is something. A look that takes long, as a command does, is not
    taken as often."""
    deadline = (asked := time.monotonic()) + seconds
    while not (value := true()):
        now = time.monotonic()
        assert now < deadline, "it did not come to pass"
        time.sleep(min(max(0.02, 2 * (now - asked)), 1.0))
        asked = time.monotonic()
    return value


def working(hermes: Hermes) -> bool:
    """Whether a run is in the middle of a command."""
    told = hermes.run("status", "--json")
    return bool(told.returncode == 0 and json.loads(told.stdout)["working"])


def use(hermes: Hermes, server: ModelServer, window: int = 0) -> None:
    """The home's model is the scripted one; `window` is its context in tokens."""
    hermes.home.mkdir(exist_ok=True)
    settings = f"model:\n  provider: openai_chat\n  default: scripted\n  base_url: {server.url}\n"
    settings += f"  context_window: {window}\n"
    (hermes.home / "config.yaml").write_text(settings)


# -- starting and stopping ----------------------------------------------------------------------


def test_many_clients_in_a_fresh_home_start_one_daemon(hermes: Hermes) -> None:
    clients = [hermes.spawn("-z", f"say hi {number}") for number in range(8)]
    for client in clients:
        answer, complaint = client.communicate(timeout=60)
        assert client.returncode == 0, complaint
        assert answer
    log = (hermes.home / "logs" / "daemon.log").read_text()
    assert log.count("serving") == 1
    assert len(hermes.json("sessions", "list")) == 8


def test_start_and_stop_are_idempotent(hermes: Hermes) -> None:
    first = hermes.json("daemon", "start")
    assert hermes.json("daemon", "start")["pid"] == first["pid"]
    assert hermes.json("daemon", "status")["pid"] == first["pid"]
    assert hermes.json("daemon", "stop")["stopped"] is True
    wait_until(lambda: hermes.daemon_pid() is None)
    assert hermes.json("daemon", "stop")["stopped"] is False
    assert hermes.run("daemon", "status").returncode == 4


def test_a_view_gets_only_the_kinds_it_asks_for(hermes: Hermes) -> None:
    assert hermes.ok("-z", "say hi")
    session = hermes.json("sessions", "list")[0]["id"]
    with Wire(socket_path(str(hermes.home))) as wire:
        target = f"/api/sessions/{session}/events?follow=0&kinds=RunStarted,Answered"
        assert [event.kind for event in wire.stream(target)] == ["RunStarted", "Answered"]


def test_restart_is_another_daemon_of_the_same_home(hermes: Hermes) -> None:
    first = hermes.json("daemon", "start")
    second = hermes.json("daemon", "restart")
    assert second["pid"] != first["pid"]
    assert second["home"] == first["home"]


def test_the_daemon_has_its_own_process_session_and_inherits_no_descriptor(hermes: Hermes) -> None:
    reading, writing = os.pipe()
    client = hermes.spawn("-z", "say hi", pass_fds=(writing,), start_new_session=True)
    client.communicate(timeout=60)
    os.close(writing)
    pid = hermes.daemon_pid()
    assert pid is not None
    assert os.getsid(pid) == pid
    os.set_blocking(reading, False)
    assert os.read(reading, 1) == b"", "the daemon holds the pipe open"
    os.close(reading)


def test_the_daemon_s_imports_do_not_come_from_the_folder_the_user_is_in(hermes: Hermes) -> None:
    (hermes.workspace / "json.py").write_text("raise SystemExit(9)")
    (hermes.workspace / "asyncio.py").write_text("raise SystemExit(9)")
    hermes.command = (*hermes.python, "-P", "-m", "gateway.cli.entry")
    assert hermes.ok("-z", "say hi")


def test_a_home_far_down_is_reached(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 40] * 4)
    (deep / "work").mkdir(parents=True)
    hermes = Hermes(deep / "home", deep / "work")
    try:
        assert hermes.ok("-z", "say hi")
    finally:
        hermes.close()


def test_settings_that_cannot_be_read_are_told_with_exit_2(hermes: Hermes) -> None:
    hermes.home.mkdir()
    (hermes.home / "config.yaml").write_text("model:\n  defualt: x\n")
    result = hermes.run("-z", "say hi")
    assert result.returncode == 2
    assert "default" in result.stderr
    assert hermes.daemon_pid() is None


def test_another_program_s_home_is_left_as_it_is(hermes: Hermes) -> None:
    hermes.home.mkdir()
    (hermes.home / "config.yaml").write_text("_config_version: 12\n")
    result = hermes.run("-z", "say hi")
    assert result.returncode == 2
    assert [path.name for path in hermes.home.iterdir()] == ["config.yaml"]


def test_a_daemon_of_another_version_is_asked_to_restart(hermes: Hermes) -> None:
    asked: list[bytes] = []
    path = hermes.home / "run" / "daemon.sock"

    def answer(line: str, headers: dict[str, str], body: bytes) -> bytes:
        if "stop" in line:
            asked.append(body)
            path.unlink()
        return reply({"pid": 1, "version": "0.0.1"})

    with serving(path, answer):
        result = hermes.run("-z", "say hi")
    assert result.returncode == 0
    assert "0.0.1" in result.stderr
    assert [json.loads(body) for body in asked] == [{"restart": True}]


# -- one question -------------------------------------------------------------------------------


def test_only_the_answer_is_on_stdout(hermes: Hermes, model_server: ModelServer) -> None:
    use(hermes, model_server)
    model_server.script = [{"content": "the answer"}]
    result = hermes.run("-z", "the question")
    assert (result.returncode, result.stdout, result.stderr) == (0, "the answer\n", "")


@pytest.mark.parametrize(
    ("words", "piped", "asked"),
    [
        (["-z", "-"], "all of it", "all of it"),
        (["-z"], "all of it", "all of it"),
        (["-z", "sum up:"], "one\ntwo\n", "sum up:\n\none\ntwo"),
    ],
)
def test_piped_words_are_read(
    hermes: Hermes, model_server: ModelServer, words: list[str], piped: str, asked: str
) -> None:
    use(hermes, model_server)
    hermes.ok(*words, input=piped)
    assert model_server.runs()[0].session.startswith(asked)


def test_an_idle_pipe_is_not_waited_for(hermes: Hermes) -> None:
    reading, writing = os.pipe()
    client = hermes.spawn("-z", "say hi", stdin=reading)
    answer, complaint = client.communicate(timeout=60)
    os.close(reading)
    os.close(writing)
    assert client.returncode == 0
    assert answer
    assert "going on without it" in complaint


def test_json_is_one_object_with_what_became_of_it(
    hermes: Hermes, model_server: ModelServer
) -> None:
    use(hermes, model_server)
    note = {"action": "add", "target": "user", "text": "The owner likes tea."}
    model_server.script = [
        {"tool_calls": [{"name": "memory", "arguments": {"operations": [note]}}]},
        {"content": "noted"},
    ]
    usage = hermes.workspace / "usage.json"
    told = hermes.json(
        "-z", "I like tea. Remember: the owner likes tea.", "--usage-file", str(usage)
    )
    assert set(told) == FIELDS
    assert (told["answer"], told["outcome"], told["tool_calls"]) == ("noted", "done", 1)
    assert told["model"] == "scripted"
    assert [(row["kind"], row["action"]) for row in told["learned"]] == [("user", "add")]
    listed = hermes.json("learning", "list")
    assert [row["id"] for row in listed] == [row["id"] for row in told["learned"]]
    assert told["usage"]["total"] == told["usage"]["prompt"] + told["usage"]["completion"] > 0
    assert json.loads(usage.read_text())["total"] == told["usage"]["total"]


def test_a_model_that_cannot_be_reached_is_exit_4(
    hermes: Hermes, model_server: ModelServer
) -> None:
    use(hermes, model_server)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        result = hermes.run("-z", "hi", "--base-url", url, "--model", "m")
    assert result.returncode == 4
    assert result.stdout == ""
    assert "model unreachable" in result.stderr


def test_a_limit_is_exit_3(hermes: Hermes) -> None:
    result = hermes.run("-z", "1. run `echo one`\n2. run `echo two`", "--max-turns", "1")
    assert result.returncode == 3
    assert result.stderr


def test_denials_are_listed_and_exit_1_when_they_blocked_the_task(
    hermes: Hermes, model_server: ModelServer
) -> None:
    use(hermes, model_server)
    arguments = {"command": "echo out", "outside": True}
    model_server.script = [
        {"tool_calls": [{"name": "shell", "arguments": arguments}]},
        {"content": "I was not allowed to."},
    ]
    result = hermes.run("-z", "leave the sandbox")
    assert result.returncode == 1
    assert result.stdout == "I was not allowed to.\n"
    assert "shell was denied" in result.stderr


def test_ctrl_c_stops_the_run_and_exits_130(hermes: Hermes) -> None:
    client = hermes.spawn("-z", "1. run `sleep 30`", start_new_session=True)
    wait_until(lambda: working(hermes))
    client.send_signal(signal.SIGINT)
    client.communicate(timeout=20)
    assert client.returncode == 130
    wait_until(lambda: not working(hermes))


def test_the_answer_comes_even_if_the_daemon_dies_meanwhile(hermes: Hermes) -> None:
    client = hermes.spawn("-z", "1. run `sleep 2`\n2. run `echo over`")
    wait_until(lambda: working(hermes))
    first = hermes.daemon_pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    answer, complaint = client.communicate(timeout=60)
    assert client.returncode in (0, 1), complaint
    assert answer
    assert hermes.daemon_pid() not in (None, first)


# -- lists, changes, conversations --------------------------------------------------------------


@pytest.mark.parametrize("command", [*LISTS, "memory show", "daemon status", "status"])
def test_json_is_exactly_one_value(hermes: Hermes, command: str) -> None:
    hermes.ok("-z", "say hi")
    result = hermes.run(*command.split(), "--json")
    assert result.returncode == 0, result.stderr
    assert isinstance(json.loads(result.stdout), list if command in LISTS else dict)
    assert result.stderr == ""


def test_output_is_plain_in_a_pipe(hermes: Hermes) -> None:
    hermes.ok("-z", "say hi")
    for command in (*LISTS, "status", "doctor"):
        assert "\x1b" not in hermes.ok(*command.split())


def test_a_session_is_found_renamed_exported_and_deleted(hermes: Hermes) -> None:
    session = hermes.json("-z", "say hello to the walrus")["session"]
    assert hermes.json("sessions", "search", "walrus")[0]["session"] == session
    hermes.ok("sessions", "rename", session, "the", "walrus")
    assert hermes.json("sessions", "show", "the walrus")["id"] == session
    assert "walrus" in hermes.ok("sessions", "show", session[:-2])
    for form in ("jsonl", "md", "sharegpt", "messages"):
        assert "walrus" in hermes.ok("sessions", "export", session, "--format", form)
    refused = hermes.run("sessions", "delete", session)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    hermes.ok("sessions", "delete", session, "--yes")
    assert hermes.json("sessions", "list") == []
    assert hermes.run("sessions", "show", session).returncode == 2


def test_notes_are_on_disk_when_the_command_returns(hermes: Hermes) -> None:
    notes = hermes.home / "memories" / "USER.md"
    hermes.ok("memory", "add", "Likes", "tea.", "--to", "user")
    assert "Likes tea." in notes.read_text()
    hermes.ok("memory", "replace", "tea", "Likes coffee.", "--to", "user")
    assert "Likes coffee." in notes.read_text()
    assert [row["text"] for row in hermes.json("memory", "show")["user"]] == ["Likes coffee."]
    hermes.ok("memory", "remove", "coffee", "--to", "user")
    assert "coffee" not in notes.read_text()
    history = hermes.json("memory", "history")
    assert {row["action"] for row in history} == {"add", "replace", "remove"}
    assert hermes.json("learning", "list") == []
    assert len(hermes.json("learning", "list", "--all")) == 3


def test_a_change_is_shown_and_taken_back(hermes: Hermes) -> None:
    hermes.ok("memory", "add", "Likes tea.")
    (row,) = hermes.json("learning", "list", "--all")
    assert "+Likes tea." in hermes.ok("learning", "show", str(row["id"]))
    assert hermes.json("learning", "undo", str(row["id"]))["status"] == "undone"
    assert hermes.json("memory", "show")["memory"] == []
    assert hermes.run("learning", "show", "9999").returncode == 2


def test_settings_are_set_and_explained(hermes: Hermes) -> None:
    hermes.ok("config", "set", "learning.checkpoint_every", "7")
    told = hermes.json("config", "explain", "learning.checkpoint_every")
    assert told["value"] == 7
    assert "config.yaml" in told["source"]
    refused = hermes.run("config", "set", "learning.checkpont_every", "7")
    assert refused.returncode == 2
    assert "learning.checkpoint_every" in refused.stderr


def test_skills_are_listed_found_and_read(hermes: Hermes) -> None:
    names = [row["name"] for row in hermes.json("skills", "list")]
    assert names
    found = hermes.json("skills", "search", *names[0].split("-"))
    assert names[0] in [row["name"] for row in found]
    assert hermes.ok("skills", "view", names[0]).strip()
    assert hermes.run("skills", "view", "no-such-skill").returncode == 2


def test_setup_saves_a_model_that_answers(hermes: Hermes, model_server: ModelServer) -> None:
    result = hermes.run("setup", "--base-url", model_server.url, "--key", "-", input="sesame\n")
    assert result.returncode == 0, result.stderr
    told = hermes.json("model")
    assert (told["provider"], told["model"]) == ("openai_chat", "scripted")
    assert (hermes.home / ".env").stat().st_mode & 0o777 == 0o600
    assert "sesame" not in result.stdout + result.stderr
    hermes.ok("-z", "hi")
    assert model_server.runs()[-1].headers["authorization"] == "Bearer sesame"
    hermes.ok("setup", "--offline")
    assert hermes.json("model")["provider"] == "offline"


def test_setup_saves_nothing_when_nobody_answers(hermes: Hermes) -> None:
    result = hermes.run("setup", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")
    assert result.returncode == 4
    assert not (hermes.home / "config.yaml").exists()


def test_lines_from_a_pipe_are_a_conversation(hermes: Hermes, model_server: ModelServer) -> None:
    use(hermes, model_server)
    model_server.script = [{"content": "first answer"}, {"content": "second answer"}]
    told = hermes.ok(input="one\n/title two words\ntwo\n/quit\nnever read\n")
    assert told.index("first answer") < told.index("second answer")
    assert [len(request.body["messages"]) for request in model_server.runs()] == [2, 4]
    assert hermes.json("sessions", "list")[0]["title"] == "two words"


def test_one_question_with_the_view_exits_as_the_run_ended(hermes: Hermes) -> None:
    result = hermes.run("chat", "-q", "1. run `echo one`", "-c")
    assert result.returncode == 0, result.stderr
    assert "› shell echo one  ✓" in result.stdout
    assert "no session was begun in this folder yet" in result.stderr
    again = hermes.run("chat", "-c", "-q", "say hi")
    assert again.returncode == 0
    (session,) = hermes.json("sessions", "list")
    assert session["runs"] == 2
    assert hermes.run("chat", "-r", "no such session", "-q", "x").returncode == 2


def test_a_command_alone_is_about_the_folders_last_session(hermes: Hermes) -> None:
    text = skill_text("greet", "Greets a guest.", "1. run `echo hello`")
    add_skill(hermes.home / "skills" / "greet", text)
    hermes.ok("chat", "-q", "/help")  # nothing to go back to: a session in which nothing is said
    first = hermes.run("chat", "-c", "-q", "1. run `echo one`")
    assert "no session was begun in this folder yet" in first.stderr
    assert "“1. run `echo one`” counts as good" in hermes.ok("chat", "-q", "/good")
    assert "Nothing was learned yet." in hermes.ok("chat", "-q", "/learned")
    assert "there is no command /nosuch" in hermes.run("chat", "-q", "/nosuch").stderr
    assert len(hermes.json("sessions", "list")) == 2
    hermes.ok("chat", "-q", "/greet me")
    runs = [session["runs"] for session in hermes.json("sessions", "list")]
    assert runs == [1, 1, 0]  # a skill's command begins one
    hermes.ok("chat", "-c", "-q", "go on")
    assert hermes.json("sessions", "list")[0]["runs"] == 2


def test_two_profiles_are_two_homes(hermes: Hermes) -> None:
    unknown = hermes.run("-p", "work", "memory", "add", "Only at work.")
    assert unknown.returncode == 2
    assert "hermes profile create work" in unknown.stderr
    hermes.ok("profile", "create", "work")
    hermes.ok("-p", "work", "memory", "add", "Only at work.")
    try:
        assert hermes.json("-p", "work", "memory", "show")["memory"]
        assert hermes.json("memory", "show")["memory"] == []
    finally:
        hermes.run("-p", "work", "daemon", "stop")


def test_logs_follow_the_file(hermes: Hermes) -> None:
    hermes.ok("daemon", "start")
    log = hermes.home / "logs" / "daemon.log"
    assert hermes.ok("logs", "-n", "1") == log.read_text().splitlines(keepends=True)[-1]
    following = hermes.spawn("logs", "-f", "-n", "1", stdout=subprocess.PIPE)
    assert following.stdout is not None
    following.stdout.readline()
    with log.open("a") as file:
        file.write("one more line\n")
    assert following.stdout.readline() == "one more line\n"
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=10)
    assert following.returncode == 130
