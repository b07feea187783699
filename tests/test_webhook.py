"""The webhook channel keeps the contract of all channels; who has not the secret is not heard."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress

import pytest

from gateway.channels import listener
from gateway.channels.base import NotPermitted, Outgoing
from gateway.channels.webhook import Webhook
from hermes_home.channel_settings import WebhookSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets
from tests.channel_contract import ChannelContract, FaultContract, Platform, Shown, place
from tests.channel_rig import Kept, listening
from tests.chatting_channels import rows
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.servers import free_port
from tests.webhook_program import SECRET, Program, headers

MIB = 1024 * 1024


def made(program: Program, home: Home, secret: str = SECRET) -> Webhook:
    section = WebhookSettings(listen=f"127.0.0.1:{program.port}", reply_url=program.url)
    return Webhook(section, Secrets({}, {"WEBHOOK_SECRET": secret}), home)


class WebhookPlatform:
    """tests.channel_contract.Platform over a Program."""

    chat, sender = "c1", "u1"

    def __init__(self, program: Program, home: Home) -> None:
        self.program, self._home = program, home

    def channel(self) -> Webhook:
        return made(self.program, self._home)

    def stranger(self) -> Webhook:
        return made(self.program, self._home, "another-secret-than-they-have")

    async def say(self, text: str, files: Sequence[tuple[str, bytes]] = ()) -> None:
        self.program.say(text)

    async def redeliver(self) -> None:
        self.program.taken = 0

    async def unacknowledged(self) -> int:
        return len(self.program.said) - self.program.taken

    async def shown(self) -> list[Shown]:
        shown = self.program.shown.values()
        return [Shown(one["key"], one["text"], silent=one["silent"]) for one in shown]

    async def press(self, shown: Shown, label: str) -> None:
        raise NotImplementedError

    async def pressed(self) -> list[str]:
        raise NotImplementedError

    async def fault(self, kind: str) -> None:
        self.program.faults.append(kind)

    async def cut(self) -> None:
        """A connection carries one post; there is none to break."""


@pytest.fixture
def program() -> Iterator[Program]:
    with Program(free_port()) as program:
        yield program


class TestWebhook(ChannelContract, FaultContract):
    notices_a_cut = False

    @pytest.fixture
    def platform(self, program: Program, home: Home) -> Platform:
        return WebhookPlatform(program, home)

    async def test_a_refused_login_is_told_as_such(self, platform: Platform) -> None:
        """There is no login: the other side refuses the first message."""
        channel = platform.stranger()
        await channel.connect()
        with pytest.raises(NotPermitted):
            await channel.send(place(platform, channel), Outgoing(text="hello", key="k"))
        await channel.disconnect()
        assert await platform.shown() == []


@pytest.mark.parametrize(
    ("secret", "section", "says"),
    [
        ("", {"reply_url": "http://127.0.0.1:1"}, "WEBHOOK_SECRET is not set"),
        ("fifteen-letters", {"reply_url": "http://127.0.0.1:1"}, "WEBHOOK_SECRET is too short"),
        (SECRET, {}, "reply_url is not set"),
        (SECRET, {"reply_url": "http://127.0.0.1:1", "listen": "8787"}, "is not host:port"),
    ],
)
def test_without_what_it_needs_it_names_the_fix(home, secret, section, says):
    with pytest.raises(SettingsError, match=says) as missing:
        Webhook(WebhookSettings(**section), Secrets({}, {"WEBHOOK_SECRET": secret}), home)
    assert missing.value.hint


# -- who has not the secret ----------------------------------------------------------------------


class Door:
    """A listening channel and what it handed over; posts to it by raw sockets."""

    def __init__(self, channel: Webhook, kept: Kept, port: int) -> None:
        self.channel, self.kept, self.port = channel, kept, port

    def body(self, event: str = "e1") -> bytes:
        told = {"event": event, "chat": "c1", "sender": "u1", "text": "delete everything"}
        return json.dumps(told).encode()

    def head(self, signed: dict[str, str], method: str = "POST", path: str = "/messages") -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: hermes.example"]
        lines += [f"{name}: {value}" for name, value in signed.items()]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")

    def post(self, body: bytes, signed: dict[str, str]) -> bytes:
        return self.head({**signed, "Content-Length": str(len(body))}) + body

    async def send(self, data: bytes) -> int:
        """The status of the answer; 0 if there is none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(30):
                writer.write(data)
                with suppress(ConnectionError):
                    await writer.drain()
                return int((await reader.readline()).split()[1])
        except (ConnectionError, IndexError):
            return 0
        finally:
            writer.close()


