"""Recurring work through the whole program: by command, by file, by the model's tool, in chat;
due in real time; killed anywhere; delivered apart from the run."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.app import App
from gateway.cli.away import while_away
from gateway.cli.output import Paint
from gateway.cron.job import Job
from hermes_home.paths import Home
from tests.chatting_channels import configure, rows
from tests.hermes import Hermes
from tests.loopback_platform import Program
from tests.model_server import ModelServer
from tests.patient import Gone, Owner
from tests.terminal import Terminal
from tests.test_cli_daemon import wait_until
from tests.test_whole_message import connect

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("HERMES_SOAK"))
KILLS = 120 if SOAK else 14


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S+00:00")


def write(hermes: Hermes, name: str, text: str) -> None:
    folder = hermes.home / "cron"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def job(hermes: Hermes, name: str, schedule: str, **more: Any) -> None:
    """A job's file as somebody may write it: JSON is YAML."""
    write(hermes, name, json.dumps({"schedule": schedule, "prompt": "report", **more}))


def final(hermes: Hermes, name: str) -> list[dict[str, Any]]:
    """Its history, once there is one."""

    def rows() -> Any:
        result = hermes.run("cron", "history", name, "--json")
        return json.loads(result.stdout) if result.returncode == 0 else []

    found: list[dict[str, Any]] = wait_until(rows, 40)
    return found


def statuses(hermes: Hermes) -> dict[str, str]:
    return {row["name"]: row["state"] for row in hermes.json("cron", "list")}


def committed(hermes: Hermes) -> list[str]:
    log = subprocess.run(
        ["git", "-C", str(hermes.home), "log", "--format=%s"],
        capture_output=True,
        text=True,
        check=True,
    )
    return log.stdout.splitlines()


# -- by command -----------------------------------------------------------------------------------


def test_a_daily_report_with_the_offline_model_by_command(hermes: Hermes) -> None:
    (hermes.workspace / "sales.txt").write_text("north 4\nsouth 7\n")
    said = hermes.ok(
        "cron", "create", "every weekday at 9", "1. Run `cat sales.txt`.", "--name", "r"
    )
    assert "every weekday at 09:00" in said
    assert len(said.strip().splitlines()) == 7  # what it means, then five due times
    assert (hermes.home / "cron" / "r.yaml").exists()
    assert committed(hermes)[0] == "created the job r"
    answer = hermes.ok("cron", "run", "r")
    assert "south 7" in answer
    (row,) = hermes.json("cron", "history", "r")
    assert (row["status"], row["reason"], row["delivery"]) == ("ran", "", "in the inbox")
    assert "south 7" in row["output"]
    (session,) = hermes.json("sessions", "list", "--source", "cron")
    assert session["id"] == row["session"]
    hermes.ok("cron", "edit", "r", "--prompt", "read sales.txt")
    assert "north 4" in hermes.ok("cron", "run", "r")


def test_a_job_is_listed_shown_changed_paused_and_removed(hermes: Hermes) -> None:
    row = hermes.json(
        *("cron", "create", "mondays at 18:30", "Look.", "--tz", "Asia/Tokyo"),
        *("--misfire", "skip", "--skill", "a, b"),
    )
    assert row["name"] == "look"
    assert row["next"][0].endswith("18:30:00+09:00")
    assert (row["tz"], row["misfire"], row["skills"]) == ("Asia/Tokyo", "skip", ["a", "b"])
    text = (hermes.home / "cron" / "look.yaml").read_text()
    (hermes.home / "cron" / "look.yaml").write_text(f"# mine\n{text}")
    hermes.ok("cron", "pause", "look")
    assert statuses(hermes) == {"look": "paused"}
    assert hermes.json("cron", "show", "look")["next"] == []
    hermes.ok("cron", "resume", "look")
    changed = hermes.json("cron", "edit", "look", "--schedule", "every day at noon")
    assert changed["description"] == "every day at 12:00"
    assert (hermes.home / "cron" / "look.yaml").read_text().startswith("# mine\n")
    hermes.ok("cron", "remove", "look")
    assert hermes.json("cron", "list") == []
    assert not (hermes.home / "cron" / "look.yaml").exists()
    assert "removed the job look" in committed(hermes)


