"""A person in a chat and the daemon, over the loopback channel: one message there and back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chatting_channels import configure, rows
from tests.hermes import Hermes
from tests.loopback_platform import Program, buttons_of
from tests.model_server import ModelServer, calls
from tests.test_principals import spoofs

pytestmark = pytest.mark.slow


@pytest.fixture
def program() -> Iterator[Program]:
    with Program() as program:
        yield program


@pytest.fixture
def chat(hermes: Hermes, program: Program, model_server: ModelServer) -> Hermes:
    configure(hermes, program, model_server)
    hermes.ok("daemon", "start")
    return hermes


def answers(program: Program, chat: str = "c1") -> list[str]:
    return [one.text for one in program.shown(chat)]


def test_a_message_is_answered_once_in_its_chat(chat, program, model_server):
    model_server.script = [{"content": "hello yourself"}, {"content": "again"}]
    program.say("hello")
    program.until(lambda: answers(program) == ["hello yourself"])
    program.say("more")
    program.until(lambda: answers(program) == ["hello yourself", "again"])
    assert len(model_server.runs()) == 2
    assert [one["state"] for one in chat.json("status")["channels"]] == ["live"]
    assert "loopback: live" in chat.ok("status")
    assert rows(chat, "SELECT DISTINCT state FROM outbox") == [("final",)]
    program.until(lambda: program.acknowledged == 2)


def test_strangers_get_silence_and_a_code_lets_one_in_once(chat, program, model_server):
    program.say("let me in", sender="x9", chat="c9")
    code = chat.json("pairing", "new", "loopback", "--role", "guest", "--days", "1")["code"]
    program.say("AAAAA-BBBBB", sender="x9", chat="c9")
    program.say(code, sender="x9", chat="c9")
    program.until(lambda: len(answers(program, "c9")) == 1)
    assert answers(program, "c9")[0].startswith("You are paired.")
    program.say(code, sender="x8", chat="c8")
    program.say(code, sender="x9", chat="c9")
    program.say("hello", sender="x9", chat="c9")
    program.until(lambda: len(answers(program, "c9")) == 2)
    assert answers(program, "c8") == []
    assert len(model_server.runs()) == 1
    (grant,) = chat.json("pairing", "list")
    assert (grant["sender"], grant["role"], grant["status"]) == ("x9", "guest", "active")
    chat.ok("pairing", "revoke", grant["id"])
    program.say("still there?", sender="x9", chat="c9")
    program.say("and me", chat="c1")
    program.until(lambda: answers(program))
    assert len(answers(program, "c9")) == 2
    assert chat.json("pairing", "list")[0]["status"] == "revoked"
    assert chat.run("pairing", "revoke", grant["id"]).returncode != 0
    events = {row[0] for row in rows(chat, "SELECT event FROM arrivals")}
    assert events == {"e3", "e5", "e6", "e8"}, "strangers are not stored"


def test_forty_who_are_not_the_owner_are_neither_handled_nor_answered(chat, program, model_server):
    for number, spoof in enumerate(spoofs()):
        text = spoof.text or "let me in"
        more = {"name": spoof.name, "group": spoof.group, "mentioned": True, "button": spoof.button}
        sender = spoof.sender.replace("1001", "u1") if spoof.sender != "1001" else "U1"
        program.say(text, chat=f"s{number % 5}", sender=sender, press="p", **more)
    for sender in ("u1 ", "u1\u200b", "ｕ1", "u1:u1"):
        program.say("/status", chat="c1", sender=sender)
    assert len(program.events) >= 40
    program.until(lambda: program.acknowledged == len(program.events))
    assert chat.json("status")["channels"][0]["strangers"] == len(program.events)
    time.sleep(0.3)
    assert program.messages == []
    assert program.presses == []
    assert model_server.requests == []
    for table in ("arrivals", "inbox", "outbox", "chats", "events"):
        assert rows(chat, f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_guest_gets_no_commands_notes_or_memory(chat, program, model_server):
    chat.ok("memory", "add", "The safe opens with 4711.")
    work = [
        ("shell", {"command": "id"}),
        ("session_search", {"query": "safe"}),
        ("memory", {"operations": [{"action": "add", "target": "memory", "text": "x"}]}),
        ("read_file", {"path": str(chat.workspace / "secret.txt")}),
        ("read_file", {"path": str(chat.home / "memories" / "MEMORY.md")}),
        ("write_file", {"path": "a.txt", "content": "x"}),
    ]
    (chat.workspace / "secret.txt").write_text("4711")
    model_server.script = [
        *({"tool_calls": [{"name": name, "arguments": words}]} for name, words in work),
        {"content": "I may not."},
    ]
    program.say("open the safe", sender="g1", chat="c7")
    program.until(lambda: answers(program, "c7") == ["I may not."])
    body = model_server.runs()[-1].body["messages"]
    results = [one["content"] for one in body if one["role"] == "tool"]
    assert len(results) == len(work)
    assert all("denied" in text for text in results), results
    assert "4711" not in str([one for one in body if one["role"] != "assistant"])
    assert not (chat.workspace / "a.txt").exists()
    refused = ("/status x", "/memory", "/resume", "/learned", "/usage", "/skills")
    for text in refused:
        program.say(text, sender="g1", chat="c7")
    program.until(lambda: len(answers(program, "c7")) == 1 + len(refused))
    replies = answers(program, "c7")[1:]
    assert sum("the owner's" in reply for reply in replies) == len(refused) - 1
    assert any(reply.startswith("this chat") for reply in replies)


def test_in_a_group_only_what_is_addressed_counts_and_everybody_has_a_session_of_his_own(
    chat, program, model_server
):
    program.say("chatter", chat="team", group=True)
    program.say("you there", chat="team", group=True, mentioned=True)
    program.say("me too", chat="team", group=True, mentioned=True, sender="g1")
    program.until(lambda: len(answers(program, "team")) == 2)
    assert len(model_server.runs()) == 2
    found = rows(chat, "SELECT principal, session, private FROM chats ORDER BY principal")
    assert [row[0] for row in found] == ["loopback:bot-1:g1", "owner"]
    assert found[0][1] != found[1][1]
    done = rows(chat, "SELECT event, done FROM arrivals ORDER BY number")
    assert done == [("e1", "not addressed"), ("e2", "said"), ("e3", "said")]


def test_files_come_with_their_type_size_and_path_or_a_stated_failure(chat, program, model_server):
    png = b"\x89PNG\r\n\x1a\n" + bytes(5000)
    program.files |= {"good": png, "text": b"hello\n", "empty": b""}
    sent = [
        {"reference": "good", "name": "note.txt", "type": "text/plain", "size": len(png)},
        {"reference": "text", "name": "../../etc/x.csv", "size": 6},
        {"reference": "gone", "name": "gone.pdf", "size": 7},
        {"reference": "good", "name": "huge.bin", "size": 10**9},
        {"reference": "empty", "name": "cut.bin", "size": 12},
    ]
    program.say("look", attachments=sent)
    program.until(lambda: answers(program))
    said = model_server.runs()[0].body["messages"][-1]["content"]
    assert "[attachment: note.txt, image/png, 5,008 bytes, " in said
    assert "x.csv, text/csv, 6 bytes, " in said
    assert "[attachment: gone.pdf could not be fetched: " in said
    assert "[attachment: huge.bin could not be fetched: it has 1,000,000,000 bytes" in said
    assert "[attachment: cut.bin could not be fetched: not a single byte" in said
    paths = [word.rstrip("]") for word in said.split() if "/files/" in word]
    assert len(paths) == 2
    assert Path(paths[0]).read_bytes() == png


def test_a_file_is_sent_to_the_chat_and_a_guest_sends_none(chat, program, model_server):
    (chat.workspace / "sum.csv").write_bytes(b"a,b\n1,2\n")
    (chat.workspace / "large.bin").write_bytes(bytes(10_000_001))
    (chat.workspace / "empty.txt").touch()
    paths = ("sum.csv", "large.bin", "empty.txt", "gone.txt", str(chat.home / ".env"))
    model_server.script = [
        *({"tool_calls": [{"name": "send_file", "arguments": {"path": path}}]} for path in paths),
        {"content": "sent"},
        {"tool_calls": [{"name": "send_file", "arguments": {"path": "sum.csv"}}]},
        {"content": "I may not"},
    ]
    program.say("send me the sum")
    program.until(lambda: answers(program)[-1:] == ["sent"])
    assert [one.files for one in program.shown() if one.files] == [[b"a,b\n1,2\n"]]
    told = [str(one["content"]) for one in model_server.runs()[-1].body["messages"]]
    for text in ("is on its way", "more than 10,000,000 bytes", "is empty", "not exist", "denied"):
        assert any(text in one for one in told), (text, told)
    program.say("send me the sum", sender="g1", chat="c7")
    program.until(lambda: answers(program, "c7") == ["I may not"])
    assert sum(len(one.files) for one in program.messages) == 1
    model_server.script = calls(1, "send_file", {"path": "sum.csv"}, final="not here")
    chat.ok("-z", "send me the sum")
    assert "in no chat" in model_server.runs()[-1].body["messages"][-1]["content"]


def test_an_approval_has_buttons_and_shows_what_was_really_decided(chat, program, model_server):
    model_server.script = calls(1, "shell", {"command": "echo hi", "outside": True})
    program.say("do it")
    asked = program.until(lambda: [one for one in program.shown() if one.buttons])[0]
    assert "echo hi" in asked.text
    assert "/approve " in asked.text
    data = {button["label"]: button["data"] for button in buttons_of(asked)}
    assert list(data) == ["Allow once", "Deny", "Allow for this session"]
    program.say("", chat="c1", sender="g1", button=data["Allow once"], press="p0")
    program.until(lambda: program.presses == ["Only the owner decides this."])
    program.say("", chat="c1", sender="x9", button=data["Allow once"], press="p1")
    program.say("", button=data["Allow once"], press="p2")
    program.say("", button=data["Deny"], press="p3")
    program.until(lambda: len(program.presses) == 3)
    assert sorted(program.presses[1:]) == ["Allowed once.", "Already decided. Allowed once."] or (
        program.presses[1:] == ["Allowed once.", "Allowed once."]
    )
    program.until(lambda: answers(program)[-1] == "done")
    shown = program.find(asked.id)
    assert shown is not None
    assert shown.text.startswith("Allowed once.")
    assert buttons_of(shown) == []
    program.say(f"/deny {data['Deny'].split(':')[1]}")
    program.until(lambda: answers(program)[-1] == "Already decided. Allowed once.")
    model_server.script = calls(1, "shell", {"command": "echo ho", "outside": True})
    program.say("and this")
    program.until(lambda: any("echo ho" in text for text in answers(program)))
    program.say("/deny not today")
    program.until(lambda: "Denied." in answers(program))
    program.until(lambda: any(text.startswith("Denied.\n") for text in answers(program)))
    program.say("/approve")
    program.until(lambda: "Nothing waits for you here." in answers(program))


def test_a_restart_keeps_an_open_approval(chat, program, model_server):
    model_server.script = calls(1, "shell", {"command": "echo hi", "outside": True})
    program.say("do it")
    asked = program.until(lambda: [one for one in program.shown() if one.buttons])[0]
    chat.ok("daemon", "stop")
    chat.ok("daemon", "start")
    program.say("", button=buttons_of(asked)[0]["data"], press="p1")
    program.until(lambda: answers(program)[-1] == "done")
    assert program.presses == ["Allowed once."]


def test_a_question_is_answered_by_a_button(chat, program, model_server):
    model_server.script = calls(1, "ask", {"question": "Which?", "choices": ["red", "blue"]})
    program.say("paint it")
    asked = program.until(lambda: [one for one in program.shown() if one.buttons])[0]
    program.say("", button=buttons_of(asked)[1]["data"], press="p1")
    program.until(lambda: answers(program)[-1] == "done")
    assert program.presses == ["Answered: blue"]
    results = [m for m in model_server.runs()[-1].body["messages"] if m["role"] == "tool"]
    assert results[-1]["content"] == "blue"


def test_control_is_answered_within_two_seconds_while_model_tool_and_channel_hang(
    chat, program, model_server
):
    model_server.script = [
        {"content": "one"},
        {"stall_after": 0},
        {"tool_calls": [{"name": "shell", "arguments": {"command": "sleep 600"}}]},
    ]
    program.say("first")
    program.until(lambda: answers(program) == ["one"])

    def within(said: str, holds: Any, seconds: float = 2.0) -> None:
        begun = time.monotonic()
        program.say(said)
        program.until(holds)
        assert time.monotonic() - begun < seconds

    program.say("hang in the model")
    program.until(lambda: len(model_server.runs()) == 2)
    within(
        "/status", lambda: any(text.startswith("this chat – thinking") for text in answers(program))
    )
    within("/stop", lambda: "Stopped." in answers(program))
    program.say("hang in a tool")
    program.until(
        lambda: any(w["phase"] == "running shell" for w in chat.json("status")["working"])
    )
    within("/status", lambda: any("running shell" in text for text in answers(program)))
    within("/stop", lambda: answers(program).count("Stopped.") == 2)
    program.misbehave = lambda method, target, body: (
        "hang" if method == "POST" and body.get("text") == "done" else ""
    )
    program.say("hang in the channel")
    program.until(lambda: len(model_server.runs()) == 4)
    time.sleep(0.3)
    within("/status", lambda: answers(program)[-1].startswith("this chat – "))
    within("/stop", lambda: answers(program)[-1] == "Nothing is running.")


def test_an_approval_is_decided_within_two_seconds_while_model_tool_and_channel_hang(
    chat, program, model_server
):
    hanging: dict[str, dict[str, Any]] = {
        "model": {"stall_after": 0},
        "tool": {"tool_calls": [{"name": "shell", "arguments": {"command": "sleep 600"}}]},
        "channel": {"content": "words that never arrive"},
    }
    asking = calls(1, "shell", {"command": "echo hi", "outside": True})

    def script(number: int, body: dict[str, Any]) -> dict[str, Any]:
        what = body["messages"][1]["content"].split()[0]
        return hanging[what] if what in hanging else asking(number, body)

    model_server.script = script
    sent: list[str] = []

    def misbehave(method: str, target: str, body: dict[str, Any]) -> str:
        if method != "POST" or body.get("text") != "words that never arrive":
            return ""
        sent.append(target)
        return "hang"

    program.misbehave = misbehave
    phases = {"model": "thinking", "tool": "running shell"}
    for number, what in enumerate(hanging, 1):
        program.say(f"{what} hangs", chat=what)
        if what in phases:
            program.until(lambda what=what: phases[what] in working(chat).values())
        else:
            program.until(lambda: sent)
        program.say("ask me")
        program.until(lambda n=number: sum(bool(one.buttons) for one in program.shown()) == 1)
        begun = time.monotonic()
        program.say("/approve")
        program.until(lambda n=number: answers(program).count("Allowed once.") == n)
        assert time.monotonic() - begun < 2, what
        program.until(lambda n=number: answers(program).count("done") == n)
    assert set(phases.values()) <= set(working(chat).values()), "they hang still"
    assert answers(program, "channel") == []


def working(chat: Hermes) -> dict[str, str]:
    """What each session that works is at."""
    return {row["session"]: row["phase"] for row in chat.json("status")["working"]}


def test_nobody_goes_on_with_the_session_of_a_guest(chat, program, model_server):
    program.say("hello", sender="g1", chat="c7")
    program.until(lambda: answers(program, "c7") == ["done"])
    ((session,),) = rows(chat, "SELECT session FROM chats")
    told = chat.run("chat", "-q", "what did he say?", "-r", session)
    assert told.returncode == 2
    assert f"session {session} is a guest's" in told.stderr
    program.say("/new", sender="g1", chat="c7")
    program.until(lambda: "A new session." in answers(program, "c7"))
    program.say(f"/resume {session}")
    program.until(lambda: "this session is a guest's" in str(answers(program)))
    assert len(model_server.runs()) == 1
    program.say("my own", sender="g1", chat="c7")
    program.until(lambda: answers(program, "c7")[-1] == "done")


def test_control_waits_for_no_download_and_the_message_comes_after_it(chat, program, model_server):
    program.files["slow"] = b"at last"
    program.misbehave = lambda method, target, body: "hang" if "/files/" in target else ""
    program.say("read this", attachments=[{"reference": "slow", "name": "a.txt", "size": 7}])
    program.say("and then this")
    program.until(lambda: program.requests["GET /files"])
    begun = time.monotonic()
    program.say("/status")
    program.until(lambda: answers(program))
    assert time.monotonic() - begun < 2
    assert answers(program)[0].startswith("this chat – at rest")
    assert model_server.requests == []
    program.misbehave = lambda *_: ""
    program.release.set()
    program.until(lambda: len(answers(program)) >= 2)
    said = [one["content"] for one in model_server.runs()[-1].body["messages"]]
    assert "a.txt, text/plain, 7 bytes" in said[0] + said[1]


def test_busy_says_what_a_message_does_while_a_run_works(chat, program, model_server):
    def script(number: int, body: dict[str, Any]) -> dict[str, Any]:
        last = body["messages"][-1]["content"]
        return {"content": f"heard {last.split()[0]}", "delay": 0.8 if "slow" in last else 0}

    model_server.script = script
    program.say("/busy queue")
    program.until(lambda: answers(program))
    program.say("A slow")
    program.until(lambda: model_server.runs())
    program.say("B")
    program.until(lambda: answers(program)[1:] == ["heard A", "heard B"])
    program.say("/busy interrupt")
    program.until(lambda: len(answers(program)) == 4)
    program.say("C slow")
    program.until(lambda: len(model_server.runs()) == 3)
    program.say("D")
    program.until(lambda: answers(program)[4:] == ["Stopped.", "heard D"])
    program.say("/busy sometimes")
    program.until(lambda: "usage: /busy" in answers(program)[-1])


def test_sixty_calls_make_one_sound_and_one_status_line(chat, program, model_server):
    model_server.script = calls(60, "shell", {"command": "sleep 0.2"})
    program.say("work hard")
    program.until(lambda: answers(program) == ["done"], 90)
    assert len([one for one in program.messages if not one.silent]) == 1
    status = [one for one in program.messages if one.silent]
    assert len(status) == 1
    assert status[0].gone
    assert "calls" in status[0].texts[-1]
    assert len(status[0].texts) > 1


def test_an_answer_is_written_into_one_message_and_split_where_it_is_too_long(
    chat, program, model_server
):
    words = [f"word{number} " for number in range(30)]
    model_server.script = [{"content": "".join(words), "raw_chunks": None}]
    model_server.script = [{"content": "x" * 9000 + "\n\nend"}]
    program.say("much")
    program.until(lambda: answers(program) and answers(program)[-1].endswith("end"))
    sounds = [not one.silent for one in program.shown()]
    assert sounds == [True] + [False] * (len(sounds) - 1)
    assert len(sounds) >= 3
    assert "".join("".join(answers(program)).split()) == "x" * 9000 + "end"


def test_a_draft_becomes_the_answer_in_the_same_message_also_after_a_crash(
    chat, program, model_server
):
    text = "so it begins " * 20 + "and so it ends"
    model_server.script = lambda number, body: {"content": text, "pause": 1.5}
    program.say("tell me")
    program.until(lambda: answers(program) and answers(program)[0].endswith(" …"))
    # Killed before its receipt is stored it would be sent again, with a mark.
    program.until(lambda: rows(chat, "SELECT 1 FROM outbox WHERE kind = 'draft' AND receipt <> ''"))
    pid = chat.daemon_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    chat.ok("daemon", "start")
    program.until(lambda: text in answers(program))
    told = [one for one in program.messages if one.silent]
    (seen,) = [one for one in program.messages if not one.silent]
    assert seen.texts[-1] == text
    assert len(seen.texts) > 1
    assert [one.text for one in told if not one.gone] == ["I was cut short and go on where I was."]
    assert rows(chat, "SELECT count(*) FROM outbox WHERE kind = 'answer'") == [(1,)]


def test_a_run_that_fails_says_so_and_its_draft_with_it(chat, program, model_server):
    model_server.script = [{"status": 400, "error": "no such model"}]
    program.say("tell me")
    program.until(lambda: answers(program))
    assert answers(program)[0].startswith("This did not work out: ")
    model_server.script = lambda number, body: {"content": "word " * 50, "pause": 3}
    program.say("again")
    program.until(lambda: len(answers(program)) == 2)
    program.say("/stop")
    program.until(lambda: answers(program)[1] == "Stopped.")


def test_new_and_resume_change_the_session_of_a_chat(chat, program, model_server):
    program.say("one")
    program.until(lambda: len(answers(program)) == 1)
    ((first,),) = rows(chat, "SELECT session FROM chats")
    program.say("/new")
    program.until(lambda: "A new session." in answers(program))
    program.say("two")
    program.until(lambda: len(answers(program)) == 3)
    assert len(model_server.runs()[-1].body["messages"]) == 2
    program.say(f"/resume {first}")
    program.until(lambda: len(answers(program)) == 4)
    program.say("three")
    program.until(lambda: len(answers(program)) == 5)
    assert len(model_server.runs()[-1].body["messages"]) == 4
    assert rows(chat, "SELECT session FROM chats") == [(first,)]


def test_a_channel_without_its_secret_says_the_fix_and_starts_when_it_is_there(
    hermes, program, model_server
):
    configure(hermes, program, model_server)
    (hermes.home / ".env").write_text("")
    hermes.ok("daemon", "start")
    program.until(lambda: hermes.json("status")["channels"][0]["state"] == "refused")
    assert "LOOPBACK_TOKEN" in hermes.ok("status")
    assert "LOOPBACK_TOKEN" in (hermes.home / "logs" / "daemon.log").read_text()
    (hermes.home / ".env").write_text("LOOPBACK_TOKEN=loopback-secret\n")
    config = hermes.home / "config.yaml"
    config.write_text(config.read_text() + "\n")
    program.until(lambda: hermes.json("status")["channels"][0]["state"] == "live")
    configure(hermes, program, model_server, enabled=False)
    program.until(lambda: hermes.json("status")["channels"] == [])
