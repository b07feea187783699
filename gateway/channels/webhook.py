"""Other programs write to the daemon by signed posts, and get the answers by signed posts.

docs/channels/webhook.md has the protocol. The signature covers the time and the digest of the
body, so a post is judged by its headers alone; the body is read only from who has the secret.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, ClassVar

import httpx
import msgspec

from gateway.channels.base import (
    Channel,
    ChannelError,
    Delayed,
    Features,
    Incoming,
    NotPermitted,
    Outgoing,
    Place,
    Receiver,
    Refused,
    Unknown,
)
from gateway.channels.listener import Listener, host_and_port
from hermes_home.channel_settings import WebhookSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets

SECRET = "WEBHOOK_SECRET"
SHORTEST_SECRET = 16
PATH = "/messages"
TIME, DIGEST, SIGNATURE = "x-hermes-timestamp", "x-hermes-digest", "x-hermes-signature"
CLOCK_SECONDS = 300
"""A post signed longer ago, or that far in the future, is refused."""
ANSWER_SECONDS = 30.0
LONGEST_DELAY = 3600.0
LOOK_SECONDS = 30.0
"""Between two looks at whether our own listener answers."""

_HEX = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"[0-9]{1,11}")

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Message(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a program posts. The fields are those of Incoming."""

    event: Id
    chat: Id
    sender: Id
    text: Annotated[str, msgspec.Meta(min_length=1)]
    thread: Annotated[str, msgspec.Meta(max_length=200)] = ""
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    group: bool = False
    mentioned: bool = False
    at: float = 0.0


class Webhook(Channel):
    platform: ClassVar[str] = "webhook"
    features: ClassVar[Features] = Features(limit=60_000, repeatable=True)

    def __init__(self, section: WebhookSettings, secrets: Secrets, home: Home) -> None:
        self._secret = _secret(secrets, home)
        self._section = section
        self._host, self._port = _listen(section)
        if not section.reply_url:
            raise SettingsError(
                "channels.webhook.reply_url is not set",
                "hermes config set channels.webhook.reply_url http://127.0.0.1:PORT/PATH",
            )
        self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)
        self._counts: Counter[str] = Counter()

    @property
    def title(self) -> str:
        return f"http://{self._section.listen}{PATH}"

    async def connect(self) -> None:
        self.account = "webhook"

    async def disconnect(self) -> None:
        await self._client.aclose()

    # -- in -------------------------------------------------------------------------------------

    async def listen(self, receiver: Receiver) -> None:
        async def handle(headers: Mapping[str, str], body: bytes) -> int:
            return await self._handle(headers, body, receiver)

        listener = Listener(PATH, self._genuine, handle, self._count)
        async with listener.serving(self._section.listen):
            while True:
                await self._look()
                receiver.heard()
                await asyncio.sleep(LOOK_SECONDS)

    def _count(self, what: str) -> None:
        self._counts[what] += 1
        told = ", ".join(f"{number} {what}" for what, number in self._counts.items())
        self.notice = f"since it connected: {told}"

    def _genuine(self, headers: Mapping[str, str]) -> bool:
        """Whether the headers are signed, now."""
        stamp, digest = headers.get(TIME, ""), headers.get(DIGEST, "")
        if not _SECONDS.fullmatch(stamp) or not _HEX.fullmatch(digest):
            return False
        given = headers.get(SIGNATURE, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, sign(self._secret, stamp, digest).encode()):
            return False
        return abs(time.time() - int(stamp)) <= CLOCK_SECONDS

    async def _handle(self, headers: Mapping[str, str], body: bytes, receiver: Receiver) -> int:
        """202: it is stored. 400: another body than was signed. 422: not what is agreed."""
        if not hmac.compare_digest(digest_of(body), headers[DIGEST]):
            self._count("posts with another body than was signed")
            return 400
        try:
            message = msgspec.json.decode(body, type=Message)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._count("posts that cannot be read")
            return 422
        await receiver.receive([self._incoming(message)])
        return 202

    def _incoming(self, message: Message) -> Incoming:
        return Incoming(
            place=Place(self.platform, self.account, message.chat, message.thread),
            event=message.event,
            sender=message.sender,
            name=message.name,
            text=message.text,
            group=message.group,
            mentioned=message.mentioned,
            at=message.at or time.time(),
        )

    async def _look(self) -> None:
        """ChannelError if nobody answers where we listen."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        url = httpx.URL(scheme="http", host=host, port=self._port, path="/")
        try:
            await self._client.get(url)
        except httpx.HTTPError as error:
            raise ChannelError(f"our listener does not answer: {_told(error)}") from error

    # -- out ------------------------------------------------------------------------------------

    async def send(self, place: Place, message: Outgoing) -> str:
        body = msgspec.json.encode(
            {
                "key": message.key,
                "chat": place.chat,
                "thread": place.thread,
                "text": message.text,
                "silent": message.silent,
            }
        )
        headers = signed(self._secret, body, time.time())
        headers |= {"Content-Type": "application/json", "Idempotency-Key": message.key}
        url = self._section.reply_url
        try:
            async with self._client.stream("POST", url, content=body, headers=headers) as response:
                _judge(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ChannelError(f"reply_url cannot be reached: {_told(error)}") from error
        except httpx.HTTPError as error:
            raise Unknown(f"reply_url did not answer: {_told(error)}") from error
        return ""


def sign(secret: bytes, timestamp: str, digest: str) -> str:
    """Hex HMAC-SHA256 of `timestamp.digest`."""
    return hmac.new(secret, f"{timestamp}.{digest}".encode(), hashlib.sha256).hexdigest()


def digest_of(body: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(body).hexdigest()


def signed(secret: bytes, body: bytes, now: float) -> dict[str, str]:
    """The headers of a post."""
    stamp, digest = str(int(now)), digest_of(body)
    return {TIME: stamp, DIGEST: digest, SIGNATURE: sign(secret, stamp, digest)}


def _judge(response: httpx.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status == 429:
        raise Delayed(_seconds(response.headers.get("retry-after", "")))
    if status in (401, 403):
        raise NotPermitted(
            f"reply_url refuses our signature ({status})", f"Compare {SECRET} on both sides."
        )
    if status >= 500:
        raise Unknown(f"reply_url answered {status}")
    raise Refused(f"reply_url answered {status}")


def _seconds(said: str) -> float:
    return min(LONGEST_DELAY, float(said)) if said.isdecimal() else 5.0


def _secret(secrets: Secrets, home: Home) -> bytes:
    secret = secrets.get(SECRET)
    if len(secret) >= SHORTEST_SECRET:
        return secret.encode("utf-8", "surrogateescape")
    raise SettingsError(
        f"{SECRET} is " + ("too short" if secret else "not set"),
        f"Without it anybody could speak as you. Write {SECRET}=... into {home.env}, "
        f"{SHORTEST_SECRET} characters or more; `openssl rand -hex 32` makes one.",
    )


def _listen(section: WebhookSettings) -> tuple[str, int]:
    try:
        return host_and_port(section.listen)
    except ValueError:
        raise SettingsError(
            "channels.webhook.listen is not host:port", "for example: 127.0.0.1:8787"
        ) from None


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