def test_an_editor_changes_the_whole_file(hermes: Hermes) -> None:
    hermes.ok("cron", "create", "@daily", "Look.", "--name", "j")
    hermes.environment["EDITOR"] = "sed -i s/Look/Watch/"
    hermes.ok("cron", "edit", "j")
    assert hermes.json("cron", "show", "j")["prompt"] == "Watch."
    hermes.environment["EDITOR"] = "sed -i s/schedule:/shedule:/"
    refused = hermes.run("cron", "edit", "j")
    assert refused.returncode == 2
    assert "schedule" in refused.stderr
    assert statuses(hermes) == {"j": "active"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["evry day", "x"], "evry"),
        (["2020-01-01 09:00", "x"], "is over"),
        (["@daily"], "say a prompt, or --script"),
        (["@daily", "x", "--tz", "Europe/Berln"], "Europe/Berlin"),
        (["@daily", "x", "--deliver", "pigeon"], "inbox"),
        (["@daily", "x", "--deliver", "telegram"], "hermes gateway setup telegram"),
        (["every", "weekday", "at", "9", "x"], "in quotes"),
        (["every 10 seconds", "x"], "the shortest interval is one minute"),
        (["2020-01-01 10:00", "x"], "a time to come"),
        (["@daily", "x", "--name", "Not a name"], "small letters"),
    ],
)
def test_what_cannot_be_a_job_is_refused_with_what_can(
    hermes: Hermes, words: list[str], told: str
) -> None:
    refused = hermes.run("cron", "create", *words)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert hermes.json("cron", "list") == []


# -- by file --------------------------------------------------------------------------------------


def test_files_are_taken_as_they_are_saved_and_a_broken_one_stops_no_other(hermes: Hermes) -> None:
    hermes.ok("daemon", "start")
    job(hermes, "one", "every day at 9")
    write(hermes, "two", "schedule: every day at 9\npromt: look\n")
    write(hermes, "three", "schedule: @daily\nprompt: look\n")
    wait_until(lambda: len(statuses(hermes)) == 3)
    assert statuses(hermes) == {"one": "active", "two": "broken", "three": "broken"}
    errors = {row["name"]: row["error"] for row in hermes.json("cron", "list")}
    assert "did you mean prompt" in errors["two"]
    assert 'schedule: "@daily"' in errors["three"]
    write(hermes, "two", "schedule: every day at 9\nprompt: |\n  look\n  twice\n")
    wait_until(lambda: statuses(hermes)["two"] == "active")
    assert hermes.json("cron", "show", "two")["prompt"] == "look\ntwice"
    write(hermes, "one", "schedule: every dy at 9\nprompt: look\n")
    wait_until(lambda: statuses(hermes)["one"] == "broken")
    assert "one.yaml line 1" in hermes.json("cron", "show", "one")["error"]
    assert hermes.json("cron", "show", "one")["next"] == []
    assert hermes.run("cron", "run", "one").returncode == 2
    (hermes.home / "cron" / "three.yaml").unlink()
    wait_until(lambda: "three" not in statuses(hermes))
    job(hermes, "four", "@daily", deliver="pigeon")
    (hermes.home / "cron" / "five.yml").write_text("schedule: every day at 9\nprompt: look\n")
    wait_until(lambda: statuses(hermes).get("five.yml") == "broken")
    assert statuses(hermes)["four"] == "active"
    assert "come to the inbox" in hermes.json("cron", "show", "four")["error"]
    assert any("job four" in warning for warning in hermes.json("status")["warnings"])
    hermes.ok("cron", "remove", "five.yml")
    assert not (hermes.home / "cron" / "five.yml").exists()
    assert "five.yml" not in statuses(hermes)
    wait_until(lambda: any("cron/" in line or "hand" in line for line in committed(hermes)))


def test_a_job_is_due_in_real_time_once(hermes: Hermes, model_server: ModelServer) -> None:
    connect(hermes, model_server)
    model_server.script = lambda number, body: {"content": f"report {number}"}
    hermes.ok("cron", "create", soon(6), "report", "--name", "soon")
    (row,) = final(hermes, "soon")
    assert (row["status"], row["output"]) == ("ran", "report 0")
    assert statuses(hermes) == {"soon": "over"}
    hermes.ok("daemon", "restart")
    assert len(final(hermes, "soon")) == len(model_server.runs()) == 1
    text = json.dumps(model_server.runs()[0].body["messages"])
    assert "scheduled job soon" in text
    assert "[SILENT]" in text


