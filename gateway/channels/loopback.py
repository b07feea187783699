"""A channel for programs of one's own, over HTTP with JSON. docs/channels/loopback.md has the
protocol; the tests run the contract of all channels over it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
import msgspec

from gateway.channels.base import (
    Attachment,
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
from hermes_home.channel_settings import LoopbackSettings
from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import Secrets

SECRET = "LOOPBACK_TOKEN"
POLL_SECONDS = 20
"""How long the program may hold a request for events before it answers with none."""
ANSWER_SECONDS = 30.0


class Event(msgspec.Struct, kw_only=True):
    """One event as the program tells it."""

    number: int
    event: str
    chat: str
    sender: str
    thread: str = ""
    name: str = ""
    text: str = ""
    group: bool = False
    mentioned: bool = False
    attachments: tuple[Attachment, ...] = ()
    button: str = ""
    press: str = ""
    at: float = 0.0


class Events(msgspec.Struct):
    events: tuple[Event, ...]


class Me(msgspec.Struct):
    account: str


class Sent(msgspec.Struct):
    id: str = ""


class Loopback(Channel):
    platform: ClassVar[str] = "loopback"
    features: ClassVar[Features] = Features(
        limit=4000,
        edits=True,
        buttons=True,
        silent=True,
        uploads=True,
        upload_bytes=10_000_000,
        edit_spacing=0.5,
        deletes=True,
    )
    deaf_after: ClassVar[float] = 60.0

    def __init__(self, section: LoopbackSettings, secrets: Secrets, home: Home) -> None:
        token = secrets.get(SECRET)
        if not section.url:
            raise SettingsError(
                "channels.loopback.url is not set",
                "hermes config set channels.loopback.url http://127.0.0.1:PORT",
            )
        if not token:
            raise SettingsError(
                f"{SECRET} is not set",
                f"Write {SECRET}=... into {home.env}; the program is told it as a bearer token.",
            )
        self._client = httpx.AsyncClient(
            base_url=section.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWER_SECONDS,
            trust_env=False,
        )

    async def connect(self) -> None:
        self.account = msgspec.json.decode(await self._ask("GET", "/me"), type=Me).account

    async def listen(self, receiver: Receiver) -> None:
        after = 0
        while True:
            query = {"after": after, "wait": POLL_SECONDS}
            raw = await self._ask("GET", "/events", params=query)
            receiver.heard()
            try:
                events = msgspec.json.decode(raw, type=Events).events
            except msgspec.MsgspecError as error:
                raise ChannelError(f"the program's events are not as agreed: {error}") from error
            if events:
                await receiver.receive([self._incoming(event) for event in events])
                after = max(event.number for event in events)

    async def disconnect(self) -> None:
        await self._client.aclose()

    async def send(self, place: Place, message: Outgoing) -> str:
        body = {"chat": place.chat, "thread": place.thread, "key": message.key, **_body(message)}
        raw = await self._ask("POST", "/messages", json=body)
        try:
            return msgspec.json.decode(raw or b"{}", type=Sent).id
        except msgspec.MsgspecError:
            return ""

    async def edit(self, place: Place, id: str, message: Outgoing) -> None:
        await self._ask("PUT", f"/messages/{quote(id, safe='')}", json=_body(message))

    async def delete(self, place: Place, id: str) -> None:
        await self._ask("DELETE", f"/messages/{quote(id, safe='')}")

    async def answer_press(self, press: str, text: str) -> None:
        await self._ask("POST", f"/presses/{quote(press, safe='')}", json={"text": text})

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        target = f"/files/{quote(attachment.reference, safe='')}"
        try:
            async with self._client.stream("GET", target) as response:
                if response.status_code != 200:
                    raise ChannelError(f"the program has no such file ({response.status_code})")
                async for piece in response.aiter_bytes():
                    yield piece
        except httpx.HTTPError as error:
            raise ChannelError(f"the file broke off: {_told(error)}") from error

    def _incoming(self, event: Event) -> Incoming:
        fields = {name: getattr(event, name) for name in _CARRIED}
        place = Place(self.platform, self.account, event.chat, event.thread)
        return Incoming(place=place, **fields)

    async def _ask(self, method: str, target: str, **options: Any) -> bytes:
        """The body of a good answer; what else comes as one of the channel's errors."""
        with_effect = method != "GET"
        with _faults(unknown=with_effect):
            response = await self._client.request(method, target, **options)
        if response.status_code < 300:
            return response.content
        raise _error(response)


@contextmanager
def _faults(*, unknown: bool) -> Iterator[None]:
    """What has not left is certainly not sent; what left and was not answered may be."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ChannelError(f"the program cannot be reached: {_told(error)}") from error
    except httpx.HTTPError as error:
        kind = Unknown if unknown else ChannelError
        raise kind(f"the program did not answer: {_told(error)}") from error


_CARRIED = (
    "event",
    "sender",
    "name",
    "text",
    "group",
    "mentioned",
    "attachments",
    "button",
    "press",
    "at",
)


def _body(message: Outgoing) -> dict[str, Any]:
    return {
        "text": message.text,
        "silent": message.silent,
        "buttons": [
            [{"label": button.label, "data": button.data} for button in row]
            for row in message.buttons
        ],
        "uploads": _uploads(message),
    }


def _uploads(message: Outgoing) -> Sequence[dict[str, str]]:
    uploads = []
    for upload in message.uploads:
        data = Path(upload.path).read_bytes()
        if len(data) > Loopback.features.upload_bytes:
            raise Refused(f"{upload.name} has {len(data):,} bytes, too many to send here")
        uploads.append({"name": upload.name, "data": base64.b64encode(data).decode()})
    return uploads


def _error(response: httpx.Response) -> ChannelError:
    status = response.status_code
    if status in (401, 403):
        return NotPermitted("the program refuses the token", f"Compare {SECRET} on both sides.")
    if status == 429:
        return Delayed(_seconds(response))
    if status >= 500:
        return ChannelError(f"the program answered {status}")
    return Refused(f"the program refuses it ({status}): {response.text[:200]}")


def _seconds(response: httpx.Response) -> float:
    try:
        return min(3600.0, max(0.0, float(response.headers.get("retry-after", "1"))))
    except ValueError:
        return 1.0


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
