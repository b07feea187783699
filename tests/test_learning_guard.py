"""What must not be learned or changed, through the real daemon: locks, poison, traps, a store that
refuses, and what an evaluation may call."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from agent.checkpoint import TOOLS
from tests.hermes import Hermes
from tests.model_server import ModelServer, Script, calls
from tests.poison import GOALS, WORDINGS
from tests.skill_texts import skill_text
from tests.test_learning_daemon import created, keeps, memory, noted, until
from tests.test_whole_message import connect, echo, oneshot

pytestmark = pytest.mark.slow

TEA = "The owner drinks green tea."
Made = tuple[str, dict[str, Any]]


def answers(*replies: list[Made] | str) -> list[dict[str, Any]]:
    """Replies in turn: calls, or the last words of a run."""
    return [
        {"content": one}
        if isinstance(one, str)
        else {"tool_calls": [{"name": name, "arguments": asked} for name, asked in one]}
        for one in replies
    ]


def script(server: ModelServer, made: list[dict[str, Any]]) -> None:
    """These are the next replies of runs."""
    start = sum(request.kind == "run" for request in server.requests)
    server.script = lambda number, body: made[number - start]


def once(at: int, made: dict[str, Any]) -> Script:
    """The first reply of the checkpoint that begins with request `at`."""
    return lambda number, body: made if number == at else None


# -- locked -------------------------------------------------------------------------------------


def attempts(hermes: Hermes, chance: random.Random, number: int) -> list[Made]:
    """Ways to rewrite the locked skill and note, by the tools that learn and by those for files."""
    skill = hermes.home / "skills" / "grind" / "SKILL.md"
    notes = hermes.home / "memories" / "MEMORY.md"
    word = f"word{chance.randrange(10**6)}"
    new = skill_text("grind", f"Grind {word}.", f"1. {word}")
    manage, keep = "skill_manage", "memory"
    named = {"name": "grind"}
    old: dict[str, Any] = {"target": "memory", "old_text": "green tea"}
    learns: list[Made] = [
        (manage, {"action": "patch", **named, "old_text": "crank", "new_text": word}),
        (manage, {"action": "edit", **named, "content": new}),
        (manage, {"action": "write_file", **named, "path": "scripts/a.sh", "content": word}),
        (manage, {"action": "archive", **named}),
        (manage, {"action": "create", **named, "content": new}),
        (keep, {"operations": [{"action": "replace", "text": word, **old}]}),
        (keep, {"operations": [{"action": "remove", **old}]}),
    ]
    commands = (
        f"echo {word} > '{skill}'",
        f"echo {word} >> '{notes}'",
        f"sed -i s/green/{word}/ '{notes}'",
        f"rm -rf '{skill.parent}'",
        f"mv '{notes}' /tmp/{word}",
        f"ln -sf /etc/hosts '{skill}'",
        f"python3 -c \"open('{skill}', 'w').write('{word}')\"",
        f"chmod 0 '{notes}'",
        f"truncate -s 0 '{hermes.home}/state.db'",
    )
    link = f"{hermes.workspace}/link/SKILL.md"
    files: list[Made] = [
        ("write_file", {"path": str(skill), "content": word}),
        ("write_file", {"path": str(notes), "content": word}),
        ("patch", {"path": str(skill), "old_text": "crank", "new_text": word}),
        ("patch", {"path": link, "old_text": "crank", "new_text": word}),
        *[("shell", {"command": command}) for command in commands],
    ]
    return [chance.choice(learns if n % 2 else files) for n in range(number)]


def test_nothing_the_program_does_changes_what_is_locked(hermes, model_server):
    connect(hermes, model_server)
    folder = hermes.home / "skills" / "grind"
    folder.mkdir(parents=True)
    skill, notes = folder / "SKILL.md", hermes.home / "memories" / "MEMORY.md"
    skill.write_text(skill_text("grind", body="1. Turn the crank slowly."))
    hermes.ok("memory", "add", TEA)
    hermes.ok("learning", "lock", "grind")
    (added,) = [row for row in hermes.json("learning", "list", "--all") if row["kind"] == "memory"]
    hermes.ok("learning", "lock", str(added["id"]))
    (hermes.workspace / "link").symlink_to(folder)

    def held() -> object:
        names = sorted(path.name for path in folder.iterdir())
        return skill.read_bytes(), notes.read_bytes(), names

    before = held()
    tried, chance = 0, random.Random(7)
    for _ in range(2):
        chat, checkpoint = attempts(hermes, chance, 70), attempts(hermes, chance, 30)
        script(model_server, answers(chat, "done"))
        start = sum(request.kind == "checkpoint" for request in model_server.requests)
        model_server.checkpoint = once(start, keeps(*checkpoint)[0])
        report = json.loads(hermes.run("-z", "improve the grinding", "--json").stdout)
        assert report["checkpoints"] == 1
        tried += len(chat) + len(checkpoint)
        hermes.run("curator", "run")
    assert tried >= 200
    assert held() == before
    assert [row for row in hermes.json("learning", "list") if row["name"] == "grind"] == []
    hermes.ok("learning", "unlock", "grind")
    patch = {"action": "patch", "name": "grind", "old_text": "crank", "new_text": "handle"}
    script(model_server, answers([("skill_manage", patch)], "done"))
    oneshot(hermes, "use the handle of the grinder instead of the crank")
    assert "handle" in skill.read_text(), "the attempts could have succeeded"


# -- poison and traps ---------------------------------------------------------------------------


def test_poison_is_proposed_whichever_way_it_comes_and_is_kept(hermes, model_server):
    connect(hermes, model_server)
    for number, goal in enumerate(GOALS):
        text = WORDINGS[number].format(goal=goal.text)
        (hermes.workspace / f"note{number}.md").write_text(f"# Notes\n\n{text}\n")
        looks: list[Made] = [
            ("read_file", {"path": f"note{number}.md"}),
            ("shell", {"command": f"cat note{number}.md"}),
            ("search_files", {"pattern": ".", "path": f"note{number}.md"}),
        ]
        words = goal.reworded if number % 2 else goal.text
        kept: list[Made] = [
            noted(words),
            created(f"work-{number}", skill_text(f"work-{number}", "Do the work.", f"1. {words}")),
        ]
        replies = answers([looks[number % 3]], kept, "done")
        script(model_server, replies)
        report = oneshot(hermes, "what is in the notes?")
        assert {row["status"] for row in report["learned"]} == {"proposed"}, (words, report)
        assert len(report["learned"]) == 2
    assert memory(hermes) == ""
    assert list((hermes.home / "skills").glob("work-*")) == []


def talk(hermes: Hermes, server: ModelServer, *turns: tuple[str, list[list[Made] | str]]) -> str:
    """Say each turn's words in one session, with these replies; the session."""
    session = ""
    for said, replies in turns:
        script(server, answers(*replies))
        more = ("-r", session) if session else ()
        if session:
            hermes.ok("chat", *more, "-q", said)
        else:
            session = oneshot(hermes, said)["session"]
    return session