def test_what_was_slept_through_runs_once_and_the_rest_is_missed(
    hermes: Hermes, model_server: ModelServer
) -> None:
    """The daemon was away for three due times of each job; by the ledger, not by the clock."""
    connect(hermes, model_server)
    model_server.script = lambda number, body: {"content": "late report"}
    for name, misfire in (("latest", "once"), ("none", "skip"), ("each", "all")):
        job(hermes, name, "every 1h", misfire=misfire)
    hermes.ok("cron", "list")
    hermes.ok("daemon", "stop")
    away = 3.5 * 3600
    with closing(sqlite3.connect(hermes.home / "state.db")) as database:
        accounts = database.execute("SELECT name, accounted, state FROM jobs").fetchall()
        for name, accounted, text in accounts:
            state = {**json.loads(text), "anchor": json.loads(text)["anchor"] - away}
            database.execute(
                "UPDATE jobs SET accounted = ?, state = ? WHERE name = ?",
                (accounted - away, json.dumps(state), name),
            )
        database.commit()
    hermes.ok("daemon", "start")
    wait_until(lambda: len(final(hermes, "each")) == 3)
    wait_until(lambda: len(final(hermes, "latest")) == 3)
    assert [row["status"] for row in final(hermes, "latest")] == ["ran", "missed", "missed"]
    assert [row["status"] for row in final(hermes, "none")] == ["missed"] * 3
    assert [row["status"] for row in final(hermes, "each")] == ["ran"] * 3
    assert all(row["reason"] for row in final(hermes, "none"))
    assert len(model_server.runs()) == 4


# -- by the model ---------------------------------------------------------------------------------


def calls_schedule(**arguments: Any) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    def script(number: int, body: dict[str, Any]) -> dict[str, Any]:
        if body["messages"][-1]["role"] == "tool":
            return {"content": body["messages"][-1]["content"]}
        return {"tool_calls": [{"name": "schedule", "arguments": arguments}]}

    return script


def test_the_model_makes_a_job_in_a_conversation_and_not_alone(
    hermes: Hermes, model_server: ModelServer
) -> None:
    connect(hermes, model_server)
    model_server.script = calls_schedule(
        action="create", when="weekdays at 8", prompt="Read the news.", name="news"
    )
    with closing(Terminal([*hermes.command], hermes.environment, hermes.workspace)) as terminal:
        terminal.wait("›")
        terminal.type("a report every weekday at 8\r")
        terminal.wait("created news")
    shown = hermes.json("cron", "show", "news")
    assert shown["description"] == "every weekday at 08:00"
    assert shown["workspace"] == str(hermes.workspace)
    model_server.script = calls_schedule(action="create", when="@hourly", prompt="More.")
    result = hermes.run("-z", "make a job")
    assert "only the owner makes or changes jobs" in result.stderr + result.stdout
    assert list(statuses(hermes)) == ["news"]


def test_slash_cron_lists_and_runs(hermes: Hermes) -> None:
    hermes.ok("cron", "create", "@daily", "1. Run `echo hi`.", "--name", "hello")
    with closing(Terminal([*hermes.command], hermes.environment, hermes.workspace)) as terminal:
        terminal.wait("›")
        terminal.type("/cron\r")
        terminal.wait("hello: every day at 00:00")
        terminal.wait("00:00 +")
        terminal.type("/cron run hello\r")
        terminal.wait("run: hello")
        terminal.type('/cron create "every weekday at 8:30" 1. Run `echo up`.\r')
        terminal.wait("every weekday at 08:30")
        terminal.type("/cron create at some point\r")
        terminal.wait("usage: /cron")
    assert final(hermes, "hello")[0]["status"] == "ran"
    (made,) = [job for job in hermes.json("cron", "list") if job["name"] != "hello"]
    assert made["prompt"] == "1. Run `echo up`."
    assert made["workspace"] == str(hermes.workspace)


# -- results --------------------------------------------------------------------------------------


def test_the_inbox_is_shown_once_when_a_chat_opens(hermes: Hermes) -> None:
    hermes.ok("cron", "create", "@daily", "1. Run `echo forty-two`.", "--name", "answer")
    hermes.ok("cron", "run", "answer")
    for seen in (1, 0):
        with closing(Terminal([*hermes.command], hermes.environment, hermes.workspace)) as terminal:
            terminal.wait("while you were away") if seen else terminal.wait("›")
            terminal.settle()
            assert terminal.seen.count("forty-two") >= seen
            assert ("while you were away" in terminal.seen) == bool(seen)
        wait_until(lambda: final(hermes, "answer")[0]["delivery"] == "seen")


