"""`hermes gateway setup`: a bot from nothing to the first answer, asked for or by flags."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from gateway.channels.guides import GUIDES
from gateway.channels.table import CHANNELS
from hermes_home.channel_settings import ChannelsSettings
from tests.hermes import Hermes
from tests.mail_server import ABSENT, DOMAIN, PASSWORD, MailServer, installed
from tests.servers import free_port
from tests.synapse import ABSENT as NO_SYNAPSE
from tests.synapse import PYTHON, Synapse
from tests.telegram_server import TOKEN, TelegramServer
from tests.terminal import Terminal

pytestmark = pytest.mark.slow

WRONG = "4242:" + "w" * 35


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def at_server(hermes: Hermes, server: TelegramServer) -> Hermes:
    hermes.environment["BOT_TOKEN"] = TOKEN
    hermes.ok("config", "set", "channels.telegram.api_url", server.url)
    return hermes


def answer_to(server: TelegramServer, text: str, person: dict[str, object]) -> str:
    """What the bot answers to a message."""
    chat = int(str(person["id"]))
    before = len(server.shown(chat))
    server.say(person, text)
    server.wait(lambda: len(server.shown(chat)) > before)
    return str(server.shown(chat)[-1]["text"])


def test_each_guide_asks_for_what_the_channel_has() -> None:
    sections = {one.name: one.default_factory for one in fields(ChannelsSettings)}
    for name, guide in GUIDES.items():
        assert name in CHANNELS
        known = {one.name for one in fields(sections[name])}  # type: ignore[arg-type]
        keys = [one.key for one in guide.fields]
        assert {one.key for one in guide.fields if not one.secret} <= known
        assert {one.after for one in guide.fields} | {one.unless for one in guide.fields} <= {
            "",
            *keys,
        }
        assert "{account}" in guide.pairing or not guide.pairing


def test_a_bot_from_nothing_to_the_first_answer_by_flags(
    at_server: Hermes, server: TelegramServer
) -> None:
    hermes, ada, eve = at_server, server.person("Ada"), server.person("Eve")
    result = hermes.run("gateway", "setup", "telegram", "--token-env", "BOT_TOKEN")
    assert result.returncode == 0, result.stderr
    code = re.search(r"^  (\w{5}-\w{5})$", result.stdout, re.MULTILINE)
    assert code is not None, result.stdout
    assert "@hermes_test_bot" in result.stdout
    assert TOKEN not in result.stdout + result.stderr
    server.say(eve, "hello")
    assert "paired" in answer_to(server, code[1], ada)
    assert answer_to(server, "what do the notes say?", ada)
    assert server.shown(eve["id"]) == []
    assert (hermes.home / ".env").stat().st_mode & 0o077 == 0
    assert TOKEN not in (hermes.home / "logs" / "daemon.log").read_text()
    again = hermes.json("gateway", "setup", "telegram")
    assert (again["state"], again["account"]) == ("live", "@hermes_test_bot")
    assert "code" not in again  # it has its owner
    rows = hermes.json("gateway", "setup")
    assert [row["state"] for row in rows if row["name"] == "telegram"] == ["live"]


def test_nothing_is_saved_that_does_not_work(at_server: Hermes, server: TelegramServer) -> None:
    hermes = at_server
    setup = ("gateway", "setup", "telegram")
    hermes.environment["WRONG"] = WRONG
    for words, input, told in (
        ((*setup, "--token-env", "WRONG"), None, "does not know this bot"),
        ((*setup, "--token", "-"), "nonsense\n", "no bot's token"),
        ((*setup, "--token", TOKEN), None, "--token - reads standard input"),
        ((*setup, f"TELEGRAM_BOT_TOKEN={TOKEN}"), None, "seen by others"),
        ((*setup, "--token-env", "NOT_THERE"), None, "not set in the environment"),
        ((*setup, "--token-env", "BOT_TOKEN", "webhook_url=http://x.org"), None, "https"),
        ((*setup, "--token-env", "BOT_TOKEN", "unknown=1"), None, "no setting"),
        (setup, None, "the token is missing"),
        (("gateway", "setup", "telegrm"), None, "Possible: telegram"),
    ):
        result = hermes.run(*words, input=input)
        assert result.returncode in (1, 2), words
        assert told in result.stderr, (words, result.stderr)
        assert WRONG not in result.stderr
    assert (
        not (hermes.home / ".env").exists() or "TELEGRAM" not in (hermes.home / ".env").read_text()
    )
    assert hermes.json("config", "get", "channels.telegram.enabled") is False


def test_a_webhook_gets_a_secret_of_its_own_and_needs_it(
    at_server: Hermes, server: TelegramServer
) -> None:
    hermes, env = at_server, at_server.home / ".env"
    words = ("gateway", "setup", "telegram", "owners=5", "webhook_url=https://bot.example/t")
    listen = f"webhook_listen=127.0.0.1:{free_port()}"
    hermes.ok(*words, listen, "--token-env", "BOT_TOKEN")
    server.wait(lambda: server.webhook.url)
    secret = re.search(r"^TELEGRAM_WEBHOOK_SECRET=([\w-]{40,})$", env.read_text(), re.MULTILINE)
    assert secret is not None
    assert server.webhook.secret == secret[1]
    hermes.ok("daemon", "stop")
    env.write_text(env.read_text().replace(secret[0], ""))
    hermes.ok("daemon", "start")
    row = _settled(hermes)
    assert row["state"] == "refused"
    assert "TELEGRAM_WEBHOOK_SECRET is not set" in row["error"]
    assert "gateway setup telegram" in row["error"]
    hermes.ok("gateway", "setup", "telegram")
    assert _settled(hermes)["state"] == "live"


def _settled(hermes: Hermes) -> dict[str, str]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        rows = hermes.json("daemon", "status")["channels"]
        if rows and rows[0]["state"] not in ("connecting", ""):
            return dict(rows[0])
        time.sleep(0.2)
    raise AssertionError("it never connected")


def test_a_person_is_led_through_it(at_server: Hermes, server: TelegramServer) -> None:
    hermes, ada = at_server, server.person("Ada")
    command = [*hermes.command, "gateway", "setup"]
    terminal = Terminal(command, hermes.environment, hermes.workspace)
    try:
        terminal.wait("not set up")
        terminal.wait("number, or Enter")
        terminal.type("1\r")
        terminal.wait("@BotFather")
        terminal.wait("not shown")
        terminal.type("\r")
        terminal.wait("is needed")
        terminal.wait("not shown", 2)
        terminal.type(f"{WRONG}\r")
        terminal.wait("https address")
        terminal.type("\r")
        terminal.wait("does not know this bot")
        terminal.wait("answer again?")
        terminal.type("\r")
        terminal.wait("not shown; Enter keeps it")
        terminal.type(f"{TOKEN}\r")
        terminal.wait("https address", 2)
        terminal.type("\r")
        terminal.wait("Waiting for it")
        assert TOKEN not in terminal.raw
        assert WRONG not in terminal.raw
        code = re.search(r"^  (\w{5}-\w{5})$", terminal.seen, re.MULTILINE)
        assert code is not None, terminal.seen
        server.say(ada, code[1].lower())
        terminal.wait("Paired with Ada")
        terminal.wait("hermes daemon install")
    finally:
        terminal.close()
    assert json.loads(hermes.ok("pairing", "list", "--json"))[0]["role"] == "owner"


def test_a_mailbox_by_flags(hermes: Hermes) -> None:
    if not installed():
        pytest.skip(ABSENT)
    server = MailServer()
    try:
        bot, ada = server.account("setup"), server.account("ada")
        hermes.environment["PASSWORD"] = PASSWORD
        where = (f"imap={server.imap}", f"smtp={server.smtp}", f"user={bot.name}")
        words = ("gateway", "setup", "email", f"address={bot.address}", f"owners={ada.address}")
        told = hermes.ok(*words, *where, "--token-env", "PASSWORD")
        tag = re.search(r"^EMAIL_TAG=(\w{24,})$", (hermes.home / ".env").read_text(), re.MULTILINE)
        assert tag is not None
        assert f"Write to {bot.name}+{tag[1]}@{DOMAIN}" in told
        assert _settled(hermes)["state"] == "live"
        hermes.ok("daemon", "stop")
    finally:
        server.close()


def test_a_matrix_account_by_flags(hermes: Hermes, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip(NO_SYNAPSE)
    (tmp_path / "synapse").mkdir()
    server = Synapse(tmp_path / "synapse")
    try:
        bot = server.register("setup")
        words = (
            "gateway",
            "setup",
            "matrix",
            f"homeserver={server.homeserver}",
            f"user={bot['user_id']}",
        )
        result = hermes.run(*words, "owners=@ada:localhost", "--token", "-", input="wrong\n")
        assert result.returncode != 0
        told = hermes.run(*words, "owners=@ada:localhost", "--token", "-", input="pw\n")
        assert told.returncode == 0, told.stderr
        assert f"with {bot['user_id']}" in told.stdout
        assert _settled(hermes)["state"] == "live"
        hermes.ok("daemon", "stop")
    finally:
        server.close()


def test_a_door_for_programs_by_flags(hermes: Hermes) -> None:
    words = ("reply_url=http://127.0.0.1:9/answers", f"listen=127.0.0.1:{free_port()}")
    told = hermes.ok("gateway", "setup", "webhook", *words, "owners=ada")
    assert "Post messages to http://127.0.0.1:" in told
    assert re.search(r"^WEBHOOK_SECRET=\w{24,}$", (hermes.home / ".env").read_text(), re.MULTILINE)
    assert _settled(hermes)["state"] == "live"