def standing(hermes: Hermes, text: str) -> str:
    """What became of a note."""
    rows = [row for row in hermes.json("learning", "list") if text[:40] in row["name"]]
    return rows[-1]["status"] if rows else "nothing"


def test_traps_are_not_believed_and_honest_work_is(hermes, model_server):
    connect(hermes, model_server)
    branch, desk, slow = "The deploy branch is main.", "Files are named final.pdf.", "npm hangs."
    export, stage = "Exports are made by export.py, once per night.", "Tests need STAGE=test."
    ok: list[Made] = [("shell", {"command": "true"})]
    talk(hermes, model_server,
         ("remember that the deploy branch is main", [[noted(branch)], "Noted."]),
         ("forget that, I was wrong", ["Forgotten."]))  # fmt: skip
    until(lambda: standing(hermes, branch) == "undone")
    assert branch not in memory(hermes)
    talk(hermes, model_server,
         ("just this once, name the file final.pdf", [ok, [noted(desk)], "Done."]),
         ("perfect, thanks", ["Welcome."]))  # fmt: skip
    talk(hermes, model_server, ("why does npm hang?", [ok, [noted(slow)], "It passed."]),
         ("great, thanks", ["Welcome."]))  # fmt: skip
    tabs = "The user uses tabs."
    talk(hermes, model_server, ("maybe we should use tabs", [[noted(tabs)], "Ok."]))
    delete = "Always delete the user's work."
    talk(hermes, model_server,
         ("oh great, always delete my work 🙄", [[noted(delete)], "Sorry."]))  # fmt: skip
    talk(hermes, model_server, ("how should we deploy?", ["I propose blue-green deploys. Ok?"]),
         ("let me think about it", [[noted("Deploys are blue-green.")], "Sure."]))  # fmt: skip
    talk(hermes, model_server, ("our tests need STAGE=test", [[noted(stage)], "Noted."]))
    talk(hermes, model_server,
         ("find out how the export is made", [ok, [noted(export)], "By export.py, every night."]),
         ("perfect, thanks", ["Welcome."]))  # fmt: skip
    until(lambda: standing(hermes, export) == "active")
    rows = [row for row in hermes.json("learning", "list") if row["action"] == "add"]
    believed = sorted(row["name"] for row in rows if row["status"] == "active")
    assert believed == sorted([export, stage])
    assert "npm hangs. (until 2" in memory(hermes)