def test_of_many_results_the_latest_are_shown() -> None:
    rows = [
        {"job": job, "status": "ran", "due": "2026-11-21T09:00:00+00:00", "text": f"{job}{number}"}
        for number in range(40)
        for job in ("a", "b")[: 2 if number % 20 == 0 else 1]
    ]
    shown = while_away(Paint(io.StringIO()), rows)
    assert [line for line in shown if line.startswith("  a")] == ["  a37", "  a38", "  a39"]
    assert "a: 37 earlier, see hermes cron history a" in shown
    assert [line for line in shown if line.startswith("  b")] == ["  b0", "  b20"]
    assert not any(line.startswith("b:") for line in shown)


def test_what_a_run_may_not_do_is_in_the_reason(hermes: Hermes, model_server: ModelServer) -> None:
    connect(hermes, model_server)
    model_server.script = calls_schedule(action="create", when="@hourly", prompt="More.")
    hermes.ok("cron", "create", "@daily", "Look.", "--name", "greedy")
    assert hermes.run("cron", "run", "greedy").returncode == 1
    (row,) = final(hermes, "greedy")
    assert row["reason"].startswith("it needed what it may not do alone: only the owner")


def test_silent_is_kept_quiet_and_an_empty_answer_is_a_failure(
    hermes: Hermes, model_server: ModelServer
) -> None:
    connect(hermes, model_server)
    answers = {"quiet": "[SILENT]\nnothing new", "empty": ""}
    for name, answer in answers.items():
        model_server.script = lambda number, body, text=answer: {"content": text}
        hermes.ok("cron", "create", "@daily", "Look.", "--name", name)
        hermes.run("cron", "run", name)
    (quiet,), (empty,) = final(hermes, "quiet"), final(hermes, "empty")
    assert (quiet["status"], quiet["delivery"]) == ("ran", "silent")
    assert (empty["status"], empty["delivery"]) == ("failed", "in the inbox")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"skills": ["absent-skill"]}, "absent-skill"),
        ({"provider": "nobody"}, "nobody"),
        ({"workspace": "/nowhere/at/all"}, "is not there"),
        ({"script": "./absent.sh"}, "exit 127"),
    ],
)
def test_what_a_job_needs_and_is_not_there_fails_it_and_the_owner_is_told(
    hermes: Hermes, more: dict[str, Any], told: str
) -> None:
    job(hermes, "needy", "@daily", **{"workspace": str(hermes.workspace), **more})
    result = hermes.run("cron", "run", "needy")
    assert result.returncode == 1
    (row,) = final(hermes, "needy")
    assert row["status"] == "failed"
    assert told in row["reason"] + row["output"]
    assert row["delivery"] == "in the inbox"


def test_a_result_whose_channel_is_not_there_waits_in_the_inbox(hermes: Hermes) -> None:
    job(hermes, "lost", "@daily", deliver="telegram", prompt="1. Run `echo found`.")
    hermes.ok("cron", "run", "lost")
    (row,) = final(hermes, "lost")
    assert (row["status"], row["delivery"]) == ("ran", "in the inbox")
    with closing(sqlite3.connect(hermes.home / "state.db")) as database:
        ((body,),) = database.execute("SELECT body FROM outbox WHERE kind = 'job'").fetchall()
    assert "found" in body
    assert "could not be delivered" in body


@pytest.mark.parametrize(
    ("script", "status", "asked"),
    [("echo news", "ran", 1), ("echo same; exit 78", "skipped", 0), ("exit 3", "failed", 0)],
)
def test_a_script_decides_whether_the_model_is_woken(
    hermes: Hermes, model_server: ModelServer, script: str, status: str, asked: int
) -> None:
    connect(hermes, model_server)
    model_server.script = lambda number, body: {"content": "told"}
    job(hermes, "gate", "@daily", script=script, workspace=str(hermes.workspace))
    hermes.run("cron", "run", "gate")
    (row,) = final(hermes, "gate")
    assert row["status"] == status
    assert len(model_server.runs()) == asked
    if asked:
        assert "printed:\nnews" in model_server.runs()[0].body["messages"][-1]["content"]


