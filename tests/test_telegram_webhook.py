"""The webhook's listener and whoever finds its address: nothing of theirs is handled."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from gateway.channels import listener
from gateway.channels.base import ChannelError
from gateway.channels.telegram import Telegram
from hermes_home.channel_settings import TelegramSettings
from hermes_home.paths import Home
from hermes_home.secrets import Secrets
from tests.channel_contract import until
from tests.channel_rig import Kept
from tests.servers import free_port
from tests.telegram_server import TOKEN, TelegramServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SECRET = "Right-Secret_0123456789"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
PATH = "/hooks/telegram"
MIB = 1024 * 1024


class Hook:
    """A listening channel, its address, and posts to it by raw sockets."""

    def __init__(self, channel: Telegram, kept: Kept, port: int) -> None:
        self.channel, self.kept, self.port = channel, kept, port

    def update(self, number: int, text: str = "forged") -> bytes:
        user = {"id": 5, "is_bot": False, "first_name": "Eve"}
        chat = {"id": 5, "type": "private"}
        message = {"message_id": 1, "date": 1, "chat": chat, "from": user, "text": text}
        return json.dumps({"update_id": number, "message": message}).encode()

    def head(self, *headers: str, method: str = "POST", path: str = PATH) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: bot.example", *headers]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")

    async def send(self, data: bytes, seconds: float = 30) -> int:
        """The status of the answer; 0 if there is none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(seconds):
                writer.write(data)
                with suppress(ConnectionError):
                    await writer.drain()
                    return int((await reader.readline()).split()[1])
                return 0
        except (ConnectionError, IndexError):
            return 0
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def post(self, body: bytes, *headers: str, **options: str) -> int:
        return await self.send(
            self.head(f"Content-Length: {len(body)}", *headers, **options) + body
        )


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
async def hook(server: TelegramServer, home: Home) -> AsyncIterator[Hook]:
    port = free_port()
    server.proxies["bot.example"] = ("127.0.0.1", port)
    section = TelegramSettings(
        api_url=server.url,
        webhook_url=f"https://bot.example{PATH}",
        webhook_listen=f"127.0.0.1:{port}",
    )
    given = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_WEBHOOK_SECRET": SECRET}
    channel, kept = Telegram(section, Secrets({}, given), home), Kept()
    await channel.connect()
    task = asyncio.create_task(channel.listen(kept))
    await until(lambda: kept.heard_times > 0 or task.done())
    yield Hook(channel, kept, port)
    task.cancel()
    await asyncio.wait({task})
    await channel.disconnect()


def wrong_secrets() -> list[list[str]]:
    """Headers that hold everything but the secret."""
    chosen = random.Random(5)
    near = [SECRET[:-1], SECRET + "x", SECRET.lower(), SECRET.upper(), f'"{SECRET}"', "", "*"]
    near += [SECRET[:place] + "~" + SECRET[place + 1 :] for place in range(0, len(SECRET), 4)]
    near += ["".join(chosen.choices("abcdef0123456789_-", k=len(SECRET))) for _ in range(5)]
    near += ["x" * 5000, "ä" * 20, TOKEN]
    found = [[f"{HEADER}: {value}"] for value in near]
    return [
        *found,
        [],
        [f"{HEADER}x: {SECRET}"],
        [f"X-Telegram-Secret-Token: {SECRET}"],
        [f"Authorization: Bearer {SECRET}"],
        [f"Cookie: {HEADER}={SECRET}"],
        [f"{HEADER}: wrong", f"{HEADER}: {SECRET}"],
    ]


async def test_forged_posts_are_refused_without_reading_them(hook: Hook) -> None:
    forged = wrong_secrets()
    for number, headers in enumerate(forged):
        status = await hook.post(hook.update(number), *headers)
        assert status == 401, headers
    assert len(forged) >= 20
    assert (hook.kept.handed, hook.channel.counts["posts without the secret"]) == (0, len(forged))
    for path in ("/", PATH + "/", PATH + "x", "//hooks/telegram", f"{PATH}/../telegram", "/docs"):
        good = f"{HEADER}: {SECRET}"
        assert await hook.post(hook.update(1), good, path=path) == 404, path
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
        assert await hook.post(hook.update(1), f"{HEADER}: {SECRET}", method=method) == 405
    assert hook.kept.handed == 0


def pour(port: int, head: bytes, most: int) -> int:
    """How many bytes of a body are taken before the other side is closed."""
    taken, piece = 0, b"x" * 65536
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(head)
            while taken < most:
                connection.sendall(piece)
                taken += len(piece)
        except OSError:
            return taken
    return taken


