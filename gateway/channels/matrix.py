"""Matrix, by matrix-nio: rooms of two are chats with one person, larger ones are groups.

Rooms with encryption are not read: `notice` says so to the owner, and one message in the room to
whoever may speak and did.
"""

from __future__ import annotations

import json
import logging
import mimetypes
from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec

from gateway.channels.base import (
    Attachment,
    Channel,
    ChannelError,
    Features,
    Incoming,
    NotPermitted,
    Outgoing,
    Place,
    Receiver,
    Refused,
)
from gateway.channels.matrix_errors import ask, failure
from gateway.channels.matrix_events import (
    Self,
    answered,
    begins_here,
    edited_content,
    file_content,
    incoming,
    message,
    since_invited,
    text_content,
    transaction,
)
from gateway.channels.matrix_login import check, library
from gateway.channels.matrix_token import SyncToken, device
from hermes_home.channel_settings import MatrixSettings
from hermes_home.paths import Home
from hermes_home.secrets import Secrets

if TYPE_CHECKING:
    import nio

POLL_SECONDS = 25
REQUEST_SECONDS = 30
MISSED_PAGES = 20
CONTENT_BYTES = 28_000
"""Of one message; an edit carries it twice and an event may have 65,536 bytes."""
MEBIBYTE = 1024 * 1024
ENCRYPTED = (
    "I cannot read this room, because it is encrypted, and that cannot be switched off. Please make"
    " a new room without encryption and invite me to it."
)
NOTHING: dict[str, list[str]] = {"types": []}

log = logging.getLogger(__name__)


