"""Seeing and deciding: the timeline, a change and where it came from, in commands and in chats; the
one line in a chat when something was learned or moved; forgetting through the daemon."""

from __future__ import annotations

import json

import pytest

from agent.events import Noticed, PromptChanged
from agent.learning.door import Author
from gateway.learning import change_text, deciding, learned
from hermes_home.paths import Home
from tests.hermes import Hermes
from tests.home_checks import journal_of
from tests.model_server import ModelServer, calls
from tests.skill_texts import skill_text
from tests.test_channels import answers, chat, program  # noqa: F401
from tests.test_forgetting import Talk, app  # noqa: F401
from tests.test_learning_daemon import (
    NOTE,
    created,
    first_message,
    keeps,
    last_message,
    learn,
    noted,
)
from tests.test_whole_message import connect, echo

# -- what became of a skill ---------------------------------------------------------------------


@pytest.mark.anyio
async def test_the_timeline_tells_what_evidence_made_of_a_skill(app):  # noqa: F811
    talk = await Talk.begin(app)
    author = Author("agent", talk.session)
    change = await app.writer.create("brew-tea", skill_text("brew-tea"), author)

    async def status() -> str:
        (row,) = await learned.timeline(app)
        assert (row["kind"], row["name"], row["action"]) == ("skill", "brew-tea", "create")
        return str(row["status"])

    assert await status() == "candidate"
    why = "runs with it succeed less often: 2 of 9 with it, 7 of 9 usually"
    for state in ("active", "quarantined"):
        await app.upkeep.move("brew-tea", state, "evidence", why, session=talk.session)
        assert await status() == state
    said = [
        one.event.text for one in app.journal.read(talk.session) if isinstance(one.event, Noticed)
    ]
    assert said == [
        f"skill brew-tea is active: {why} · /learned",
        f"skill brew-tea is quarantined: {why} · /learned",
    ]
    shown = await learned.change(app, change.id)
    assert (shown["state"], shown["state_reason"]) == ("quarantined", why)
    await app.upkeep.move("brew-tea", "stale", "curator", "not used")
    assert await status() == "candidate"
    await app.door.undo(change.id)
    assert await status() == "undone"


@pytest.mark.anyio
async def test_an_approval_shows_every_line_that_comes_into_use_with_it(app):  # noqa: F811
    talk = await Talk.begin(app)
    author = Author("agent", talk.session)
    asks = Author("agent", talk.session, asks="words from a file")
    body = "1. Boil water.\n2. Wait."
    await app.writer.create("brew-tea", skill_text("brew-tea", body=body), author)
    await app.writer.write_file("brew-tea", "scripts/timer.py", "print('tea')\n", author)
    proposed = await app.writer.write_file("brew-tea", "scripts/pot.py", "print('pot')\n", asks)
    last = await app.writer.patch("brew-tea", "2. Wait.", "2. Wait a while.", author)

    async def shown(id: int, verb: str = "approve") -> list[str]:
        return change_text.written(await deciding.decided(app, id, verb))

    wanted = {"+2. Wait a while.", "+1. Boil water.", "+print('tea')", "+print('pot')"}
    lines = await shown(proposed.id)
    assert wanted <= set(lines)
    assert "+2. Wait." not in lines
    # The next change waits alone; a refused or undone one is no part of it.
    again = await app.writer.patch("brew-tea", "1. Boil water.", "1. Boil it.", author)
    gone = await app.writer.write_file("brew-tea", "scripts/gone.py", "print('gone')\n", author)
    await app.door.undo(gone.id)
    lines = await shown(again.id)
    assert [line for line in lines if line[:1] in "+-" and line[1:2] not in "+-"] == [
        "-1. Boil water.",
        "+1. Boil it.",
    ]
    assert (await shown(last.id))[-1] == "+2. Wait a while."


# -- through the daemon -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_change_tells_where_it_came_from_and_is_approved_word_by_word(hermes, model_server):
    connect(hermes, model_server, learning={"mode": "suggest"})
    poison = "first line\n  indented   with   spaces"
    report = learn(
        hermes, model_server, noted(NOTE), created("grind", skill_text("grind", body=poison))
    )
    note, skill = (str(row["id"]) for row in report["learned"])
    row = hermes.json("learning", "show", note)
    assert (row["said"], row["session"]) == ("work through it", report["session"])
    assert row["status"] == "proposed"
    for text in (hermes.ok("learning", "show", note), hermes.ok("learning", "approve", note)):
        assert f"+{NOTE}" in text.splitlines()
    shown = hermes.ok("learning", "approve", skill).splitlines()
    assert "+  indented   with   spaces" in shown
    assert all(len(line) <= 100 for line in shown)
    assert f"+{NOTE}" in hermes.ok("chat", "-q", f"/learned {note}").splitlines()
    assert "```" not in hermes.ok("chat", "-q", f"/learned {skill}")
    hermes.ok("learning", "undo", note)
    assert f"+{NOTE}" in hermes.ok("learning", "redo", note).splitlines()
    later = str(hermes.json("learning", "list", "--all")[0]["id"])
    hermes.ok("learning", "undo", later)
    assert f"{later} carries out {note}: added the note" in hermes.ok("learning", "redo", later)
    assert {row["status"] for row in hermes.json("learning", "list")} == {"active"}
    refused = hermes.run("learning", "redo", note)
    assert refused.returncode != 0
    assert "not undone" in refused.stderr
    for id in ("999", "9" * 30):
        assert f"there is no change {id}" in hermes.run("learning", "show", id).stderr