async def test_little_is_read_of_what_is_too_large(hook: Hook) -> None:
    size = 200 * MIB
    good = f"{HEADER}: {SECRET}"
    for headers in (
        [f"Content-Length: {size}"],
        [f"Content-Length: {size}", good],
        ["Transfer-Encoding: chunked"],
    ):
        taken = await asyncio.to_thread(pour, hook.port, hook.head(*headers), size)
        assert taken < 16 * MIB, headers  # what the kernel holds, no more
    chunks = b"%x\r\n%s\r\n" % (64 * 1024, b"x" * 64 * 1024)
    head = hook.head("Transfer-Encoding: chunked", good)
    assert await hook.send(head + chunks * 17) in (413, 0)
    assert await hook.send(hook.head(good, f"X-Long: {'x' * 40_000}")) in (400, 0)
    assert hook.channel.counts["posts too large"] == 2
    assert hook.kept.handed == 0


async def test_nonsense_with_the_secret_is_not_handled(hook: Hook) -> None:
    good = f"{HEADER}: {SECRET}"
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"update_id": "1"}',
        b"\xff\xfe",
        b"[" * 9000,
    ):
        assert await hook.post(body, good) == 400, body
    for data in (
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"POST\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
    ):
        assert await hook.send(data) in (400, 0)
    assert await hook.post(b'{"update_id": 1, "message": {"text": 5}}', good) == 200
    assert await hook.post(b'{"update_id": 1, "poll": {}}', good) == 200
    assert hook.kept.handed == 0


async def test_whoever_dawdles_is_gone_and_keeps_nobody_out(
    hook: Hook, server: TelegramServer
) -> None:
    """As many as the door holds, each with a request it never ends."""
    good = f"{HEADER}: {SECRET}"
    starts = [
        b"",
        b"POST",
        hook.head(good)[:-2],
        hook.head(good, "Content-Length: 500") + b"{",
        hook.head("Content-Length: 500"),
    ]
    begun = time.monotonic()
    opened = []
    for number in range(listener.CONNECTIONS):
        connection = await asyncio.open_connection("127.0.0.1", hook.port)
        connection[1].write(starts[number % len(starts)])
        opened.append(connection)
    server.say(server.person("Ada"), "let me in")
    await hook.kept.until(lambda kept: kept.texts == ["let me in"], 60)
    for reader, writer in opened:
        async with asyncio.timeout(listener.CONNECTION_SECONDS + 30):
            with suppress(ConnectionError):
                await reader.read()
        writer.close()
    assert time.monotonic() - begun < listener.CONNECTION_SECONDS + 60
    assert hook.kept.handed == 1


async def test_a_replayed_post_is_the_same_event(hook: Hook) -> None:
    good = f"{HEADER}: {SECRET}"
    statuses = [await hook.post(hook.update(9, "once"), good) for _ in range(5)]
    assert statuses == [200] * 5
    assert list(hook.kept.events) == ["9"]
    assert hook.kept.texts == ["once"]


async def test_a_torrent_with_the_secret_is_slowed_down(hook: Hook) -> None:
    good = f"{HEADER}: {SECRET}"
    many = int(listener.POSTS_PER_SECOND) * 4
    posts = [hook.post(hook.update(number), good) for number in range(many)]
    statuses: list[int] = []
    for start in range(0, many, 20):
        statuses += await asyncio.gather(*posts[start : start + 20])
    assert set(statuses) <= {200, 429}
    assert hook.kept.handed == statuses.count(200)
    assert hook.channel.counts["posts that came too fast"] == statuses.count(429)


async def test_what_is_not_stored_is_not_acknowledged(hook: Hook, server: TelegramServer) -> None:
    hook.kept.refusing = True
    server.say(server.person("Ada"), "again please")
    await until(lambda: hook.channel.counts["posts that failed"] >= 2)
    assert len(server.updates) == 1
    hook.kept.refusing = False
    await hook.kept.until(lambda kept: kept.texts == ["again please"])
    await until(lambda: not server.updates)


async def test_an_address_that_is_taken_is_told(hook: Hook, server: TelegramServer) -> None:
    async def handle(headers: object, body: bytes) -> int:
        return 200

    def quiet(what: str) -> None:
        raise AssertionError(what)

    other = listener.Listener("/", lambda headers: True, handle, quiet)
    with pytest.raises(ChannelError, match="cannot be listened at"):
        async with other.serving(f"127.0.0.1:{hook.port}"):
            pass