@pytest.fixture
async def door(home: Home) -> AsyncIterator[Door]:
    port = free_port()
    section = WebhookSettings(listen=f"127.0.0.1:{port}", reply_url="http://127.0.0.1:9/")
    channel = Webhook(section, Secrets({}, {"WEBHOOK_SECRET": SECRET}), home)
    kept = Kept()
    async with listening(channel, kept):
        yield Door(channel, kept, port)


@pytest.mark.anyio
@pytest.mark.slow
async def test_forged_posts_are_not_handled(door: Door) -> None:
    body = door.body()
    right = headers(body)
    guess = random.Random(7)
    forged: list[dict[str, str]] = [{}, {"X-Hermes-Signature": right["X-Hermes-Signature"]}]
    for name in right:
        forged.append({key: value for key, value in right.items() if key != name})
        forged += [{**right, name: value} for value in ("", "0", "ü" * 8, "x" * 64, "9" * 400)]
    for _ in range(100):
        name = guess.choice(["X-Hermes-Digest", "X-Hermes-Signature"])
        place = guess.randrange(64)
        sign = guess.choice([s for s in "0123456789abcdef" if s != right[name][place]])
        forged.append({**right, name: right[name][:place] + sign + right[name][place + 1 :]})
    now = time.time()
    forged += [headers(body, at=now + away) for away in (-3600, -320, 320, 3600, 10**9)]
    forged += [headers(body, secret=other) for other in ("", SECRET[:-1], SECRET + "x")]
    later = str(int(right["X-Hermes-Timestamp"]) + 1)
    forged.append({**right, "X-Hermes-Timestamp": later})
    for signed in forged:
        assert await door.send(door.post(body, signed)) == 401, signed
    assert await door.send(door.post(door.body("e2"), right)) == 400
    assert door.kept.handed == 0
    assert "posts without the secret" in door.channel.notice
    assert await door.send(door.post(body, right)) == 202
    assert door.kept.handed == 1


@pytest.mark.anyio
@pytest.mark.slow
async def test_without_the_secret_not_a_byte_of_the_body_is_read(door: Door) -> None:
    """The answer comes although the body was never sent, and a large one is not taken."""
    for size in (10, MIB, 10**12):
        unsigned = door.head({"Content-Length": str(size)})
        assert await door.send(unsigned) == 401
    with socket.create_connection(("127.0.0.1", door.port)) as raw:
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(raw, door.head({"Content-Length": str(10**9)}))
        with suppress(ConnectionError):
            await asyncio.wait_for(loop.sock_sendall(raw, b"x" * 64 * MIB), 30)
            raise AssertionError("64 MiB were taken")
    assert door.kept.handed == 0


@pytest.mark.anyio
@pytest.mark.slow
async def test_oversized_and_wrong_posts_are_refused(door: Door) -> None:
    large = b"x" * (MIB + 1)
    announced = {**headers(large), "Content-Length": str(len(large))}
    assert await door.send(door.head(announced)) == 413
    chunked = door.head({**headers(large), "Transfer-Encoding": "chunked"})
    assert await door.send(chunked + b"100001\r\n" + large + b"\r\n0\r\n\r\n") in (0, 413)
    for path in ("/", "/messages/", "/message", "/messages/x", "//messages"):
        assert await door.send(door.head(headers(b""), path=path)) == 404
    for method in ("GET", "PUT", "DELETE"):
        assert await door.send(door.head(headers(b""), method=method)) == 405
    whole = json.loads(door.body())
    wrong: list[object] = [[], "x", {}, {**whole, "role": "owner"}, {**whole, "text": ""}]
    wrong += [{**whole, name: value} for name in whole for value in (None, 1, "", ["x"])]
    for each in [*wrong, {**whole, "sender": "x" * 201}]:
        body = json.dumps(each).encode()
        status = await door.send(door.post(body, headers(body)))
        assert status in (422, 429), each
        await asyncio.sleep(0.04)
    for body in (b"", b"\xff\xfe", b"{" * 1000, b"[" * 100_000):
        assert await door.send(door.post(body, headers(body))) == 422
    assert door.kept.handed == 0


