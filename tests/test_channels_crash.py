"""kill -9 at any point while three chats talk: nothing lost, nothing run twice, order kept, and
every answer seen once, or marked.

HERMES_SOAK=1 makes the 200 kills 1000.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from agent.events import UserSpoke
from gateway.chats.delivery import AGAIN
from hermes_home.paths import Home
from tests import home_checks as check
from tests.chatting_channels import configure, rows
from tests.hermes import Hermes
from tests.loopback_platform import Program
from tests.model_server import ModelServer
from tests.patient import Life
from tests.test_crash import SOAK

pytestmark = pytest.mark.slow

KILLS = 1000 if SOAK else 200
EACH = 200 if SOAK else 40
CHATS = ("c1", "c2", "c3")
KINDS = ("commit", "commit", "send", "commit", "send", "time")
REACH = {"commit": 40, "send": 14}
SECONDS = 3600 if SOAK else 900
QUIET_SECONDS = 20.0


def echo(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """Answers with everything said since the last answer; every seventh message takes a call."""
    said: list[str] = []
    calls = 0
    for message in reversed(body["messages"]):
        if message["role"] == "assistant" and not message.get("tool_calls"):
            break
        calls += message["role"] == "tool"
        if message["role"] == "user":
            said.insert(0, message["content"].split()[0])
    if not calls and any(text.endswith("7") for text in said):
        items = [{"text": "x", "done": False}]
        return {"tool_calls": [{"name": "todo", "arguments": {"items": items}}]}
    return {"content": "re: " + " ".join(said)}


class People:
    """Three of them, each saying one thing after the other in a chat of his own."""

    def __init__(self, program: Program, chance: random.Random) -> None:
        self._program, self._chance = program, chance
        self.said: dict[str, list[str]] = {chat: [] for chat in CHATS}

    @property
    def left(self) -> int:
        return sum(EACH - len(texts) for texts in self.said.values())

    def speak(self, lives_left: int) -> None:
        """Some of what is left, so that it lasts as long as there are lives."""
        wanted = self.left / max(1, lives_left)
        count = int(wanted) + (self._chance.random() < wanted % 1)
        for _ in range(count):
            open_chats = [chat for chat in CHATS if len(self.said[chat]) < EACH]
            chat = self._chance.choice(open_chats)
            text = f"{chat}-{len(self.said[chat])}"
            self.said[chat].append(text)
            self._program.say(text, chat=chat)


def quiet(hermes: Hermes, program: Program) -> bool:
    """Nothing is on its way any more, but for a run that is parked."""
    if program.acknowledged < len(program.events):
        return False
    waiting = (  # the tables are there: the daemon has answered events
        "SELECT (SELECT count(*) FROM arrivals WHERE done IS NULL)"
        " + (SELECT count(*) FROM outbox WHERE state = 'intent')"
        " + (SELECT count(*) FROM inbox WHERE taken IS NULL AND dropped IS NULL)"
        " + (SELECT count(*) FROM arrivals) - ?"
    )
    if rows(hermes, waiting, len(program.events)) != [(0,)]:
        return False
    last = "SELECT kind, max(seq) FROM events WHERE kind IN ({}) GROUP BY session"
    found = rows(hermes, last.format("'RunStarted', 'RunFinished', 'RunParked', 'UserSpoke'"))
    return all(kind in ("RunFinished", "RunParked") for kind, _ in found)


def live(hermes: Hermes, program: Program, point: str, chance: random.Random) -> str:
    """One life up to its kill point, or until there is nothing left to do."""
    timed = point == "time"
    life = Life(hermes, "" if timed else point)
    timer = threading.Timer(chance.uniform(0.2, 1.0), life.process.kill)
    if timed:
        timer.start()
    deadline = time.monotonic() + QUIET_SECONDS
    while life.alive and time.monotonic() < deadline:
        time.sleep(0.03)
        if (hermes.home / "state.db").exists() and not timed and quiet(hermes, program):
            break
    timer.cancel()
    with closing(life):
        life.end(kill=True)
        return "time" if timed else life.said().rpartition("\n")[2] or "at rest"


@pytest.mark.timeout(SECONDS)
def test_kills_lose_nothing_repeat_nothing_and_keep_the_order(
    hermes: Hermes, model_server: ModelServer
) -> None:
    model_server.script = echo
    chance = random.Random(7)
    met = Counter[str]()
    with Program() as program:
        program.redeliver = 3  # every other event: one that comes again hides that it was lost
        configure(hermes, program, model_server)
        people = People(program, chance)
        for number in range(KILLS):
            kind = KINDS[number % len(KINDS)]
            people.speak(KILLS - number)
            reach = REACH.get(kind, 1)
            far = chance.randint(1, reach if chance.random() < 0.6 else reach // 4 + 1)
            met[
                live(hermes, program, f"{kind}:{far}" if far and kind != "time" else kind, chance)
            ] += 1
        with closing(Life(hermes, "")):
            _to_the_end(hermes, program)
        marked = sum(one.text.startswith(AGAIN) for one in program.messages)
        print(f"{KILLS} kills: {dict(met)}; {marked} messages marked")
        _check(hermes, program, people)


def _to_the_end(hermes: Hermes, program: Program) -> None:
    """Until everything is done; parked runs are gone on with as a person would."""
    for again in range(5):
        program.until(lambda: quiet(hermes, program), 60)
        open_chats = [chat for chat in CHATS if _parked(hermes, chat)]
        if not open_chats:
            return
        for chat in open_chats:
            program.say(f"continue-{again}", chat=chat)
    raise AssertionError("it never came to rest")


def _parked(hermes: Hermes, chat: str) -> bool:
    found = rows(
        hermes,
        "SELECT kind, max(seq) FROM events WHERE kind IN ('RunStarted', 'RunFinished')"
        " AND session = (SELECT session FROM chats WHERE address LIKE '%/' || ?)",
        chat,
    )
    return bool(found[0][0] == "RunStarted")


def _check(hermes: Hermes, program: Program, people: People) -> None:
    home = Home(hermes.home)
    stored = check.journal_of(home)
    events = rows(hermes, "SELECT event, done FROM arrivals ORDER BY number")
    assert sorted(event for event, _ in events) == sorted(one["event"] for one in program.events)
    assert {done for _, done in events} == {"said"}
    assert program.acknowledged == len(program.events)
    for chat in CHATS:
        ((session,),) = rows(hermes, "SELECT session FROM chats WHERE address LIKE '%/' || ?", chat)
        spoken = [
            one.event.text
            for one in stored
            if one.session == session and isinstance(one.event, UserSpoke)
        ]
        asked = [one["text"] for one in program.events if one["chat"] == chat]
        assert spoken == asked
        _check_seen(hermes, program, chat, people.said[chat])


def _check_seen(hermes: Hermes, program: Program, chat: str, said: list[str]) -> None:
    """Each answer of the journal is seen; again only if that is marked."""
    unfinished = rows(hermes, "SELECT id, kind, state FROM outbox WHERE state <> 'final'")
    assert unfinished == []
    assert rows(hermes, "SELECT id FROM outbox WHERE failed <> '' AND kind = 'answer'") == []
    seen: dict[str, list[str]] = {}
    for one in program.shown(chat):
        seen.setdefault(one.key, []).append(one.text)
    for key, texts in seen.items():
        fresh = [text for text in texts if not text.startswith(AGAIN)]
        assert len(fresh) <= 1, (key, texts)
    wanted = {
        f"{id}-{int(at)}"
        for id, at in rows(
            hermes,
            "SELECT id, at FROM outbox WHERE channel LIKE '%/' || ? AND kind = 'answer'",
            chat,
        )
    }
    assert wanted <= set(seen)
    answered = " ".join(text for texts in seen.values() for text in texts if "re: " in text).split()
    assert set(said) <= set(answered)
    notices = [texts for texts in seen.values() if texts[0].endswith("go on where I was.")]
    assert len(notices) <= 1