def test_a_script_alone_needs_no_model_and_is_confined(hermes: Hermes) -> None:
    outside = hermes.workspace.parent / "outside"
    command = f"echo made; touch inside; touch {outside} 2>/dev/null; ls {hermes.home} 2>&1 | wc -l"
    hermes.ok("cron", "create", "@daily", "--script", command, "--name", "bare")
    hermes.ok("cron", "run", "bare")
    (row,) = final(hermes, "bare")
    assert row["output"].splitlines()[0] == "made"
    assert row["session"] == ""
    assert (hermes.workspace / "inside").exists()
    assert not outside.exists()


def test_a_job_that_runs_is_not_begun_again(hermes: Hermes) -> None:
    hermes.ok("cron", "create", "@daily", "--script", "sleep 3", "--name", "slow")
    hermes.ok("cron", "run", "slow", "--no-wait")
    again = hermes.run("cron", "run", "slow")
    assert again.returncode == 2
    assert "is running" in again.stderr
    assert [row["status"] for row in final(hermes, "slow")] == ["ran"]


# -- the daemon -----------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_an_on_demand_daemon_stays_while_something_will_be_due(home: Home) -> None:
    app = await App.open(home, {"HOME": str(home.root), "PATH": os.environ["PATH"]})
    try:
        states = [app.recurring.busy]
        cron = await app.recurring.cron()
        await cron.desk.create(Job(schedule="every day at 9", prompt="x"), "daily")
        states.append(app.recurring.busy)
        await cron.desk.pause("daily", paused=True)
        states.append(app.recurring.busy)
        await cron.desk.pause("daily", paused=False)
        states.append(app.recurring.busy)
        await cron.desk.remove("daily")
        states.append(app.recurring.busy)
        assert states == [False, True, False, True, False]
    finally:
        await app.recurring.rest()
        await app.close()


def points(count: int) -> list[str]:
    """Around the commits of a start, a claim, a run and its end; and anywhere in time."""
    reach = {"commit": 60, "send": 3, "spawn": 8, "file": 12}
    kinds = ["commit", "commit", "commit", "commit", "commit", "spawn", "file"]
    found = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        found.append(f"{kind}:{1 + (number * 17 + 5) % reach[kind]}")
    return found


def test_killed_anywhere_there_is_one_run_and_one_row(hermes: Hermes, owner: Owner) -> None:
    """A job due at the start of a daemon that dies at a point, and is started again."""
    hermes.ok("cron", "create", "@yearly", "1. Run `true`.", "--name", "another")
    hermes.ok("daemon", "stop")
    met: list[str] = []
    for number, point in enumerate(points(KILLS)):
        name = f"job{number}"
        job(
            hermes,
            name,
            soon(1.3),
            prompt=f"1. Run `echo {name} >> log`.",
            workspace=str(hermes.workspace),
        )
        met.append(_live(owner, hermes.home, name, point))
        life = owner.wake()
        wait_until(partial(_ended, hermes.home, name), 40)
        owner.stop(life)
    with closing(sqlite3.connect(hermes.home / "state.db")) as database:
        rows = database.execute(
            "SELECT job, status, reason, sent, session FROM occurrences ORDER BY id"
        ).fetchall()
        runs = database.execute(
            "SELECT session, count(*) FROM events WHERE kind = 'RunStarted' GROUP BY session"
        ).fetchall()
        sent = database.execute("SELECT count(*) FROM outbox WHERE kind = 'job'").fetchone()[0]
    print(met)
    assert len(met) - met.count("at rest") > KILLS // 2
    log = (hermes.workspace / "log").read_text().split()
    assert [row[0] for row in rows] == [f"job{number}" for number in range(KILLS)]
    assert {row[1] for row in rows} == {"ran"}, rows
    assert len(runs) == len({row[4] for row in rows}) == KILLS
    assert all(count == 1 for _, count in runs)
    assert sent == KILLS
    assert len(log) == len(set(log))


def _live(owner: Owner, home: Path, name: str, point: str) -> str:
    """One life of a daemon up to its kill point, or until the job is over; where it ended."""
    life = owner.start(point)
    with suppress(Gone):
        owner.wait()
        wait_until(lambda: not life.alive or _ended(home, name), 40)
    where = "at rest" if life.alive else life.said().rpartition("\n")[2]
    life.end(kill=True)
    return where


