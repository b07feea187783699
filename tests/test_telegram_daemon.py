"""People on Telegram and the real daemon between them and a model."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.servers import free_port
from tests.telegram_markup import units
from tests.telegram_server import TOKEN, TelegramServer
from tests.test_crash import SOAK

pytestmark = pytest.mark.slow

AGAIN = "(sent again; the first may have arrived)"


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def ada(server: TelegramServer) -> dict[str, Any]:
    return server.person("Ada")


CONFIG = """
model: {{provider: openai_chat, base_url: "{model}", default: scripted}}
channels:
  telegram: {{enabled: true, api_url: "{api}", owners: {owners}}}
"""


@pytest.fixture
def friends(server: TelegramServer) -> list[dict[str, Any]]:
    return [server.person(f"Friend {number}") for number in range(4)]


@pytest.fixture
def daemon(
    hermes: Hermes,
    server: TelegramServer,
    model_server: ModelServer,
    ada: dict[str, Any],
    friends: list[dict[str, Any]],
) -> Hermes:
    """A daemon that listens to Telegram, owned by Ada, who is several people."""
    hermes.home.mkdir()
    owners = json.dumps([str(one) for one in server.chats.users])
    about = {"model": model_server.url, "api": server.url, "owners": owners}
    (hermes.home / "config.yaml").write_text(CONFIG.format(**about))
    (hermes.home / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n")
    (hermes.home / ".env").chmod(0o600)
    hermes.ok("daemon", "start")
    return hermes


def answers(server: TelegramServer, person: dict[str, Any]) -> list[str]:
    return [str(one["text"]) for one in server.shown(person["id"])]


def test_a_message_is_answered_once_and_its_markup_is_seen(
    daemon: Hermes, server: TelegramServer, model_server: ModelServer, ada: dict[str, Any]
) -> None:
    model_server.script = lambda number, body: {"content": "It is **done** & `x<y`."}
    server.say(ada, "please do it")
    server.wait(lambda: answers(server, ada) and not server.updates)
    time.sleep(1)
    (shown,) = server.shown(ada["id"])
    assert shown["text"] == "It is done & x<y."
    assert [one["type"] for one in shown["entities"]] == ["bold", "code"]
    assert "please do it" in str(model_server.runs()[0].body["messages"])


def test_a_long_answer_comes_whole_and_in_order(
    daemon: Hermes, server: TelegramServer, model_server: ModelServer, ada: dict[str, Any]
) -> None:
    words = [f"word{number}🙂" for number in range(1400)]
    model_server.script = lambda number, body: {"content": " ".join(words)}
    server.say(ada, "tell me everything")
    server.wait(lambda: " ".join(answers(server, ada)).split()[-1:] == words[-1:])
    parts = answers(server, ada)
    assert " ".join(parts).split() == words
    assert len(parts) > 2
    assert max(map(units, parts)) <= 4096


def test_a_command_is_allowed_by_a_button(
    daemon: Hermes, server: TelegramServer, model_server: ModelServer, ada: dict[str, Any]
) -> None:
    call = {"name": "shell", "arguments": {"command": "echo out > free.txt", "outside": True}}
    model_server.script = [{"tool_calls": [call]}, {"content": "It is written."}]
    server.say(ada, "write it")
    server.wait(lambda: any("reply_markup" in one for one in server.shown(ada["id"])))
    (asked,) = [one for one in server.shown(ada["id"]) if "reply_markup" in one]
    eve = server.person("Eve")
    server.press(eve, ada["id"], asked["message_id"], "Allow once")
    time.sleep(1)
    assert "It is written." not in answers(server, ada)
    server.press(ada, ada["id"], asked["message_id"], "Allow once")
    server.wait(lambda: "It is written." in answers(server, ada))
    assert all("reply_markup" not in one for one in server.shown(ada["id"]))
    assert len(server.chats.answers) >= 1


def test_killed_again_and_again_every_message_is_answered_once(
    daemon: Hermes, server: TelegramServer, model_server: ModelServer, ada: dict[str, Any]
) -> None:
    """Daemons die at random points, Telegram delivers again what it had delivered before."""
    chosen = random.Random(17)
    count, kills = (40, 30) if SOAK else (12, 5)
    model_server.script = lambda number, body: {"content": f"{len(_spoken(body))} so far"}
    said = [f"message-{number:02}." for number in range(count)]
    dying = set(chosen.sample(range(count), kills))
    for number, text in enumerate(said):
        server.say(ada, text)
        time.sleep(chosen.uniform(0.0, 0.6))
        if number in dying:
            _kill(daemon)
            server.redeliver(3)
            daemon.ok("daemon", "start")
    whole = f"{count} so far"
    server.wait(lambda: any(whole in one for one in answers(server, ada)), 120)
    server.wait(lambda: not server.updates)
    time.sleep(2)
    assert max((_spoken(one.body) for one in model_server.runs()), key=len) == said
    shown = [one for one in answers(server, ada) if "so far" in one and AGAIN not in one]
    assert len(shown) == len(set(shown)), shown
    assert shown == sorted(shown, key=lambda one: int(one.split()[0]))


def _spoken(body: dict[str, Any]) -> list[str]:
    """What the person said, as the model sees it, in order."""
    said = [str(one["content"]) for one in body["messages"] if one["role"] == "user"]
    return re.findall(r"message-\d\d\.", "\n".join(said))


def _kill(daemon: Hermes) -> None:
    pid = daemon.daemon_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while daemon.daemon_pid() is not None:
        time.sleep(0.01)


def test_by_webhook_a_person_is_heard_and_a_forger_is_not(
    daemon: Hermes, server: TelegramServer, model_server: ModelServer, ada: dict[str, Any]
) -> None:
    port = free_port()
    server.proxies["bot.example"] = ("127.0.0.1", port)
    words = ("webhook_url=https://bot.example/hook", f"webhook_listen=127.0.0.1:{port}")
    daemon.ok("gateway", "setup", "telegram", *words)
    server.wait(lambda: server.webhook.url)
    words_of_ada = {"id": ada["id"], "is_bot": False, "first_name": "Ada", "type": "private"}
    message = {"message_id": 1, "date": 1, "text": "forged", "chat": words_of_ada}
    forged = json.dumps({"update_id": 1, "message": {**message, "from": words_of_ada}})
    for secret in ("", "guess", server.webhook.secret[:-1]):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        connection.request("POST", "/hook", forged, headers)
        assert connection.getresponse().status == 401
        connection.close()
    server.say(ada, "genuine")
    server.wait(lambda: answers(server, ada) and not server.updates)
    spoken = [str(request.body["messages"]) for request in model_server.runs()]
    assert len(spoken) == 1
    assert "genuine" in spoken[0]
    assert "forged" not in spoken[0]
    (row,) = daemon.json("daemon", "status")["channels"]
    assert "3 posts without the secret" in row["notice"]


@pytest.mark.parametrize("fault", ["", "flood", "cut", "entities"])
def test_an_answer_grows_in_one_message(
    daemon: Hermes,
    server: TelegramServer,
    model_server: ModelServer,
    ada: dict[str, Any],
    fault: str,
) -> None:
    """Half of it is shown while the other half is written, whatever happens to an edit."""
    text = "**It begins here,** and then it goes on for a while. *In the end it is `over`.*"
    model_server.script = lambda number, body: {"content": text, "pause": 2.0}
    if fault:
        server.fault("editMessageText", fault)
    server.say(ada, "tell me slowly")
    server.wait(lambda: [one for one in answers(server, ada) if one.endswith("…")])
    server.wait(lambda: [one for one in answers(server, ada) if one.endswith("it is over.")])
    time.sleep(3)
    (shown,) = answers(server, ada)
    assert shown == "It begins here, and then it goes on for a while. In the end it is over."
    assert server.counts["sendMessage"] == 1 + server.counts["deleteMessage"]


def test_random_turns_with_faults_show_what_they_should(
    daemon: Hermes,
    server: TelegramServer,
    model_server: ModelServer,
    friends: list[dict[str, Any]],
) -> None:
    """Every answer is seen; what is seen twice says so, or was lost on its way."""
    chosen = random.Random(23)
    rounds = 125 if SOAK else 8
    kinds = ["", "flood", "error", "early", "late", "cut", "bad", "mute", "entities"]
    model_server.script = lambda number, body: {"content": f"**heard** {_turn(body)}"}
    said: dict[str, dict[str, Any]] = {}
    for number in range(rounds):
        for friend in friends:
            kind = chosen.choice(kinds)
            if kind:
                server.fault("sendMessage", kind)
            text = f"turn-{number:03}-{friend['id']}."
            said[text] = friend
            server.say(friend, text)
            if chosen.random() < 0.3:
                server.redeliver(2)
        server.wait(lambda: all(_seen(server, one, text) for text, one in said.items()), 180)
    time.sleep(3)
    for text, friend in said.items():
        seen = _seen(server, friend, text)
        assert len([one for one in seen if AGAIN not in one]) <= 1, (text, seen)
        assert len(seen) <= 3, (text, seen)
    everything = [answers(server, friend) for friend in friends]
    assert sum(map(len, everything)) >= len(said)


def _turn(body: dict[str, Any]) -> str:
    said = [str(one["content"]) for one in body["messages"] if one["role"] == "user"]
    return str(re.findall(r"turn-\d{3}-\d+\.", "\n".join(said))[-1])


def _seen(server: TelegramServer, person: dict[str, Any], text: str) -> list[str]:
    return [one for one in answers(server, person) if f"heard {text}" in one]
