"""Several views on one session: two streams, two chats, 500 messages, and connections that drop."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPException

import pytest

from gateway.chats.delivery import AGAIN
from tests.chatting_channels import configure, rows
from tests.hermes import Hermes
from tests.loopback_platform import Program
from tests.model_server import ModelServer
from tests.patient import Connection, Message, Owner
from tests.test_channels_crash import echo

pytestmark = pytest.mark.slow

MESSAGES = 500
DROPS = 40


@pytest.fixture
def program() -> Iterator[Program]:
    with Program() as program:
        yield program


class Stream(threading.Thread):
    """A view that follows a session and loses its connection now and then."""

    def __init__(self, hermes: Hermes, session: str, seed: int) -> None:
        super().__init__()
        self._path = hermes.home / "run" / "daemon.sock"
        self._session, self._chance = session, random.Random(seed)
        self.seen: list[tuple[int, str, str]] = []
        self.drops = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            with suppress(OSError, HTTPException):
                self._follow(self._chance.randint(5, 200))
                self.drops += 1

    def _follow(self, most: int) -> None:
        after = self.seen[-1][0] if self.seen else 0
        connection = Connection(self._path)
        try:
            kinds = "UserSpoke,Answered,RunFinished"
            target = f"/api/sessions/{self._session}/events?after={after}&kinds={kinds}"
            connection.request("GET", target)
            connection.sock.settimeout(2)
            with connection.getresponse() as response:
                while most and (line := response.readline()):
                    if line.startswith(b"data: "):
                        stored = json.loads(line.removeprefix(b"data: "))
                        event = stored["event"]
                        self.seen.append((stored["seq"], event["type"], event.get("text", "")))
                        most -= 1
        finally:
            connection.close()


@pytest.mark.timeout(400)
def test_four_views_on_one_session_see_one_order_and_one_answer_each(
    hermes: Hermes, program: Program, model_server: ModelServer, owner: Owner
) -> None:
    configure(hermes, program, model_server, busy="queue")
    model_server.script = echo
    chance = random.Random(3)
    owner.wake()
    for chat in ("c1", "c2"):
        program.say("first", chat=chat)
        program.until(partial(program.shown, chat))
    ((session,),) = rows(hermes, "SELECT session FROM chats WHERE address LIKE '%/c1'")
    program.say(f"/resume {session}", chat="c2")
    program.until(lambda: len(program.shown("c2")) == 2)
    streams = [Stream(hermes, session, seed) for seed in (1, 2)]
    for stream in streams:
        stream.start()
    said = _talk(owner, program, session, chance)
    answered = (
        "SELECT count(*) FROM events WHERE kind = 'UserSpoke' AND session = ? UNION ALL"
        " SELECT count(*) FROM inbox WHERE taken IS NULL AND dropped IS NULL UNION ALL"
        " SELECT count(*) FROM outbox WHERE state <> 'final' UNION ALL"
        " SELECT count(*) FROM arrivals WHERE done IS NULL"
    )
    done = [(len(said) + 1,), (0,), (0,), (0,)]
    program.until(lambda: rows(hermes, answered, session) == done, 300)
    last = rows(hermes, "SELECT max(seq) FROM events WHERE kind = 'RunFinished'")[0][0]
    program.until(lambda: all(stream.seen and stream.seen[-1][0] >= last for stream in streams))
    for stream in streams:
        stream.over.set()
    for stream in streams:
        stream.join()
    _check(hermes, program, session, said, streams)


def _talk(owner: Owner, program: Program, session: str, chance: random.Random) -> list[str]:
    said = []
    for number in range(MESSAGES):
        text = f"m{number}"
        said.append(text)
        where = chance.choice(["c1", "c2", "terminal", "terminal"])
        if where == "terminal":
            owner.messages = [Message(session, text, kind="queue")]
            owner.submit()
        else:
            program.say(text, chat=where)
        if number % (MESSAGES // DROPS) == 0:
            program.cut()
            time.sleep(0.2)  # so that not every drop meets the same message
    return said


def _check(
    hermes: Hermes, program: Program, session: str, said: list[str], streams: list[Stream]
) -> None:
    journal = rows(
        hermes,
        "SELECT seq, kind, coalesce(json_extract(body, '$.text'), '') FROM events"
        " WHERE session = ? AND kind IN ('UserSpoke', 'Answered', 'RunFinished') ORDER BY seq",
        session,
    )
    spoken = [text for _, kind, text in journal if kind == "UserSpoke"][1:]
    assert sorted(spoken) == sorted(said)
    for stream in streams:
        assert stream.seen == journal
        assert stream.drops > 1
    answers = [text for _, kind, text in journal if kind == "Answered"]
    assert " ".join(answers).replace("re: ", "").split()[1:] == spoken
    assert rows(hermes, "SELECT body FROM outbox WHERE failed <> ''") == []
    for chat in ("c1", "c2"):
        mine: list[str] = []
        for one in program.shown(chat):
            text = _unquoted(one.text.removeprefix(f"{AGAIN}\n\n"))
            repeated = one.text.startswith(AGAIN) and text in mine
            if text in answers[1:] and not repeated:
                mine.append(text)
        assert mine == answers[1:], chat
    quotes = [one.text for one in program.shown("c1") if one.text.startswith("> ")]
    assert quotes
    assert all(text.split()[1] in text.partition("\n\n")[2] for text in quotes)


def _unquoted(text: str) -> str:
    return text.partition("\n\n")[2] if text.startswith("> ") else text