class Matrix(Channel):
    platform = "matrix"
    features = Features(
        limit=CONTENT_BYTES,
        edits=True,
        silent=True,
        uploads=True,
        upload_bytes=20 * MEBIBYTE,
        edit_spacing=2.0,
        repeatable=True,
        deletes=True,
    )
    page = 100
    """Events of a room that are asked for at a time."""

    def __init__(self, section: MatrixSettings, secrets: Secrets, home: Home) -> None:
        self._secret = secrets.get("MATRIX_ACCESS_TOKEN")
        self._password = secrets.get("MATRIX_PASSWORD")
        check(section, self._secret, self._password)
        self._nio = library()
        self._section = section
        self._home = home
        self._me = Self(section.user)
        self._client: nio.AsyncClient | None = None
        self._sent: dict[str, None] = {}
        self.notice = ""

    @classmethod
    def fits(cls, text: str) -> bool:
        content = text_content(Outgoing(text=text, key=""))
        return len(json.dumps(content, ensure_ascii=False).encode()) <= CONTENT_BYTES

    @property
    def client(self) -> nio.AsyncClient:
        if self._client is None:
            raise ChannelError("not connected to the Matrix server")
        return self._client

    async def connect(self) -> None:
        # retries are the hub's: a refusal must be seen, not slept over
        config = self._nio.AsyncClientConfig(
            max_limit_exceeded=0,
            max_timeouts=0,
            request_timeout=REQUEST_SECONDS,
            encryption_enabled=False,
        )
        self._client = self._nio.AsyncClient(
            self._section.homeserver, self._section.user, config=config
        )
        await (self._use_token() if self._secret else self._log_in())
        self.account = self.client.user_id
        profile = await self._ask(self.client.get_displayname(self.account))
        self._me = Self(self.account, profile.displayname or "")
        self._token = SyncToken(self._home, self._section.homeserver, self.account)
        self._since = self._token.load() or await self._begin()

    async def _use_token(self) -> None:
        self.client.access_token = self._secret
        found = await self._ask(self.client.whoami())
        if self._section.user not in ("", found.user_id):
            raise NotPermitted(
                f"MATRIX_ACCESS_TOKEN belongs to {found.user_id}, not to {self._section.user}",
                "correct channels.matrix.user or the token",
            )
        self.client.restore_login(found.user_id, found.device_id, self._secret)

    async def _log_in(self) -> None:
        self.client.device_id = device(self._home, self._section.user)
        await self._ask(self.client.login(self._password, device_name="hermes"))

    async def disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def listen(self, receiver: Receiver) -> None:
        fresh = True  # a new client knows no room's members yet
        while True:
            found = await self._sync(self._since, POLL_SECONDS * 1000, full=fresh)
            receiver.heard()
            await self._answer_invitations(found)
            if arrived := await self._arrived(found, self._since):
                await receiver.receive(arrived)
            if found.next_batch != self._since:
                await to_thread(self._token.store, found.next_batch)
            self._since, fresh = found.next_batch, False

    async def _begin(self) -> str:
        """Where reading begins for an account that was never read: now."""
        found = await self._sync("", 0, full=True)
        await self._answer_invitations(found)
        await to_thread(self._token.store, found.next_batch)
        return str(found.next_batch)

    async def _sync(self, since: str, timeout: int, *, full: bool) -> nio.SyncResponse:
        messages = {"timeline": {"limit": self.page}, "ephemeral": NOTHING, "account_data": NOTHING}
        wanted = {"presence": NOTHING, "account_data": NOTHING, "room": messages}
        return await self._ask(self.client.sync(timeout, wanted, since or None, full))

    async def _answer_invitations(self, found: nio.SyncResponse) -> None:
        known = self._section.owners + self._section.guests
        for room, info in found.rooms.invite.items():
            if _inviter(info.invite_state, self.account) not in known:
                continue
            try:
                await self._ask(self.client.join(room))
            except ChannelError as error:  # the next invitation may do better
                log.warning("matrix: %s could not be joined: %s", room, error)

    async def _arrived(self, found: nio.SyncResponse, since: str) -> list[Incoming]:
        arrived: list[Incoming] = []
        for room, info in found.rooms.join.items():
            events = [_source(event) for event in info.timeline.events]
            if info.timeline.limited and info.timeline.prev_batch:
                events = await self._missed(room, info.timeline.prev_batch, since) + events
            events = list(since_invited(events, self._me))
            await self._see_encryption(room, events)
            read = [await self._read(room, event) for event in events]
            arrived += [item for item in read if item is not None]
        return arrived

    async def _missed(self, room: str, before: str, since: str) -> list[Mapping[str, Any]]:
        """What was said between two looks and was too much for one answer, oldest first."""
        events: list[Mapping[str, Any]] = []
        start: str | None = before
        for _ in range(MISSED_PAGES):
            page = await self._ask(self.client.room_messages(room, start, since, limit=self.page))
            chunk = [_source(event) for event in page.chunk]
            events = chunk[::-1] + events
            start = page.end
            if not start or not chunk or any(begins_here(event, self._me) for event in chunk):
                return events
        log.warning("matrix: more than %d events were missed in %s", len(events), room)
        return events

    async def _see_encryption(self, room: str, events: Sequence[Mapping[str, Any]]) -> None:
        known = self.client.rooms.get(room)
        kinds = {event.get("type") for event in events}
        secret = [event for event in events if event.get("type") == "m.room.encrypted"]
        if secret or (known is not None and known.encrypted and kinds):
            self.notice = (
                f"the Matrix room {room} is encrypted and cannot be read; "
                "make a room without encryption and invite the bot to it"
            )
        may_speak = self._section.owners + self._section.guests
        if room not in self._token.told and any(one.get("sender") in may_speak for one in secret):
            await self._tell_of_encryption(room)

    async def _tell_of_encryption(self, room: str) -> None:
        """Once in a room; a repeat after a crash is one for the server too. It is stored with the
        position behind the words that it answers."""
        content = text_content(Outgoing(text=ENCRYPTED, key="", silent=True))
        id = transaction(f"encrypted {room}")
        try:
            sent = self.client.room_send(room, "m.room.message", content, tx_id=id)
            await self._ask(sent, effect=True)
        except ChannelError as error:  # the next words in it may do better
            log.warning("matrix: %s was not told that it is encrypted: %s", room, error)
        else:
            self._token.told.add(room)

    async def _read(self, room: str, event: Mapping[str, Any]) -> Incoming | None:
        known = self.client.rooms.get(room)
        sender = str(event.get("sender", ""))
        read = incoming(
            event,
            Place(self.platform, self.account, room),
            self._me,
            name=(known.user_name(sender) if known else None) or sender,
            group=known is None or known.member_count > 2,
        )
        if read is None or not read.group or read.mentioned:
            return read
        if await self._answers_us(room, event):
            return msgspec.structs.replace(read, mentioned=True)
        return read

    async def _answers_us(self, room: str, event: Mapping[str, Any]) -> bool:
        content = message(event, self._me)
        id = answered(content) if content else ""
        if not id or id in self._sent:
            return bool(id)
        try:
            found = await self._ask(self.client.room_get_event(room, id))
        except Refused:  # deleted, or said before the bot came
            return False
        return bool(found.event.sender == self.account)

    async def send(self, place: Place, message: Outgoing) -> str:
        id = ""
        if message.text or not message.uploads:
            id = await self._put(place, text_content(message, place.thread), message.key)
        for number, upload in enumerate(message.uploads, 1):
            content = await self._upload(Path(upload.path), upload.name, place.thread)
            file = await self._put(place, content, f"{message.key} {number}")
            id = id or file
        return id

    async def edit(self, place: Place, id: str, message: Outgoing) -> None:
        await self._put(place, edited_content(message, id), None)

    async def delete(self, place: Place, id: str) -> None:
        await self._ask(self.client.room_redact(place.chat, id), effect=True)

    async def _put(self, place: Place, content: dict[str, Any], key: str | None) -> str:
        known = self.client.rooms.get(place.chat)
        if known is not None and known.encrypted:
            raise Refused(f"the Matrix room {place.chat} is encrypted")
        sent = await self._ask(
            self.client.room_send(
                place.chat, "m.room.message", content, tx_id=transaction(key) if key else None
            ),
            effect=True,
        )
        self._sent[sent.event_id] = None
        while len(self._sent) > 1000:
            del self._sent[next(iter(self._sent))]
        return str(sent.event_id)

    async def _upload(self, path: Path, name: str, thread: str) -> dict[str, Any]:
        type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        try:
            data = await to_thread(path.read_bytes)
        except OSError as error:
            raise Refused(f"{name} cannot be read: {error.strerror}") from error
        if len(data) > self.features.upload_bytes:
            raise Refused(f"{name} is larger than {self.features.upload_bytes // MEBIBYTE} MiB")

        async def stored() -> Any:
            response, _ = await self.client.upload(lambda *_: data, type, name, filesize=len(data))
            return response

        uploaded = await self._ask(stored())
        return file_content(name, uploaded.content_uri, type, len(data), thread)

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        address = urlsplit(attachment.reference)
        if address.scheme != "mxc" or not address.netloc or not address.path.strip("/"):
            raise ChannelError(f"{attachment.name} has no address on the Matrix server")
        where = f"{quote(address.netloc, safe=':')}/{quote(address.path.strip('/'), safe='')}"
        path = f"/_matrix/client/v1/media/download/{where}"
        headers = {"Authorization": f"Bearer {self.client.access_token}"}
        response = await ask(self.client.send("GET", path, headers=headers))
        async with response:
            if response.status != 200:
                raise ChannelError(f"the Matrix server gave {response.status} for a file")
            chunks = response.content.iter_chunked(64 * 1024)
            while chunk := await ask(anext(chunks, b"")):
                yield chunk

    async def _ask(self, call: Awaitable[Any], *, effect: bool = False) -> Any:
        response = await ask(call, effect=effect)
        if isinstance(response, self._nio.ErrorResponse):
            raise failure(response, effect=effect)
        return response


def _inviter(state: Sequence[Any], user: str) -> str:
    """Who invites `user`, by the state shown with the invitation; "" if nobody does."""
    for event in state:
        if getattr(event, "state_key", "") == user and getattr(event, "membership", "") == "invite":
            return str(event.sender)
    return ""


def _source(event: Any) -> Mapping[str, Any]:
    source = getattr(event, "source", event)
    return source if isinstance(source, Mapping) else {}