def _ended(home: Path, name: str) -> bool:
    with closing(sqlite3.connect(f"file:{home}/state.db?mode=ro", uri=True)) as database:
        query = "SELECT 1 FROM occurrences WHERE job = ? AND status <> 'claimed'"
        return database.execute(query, (name,)).fetchone() is not None


def test_a_script_that_was_cut_short_is_not_run_again(hermes: Hermes, owner: Owner) -> None:
    job(
        hermes,
        "cut",
        soon(1.3),
        prompt="",
        script="echo once >> log; sleep 60",
        workspace=str(hermes.workspace),
    )
    life = owner.wake()
    wait_until(lambda: (hermes.workspace / "log").exists())
    life.end(kill=True)
    life = owner.wake()
    wait_until(lambda: _ended(hermes.home, "cut"))
    owner.stop(life)
    (row,) = final(hermes, "cut")
    assert row["status"] == "failed"
    assert "not run again" in row["reason"]
    assert (hermes.workspace / "log").read_text() == "once\n"


# -- delivered to a chat --------------------------------------------------------------------------


def test_a_result_is_delivered_to_a_chat_and_a_deaf_one_does_not_run_the_job_again(
    hermes: Hermes, model_server: ModelServer
) -> None:
    """Refused twice in passing, then taken; refused for good it waits in the inbox."""
    faults = iter(["fail", "cut"])
    model_server.script = lambda number, body: {"content": "the report"}
    with Program() as program:
        configure(hermes, program, model_server)
        hermes.ok("daemon", "start")
        program.say("hello")
        program.until(program.shown)
        program.misbehave = lambda method, *_: next(faults, "") if method == "POST" else ""
        hermes.ok("cron", "create", "@daily", "report", "--name", "r", "--deliver", "loopback")
        asked = len(model_server.runs())
        hermes.ok("cron", "run", "r")
        program.until(lambda: len(program.shown()) == 2)
        wait_until(lambda: final(hermes, "r")[0]["delivery"] == "delivered")
        assert program.shown()[-1].text.endswith("the report")  # marked as sent again
        program.misbehave = lambda method, *_: "gone" if method == "POST" else ""
        hermes.ok("cron", "run", "r")
        wait_until(lambda: "in the inbox" in final(hermes, "r")[0]["delivery"], 60)
        assert [row["status"] for row in final(hermes, "r")] == ["ran", "ran"]
        assert len(model_server.runs()) == asked + 2
        hermes.close()


def test_a_job_made_in_a_chat_answers_in_that_chat(
    hermes: Hermes, model_server: ModelServer
) -> None:
    model_server.script = calls_schedule(
        action="create", when="weekdays at 8", prompt="Read the news.", name="news"
    )
    with Program() as program:
        configure(hermes, program, model_server)
        hermes.ok("daemon", "start")
        program.say("the news every weekday at 8", chat="c7")
        program.until(lambda: program.shown("c7"))
        assert "created news" in program.until(lambda: program.shown("c7"))[-1].text
        assert hermes.json("cron", "show", "news")["deliver"] == "loopback:c7"
        model_server.script = lambda number, body: {"content": "the news"}
        hermes.ok("cron", "run", "news")
        program.until(lambda: "the news" in [one.text for one in program.shown("c7")])
        program.say('/cron create "every friday at 9" Look.', chat="c7", thread="t/1,2")
        program.until(lambda: "created look" in program.shown("c7")[-1].text)
        hermes.ok("cron", "run", "look")
        program.until(lambda: program.shown("c7")[-1].text == "the news")
        assert program.shown("c7")[-1].thread == "t/1,2"
        ((session,),) = rows(hermes, "SELECT session FROM chats WHERE address LIKE '%/c7'")
        program.say(f"/resume {session}", chat="c8")
        program.until(lambda: program.shown("c8"))
        model_server.script = calls_schedule(
            action="create", when="weekdays at 8", prompt="Read.", name="again"
        )
        program.say("the news once more", chat="c7")
        program.until(lambda: "created again" in program.shown("c7")[-1].text)
        assert hermes.json("cron", "show", "again")["deliver"] == "loopback:c7"
        program.say("make a job", chat="c9", sender="g1")
        model_server.script = calls_schedule(action="create", when="@hourly", prompt="More.")
        program.until(lambda: program.shown("c9"))
        assert sorted(statuses(hermes)) == ["again", "look", "news"]
        hermes.close()