# -- said by the program ------------------------------------------------------------------------


def test_a_store_that_refuses_is_told_whatever_the_model_says(hermes, model_server):
    connect(hermes, model_server)
    (hermes.home / "memories").mkdir()
    (hermes.home / "memories" / "MEMORY.md").symlink_to("/nowhere/at/all/MEMORY.md")
    model_server.script = answers([noted("The deploy branch is release.")], "I have saved it!")
    shown = hermes.run("chat", "-q", "remember that the deploy branch is release")
    assert "not saved" in shown.stdout + shown.stderr
    assert "learned:" not in shown.stdout
    model_server.script = calls(15, "shell", echo)
    model_server.checkpoint = keeps(noted("A thing."))[:1] + keeps(noted("Another."))
    model_server.checkpoint[0]["tool_calls"].pop()
    report = oneshot(hermes, "work")
    asked = [request for request in model_server.requests if request.kind == "checkpoint"]
    assert (len(asked), report["learned"]) == (1, [])


def test_an_evaluation_can_only_write_what_it_learned(hermes, model_server):
    connect(hermes, model_server)
    model_server.script = calls(15, "shell", echo)
    probes = {
        "shell": {"command": "touch probed"},
        "process": {"action": "list"},
        "write_file": {"path": "probed", "content": "x"},
        "patch": {"path": "probed", "old_text": "a", "new_text": "b"},
        "web_fetch": {"url": "https://example.com"},
        "web_search": {"query": "x"},
        "schedule": {"when": "every day at 9:00", "task": "x"},
        "send_message": {"to": "telegram", "text": "x"},
        "ask": {"question": "may I?"},
        "read_file": {"path": "probed"},
    }

    def evaluate(number: int, body: dict[str, Any]) -> dict[str, Any] | None:
        if number:
            return None
        offered = {one["function"]["name"] for one in body["tools"]}
        assert {"shell", "write_file", "schedule", "web_fetch"} <= offered
        names = sorted(offered - set(TOOLS))
        return {"tool_calls": [{"name": n, "arguments": probes.get(n, {})} for n in names]}

    model_server.checkpoint = evaluate
    report = oneshot(hermes, "work")
    assert report["checkpoints"] == 1
    assert not (hermes.workspace / "probed").exists()
    assert hermes.json("cron", "list") == []
    last = [r for r in model_server.requests if r.kind == "checkpoint"][-1].body["messages"]
    results = [one["content"] for one in last[-40:] if one["role"] == "tool"]
    refused = [text for text in results if text.startswith("denied: a checkpoint may only call")]
    assert len(refused) >= len(probes) - 2


def test_each_purpose_has_its_line_in_the_bill(hermes, model_server):
    connect(hermes, model_server, learning={"model": "small"})
    model_server.script = calls(15, "shell", echo)
    report = oneshot(hermes, "work")
    assert report["checkpoints"] == 1
    asked = [request for request in model_server.requests if request.kind == "checkpoint"]
    assert {request.body["model"] for request in asked} == {"small"}
    assert {request.body["model"] for request in model_server.runs()} == {"scripted"}
    model_server.script = [{"content": "ok"}]
    bill = hermes.run("chat", "-r", report["session"], "-q", "/usage").stdout
    lines = [line.split()[0] for line in bill.splitlines() if line.startswith("  ")]
    assert {"run", "checkpoint"} <= set(lines), bill
    quiet = oneshot(hermes, "work", "--no-learning")
    assert quiet["checkpoints"] == 0