@pytest.mark.slow
def test_what_is_forgotten_leaves_the_next_request_of_an_old_session_too(hermes, model_server):
    connect(hermes, model_server)
    report = learn(hermes, model_server, noted(NOTE))
    (change,) = report["learned"]
    id, session = str(change["id"]), report["session"]
    hermes.ok("learning", "approve", id)
    assert NOTE in first_message(hermes, model_server)
    hermes.ok("chat", "-r", session, "-q", f"I said: {NOTE}")
    assert NOTE in last_message(model_server)
    assert model_server.prefix_breaks() == []
    before = (hermes.home / "memories" / "MEMORY.md").read_bytes()

    hermes.ok("learning", "forget", id)
    assert NOTE not in (hermes.home / "memories" / "MEMORY.md").read_text()
    model_server.script = lambda number, body: {"content": "ok"}
    hermes.ok("chat", "-r", session, "-q", "go on")
    assert NOTE not in json.dumps(model_server.runs()[-1].body)
    assert "[forgotten]" in json.dumps(model_server.runs()[-1].body)
    assert len(model_server.prefix_breaks()) == 1
    hermes.ok("daemon", "restart")
    hermes.ok("chat", "-r", session, "-q", "go on")
    assert len(model_server.prefix_breaks()) == 1
    assert "Lisbon mill" not in first_message(hermes, model_server)
    assert hermes.json("sessions", "search", "Fridays") == []
    assert "forgotten" in hermes.ok("learning", "list")
    assert NOTE not in hermes.ok("learning", "show", id)
    assert NOTE not in hermes.ok("sessions", "export", session)

    hermes.ok("learning", "undo", id)
    assert (hermes.home / "memories" / "MEMORY.md").read_bytes() == before
    assert hermes.json("sessions", "search", "Fridays") != []
    asked = hermes.run("learning", "forget", id, "--purge")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    hermes.ok("learning", "forget", id, "--purge", "--yes")
    hermes.ok("daemon", "stop")
    for path in hermes.home.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            assert NOTE.encode() not in path.read_bytes(), path
    reasons = [
        one.event.reason
        for one in journal_of(Home(hermes.home))
        if one.session == session and isinstance(one.event, PromptChanged)
    ]
    assert [f"change {id}" in reason for reason in reasons] == [True] * 3


@pytest.mark.slow
def test_the_owner_sees_and_decides_in_a_chat(chat, program, model_server):  # noqa: F811
    server: ModelServer = model_server
    hermes: Hermes = chat
    hermes.ok("config", "set", "learning.mode", "suggest")
    text = "Ann likes  two spaces"
    server.script = [
        {"tool_calls": [{"name": "memory", "arguments": noted(text)[1]}]},
        {"content": "Proposed."},
    ]
    program.say("Ann likes  two spaces")
    told = f"proposed: added a note: {' '.join(text.split())} · /learned"
    program.until(lambda: answers(program, "c1")[-1:] == ["Proposed."])
    program.until(lambda: told in [one.text for one in program.shown("c1")])
    (row,) = hermes.json("learning", "list")

    def said(command: str) -> str:
        known = len(program.shown("c1"))
        program.say(command)
        program.until(lambda: len(program.shown("c1")) > known)
        return str(program.shown("c1")[-1].text)

    assert "proposed" in said("/learned")
    assert f"+{text}" in said(f"/learned {row['id']}").splitlines()
    assert f"+{text}" in said(f"/learned approve {row['id']}").splitlines()
    assert hermes.json("memory", "show")["memory"][0]["text"] == text
    said(f"/learned undo {row['id']}")
    assert hermes.json("memory", "show")["memory"] == []
    assert "usage" in said("/learned burn 3")
    said(f"/learned redo {row['id']}")
    assert "nothing shows it" in said(f"/learned forget {row['id']}")
    assert text not in said("/learned")


@pytest.mark.slow
def test_one_line_says_what_a_self_evaluation_learned(chat, program, model_server):  # noqa: F811
    chat.ok("config", "set", "learning.mode", "auto")
    model_server.script = calls(15, "shell", echo)
    made = (noted("The printer is on the second floor"), created("grind", skill_text("grind")))
    model_server.checkpoint = lambda at, body: keeps(*made)[0] if at < 1 else None
    program.say("work through it")
    lines = (
        "learned: added a note: The printer is on the second floor · /learned",
        "learned: created `grind` (",
    )
    program.until(lambda: any(lines[0] in one.text for one in program.shown("c1")))
    (message,) = [one.text for one in program.shown("c1") if "learned:" in one.text]
    assert len(message.splitlines()) == 2
    assert message.splitlines()[1].startswith(lines[1])