@pytest.mark.anyio
@pytest.mark.slow
async def test_slow_posts_end(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "CONNECTION_SECONDS", 1.0)
    body = door.body()
    whole = door.post(body, headers(body))
    for cut in (0, 5, len(whole) - len(body), len(whole) - 1):
        assert await door.send(whole[:cut]) == 0
    assert door.kept.handed == 0
    assert await door.send(whole) == 202


@pytest.mark.anyio
@pytest.mark.slow
async def test_a_replay_is_answered_like_the_first_and_handled_once(door: Door) -> None:
    body = door.body()
    post = door.post(body, headers(body))
    assert [await door.send(post) for _ in range(10)] == [202] * 10
    assert len(door.kept.all) == 1


@pytest.mark.anyio
@pytest.mark.slow
async def test_it_is_acknowledged_only_when_stored(door: Door) -> None:
    body = door.body()
    door.kept.refusing = True
    assert await door.send(door.post(body, headers(body))) == 500
    door.kept.refusing = False
    assert await door.send(door.post(body, headers(body))) == 202
    assert door.kept.texts == ["delete everything"]


@pytest.mark.anyio
@pytest.mark.slow
async def test_too_many_posts_are_put_off(door: Door) -> None:
    bodies = [door.body(f"e{number}") for number in range(int(listener.POSTS_PER_SECOND) * 3)]
    statuses = await asyncio.gather(
        *(door.send(door.post(body, headers(body))) for body in bodies[:60])
    )
    assert set(statuses) <= {202, 429, 503}
    assert len(door.kept.all) == statuses.count(202)


# -- the whole road --------------------------------------------------------------------------------


@pytest.fixture
def daemon(hermes: Hermes, program: Program, model_server: ModelServer) -> Hermes:
    hermes.home.mkdir()
    webhook = {
        "enabled": True,
        "listen": f"127.0.0.1:{program.port}",
        "reply_url": program.url,
        "owners": ["u1"],
    }
    settings = {
        "model": {"provider": "openai_chat", "default": "scripted", "base_url": model_server.url},
        "channels": {"webhook": webhook, "workspace": str(hermes.workspace)},
        "learning": {"mode": "off"},
    }
    (hermes.home / "config.yaml").write_text(json.dumps(settings))
    (hermes.home / ".env").write_text(f"WEBHOOK_SECRET={SECRET}\n")
    (hermes.home / ".env").chmod(0o600)
    hermes.ok("daemon", "start")
    return hermes


@pytest.mark.slow
def test_a_program_is_answered_once_through_the_daemon(daemon, program, model_server):
    model_server.script = lambda number, body: {"content": f"answer **{number}**"}
    first = program.say("hello")
    program.until(lambda: len(program.answers()) == 1)
    assert program.post(first) == 202, "a replay is answered like the first"
    program.faults = ["lost", "flood"]
    program.say("more")
    program.until(lambda: len(program.answers()) == 2)
    program.say("and from a stranger", sender="x9", chat="c9")
    program.until(lambda: program.taken == 3)
    program.say("the last one")
    program.until(lambda: len(program.answers()) == 3)
    assert program.answers("c9") == []
    assert len(model_server.runs()) == 3
    program.until(lambda: rows(daemon, "SELECT DISTINCT state FROM outbox") == [("final",)])
    assert program.forged == 0


@pytest.mark.slow
def test_without_its_secret_the_channel_refuses_and_the_status_says_why(daemon):
    daemon.ok("daemon", "stop")
    (daemon.home / ".env").write_text("WEBHOOK_SECRET=short\n")
    daemon.ok("daemon", "start")
    (channel,) = daemon.json("status")["channels"]
    assert channel["state"] == "refused"
    assert "WEBHOOK_SECRET is too short" in channel["error"]
