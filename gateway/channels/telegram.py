"""Telegram, as one bot: by long polling, or called by its webhook. Over the Bot API alone.

An update counts as acknowledged when a later getUpdates names a higher number, or when its post
was answered 200; both happen only after the receiver returned.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from gateway.channels import telegram_updates as updates
from gateway.channels.base import (
    Attachment,
    Channel,
    ChannelError,
    Delayed,
    Features,
    Incoming,
    Outgoing,
    Place,
    Receiver,
    Refused,
    Unknown,
    Upload,
)
from gateway.channels.render import plain, telegram_fits, telegram_html
from gateway.channels.telegram_api import BotApi, Rejected, decoded
from gateway.channels.telegram_login import secret_of, token_of
from gateway.channels.telegram_webhook import Webhook
from hermes_home.channel_settings import TelegramSettings
from hermes_home.paths import Home
from hermes_home.secrets import Secrets

POLL_SECONDS = 30
MINUTE = 60.0
GROUP_MESSAGES = 20
"""Messages and edits a group takes in a minute."""
GROUP_EDIT_SECONDS = 4.5
"""Before an edit in a group, so that edits alone leave room for messages."""
TOAST_UNITS = 200


log = logging.getLogger(__name__)


class Telegram(Channel):
    """`counts`: what did not go as it should, by what it was; `notice` tells it."""

    platform: ClassVar[str] = "telegram"
    features: ClassVar[Features] = Features(
        limit=4096,
        edits=True,
        buttons=True,
        silent=True,
        uploads=True,
        upload_bytes=50_000_000,
        spacing=1.0,
        edit_spacing=2.0,
        deletes=True,
    )

    def __init__(self, section: TelegramSettings, secrets: Secrets, home: Home) -> None:
        self._section = section
        self._token = token_of(secrets)
        self._secret = secret_of(section, secrets)
        self._bot = updates.User(0)
        self._groups: dict[str, deque[float]] = {}
        self._api: BotApi | None = None
        self.counts: Counter[str] = Counter()

    @classmethod
    def fits(cls, text: str) -> bool:
        return telegram_fits(text)

    async def connect(self) -> None:
        self._api = BotApi(self._token, self._section.api_url)
        self._bot = decoded(await self._api.call("getMe", {}), updates.User)
        self.account = str(self._bot.id)

    def _count(self, what: str) -> None:
        self.counts[what] += 1
        told = ", ".join(f"{number} {what}" for what, number in self.counts.items())
        self.notice = f"since it connected: {told}"

    async def disconnect(self) -> None:
        if self._api is not None:
            await self._api.close()

    @property
    def title(self) -> str:
        return f"@{self._bot.username}"

    # -- in -------------------------------------------------------------------------------------

    async def listen(self, receiver: Receiver) -> None:
        if self._section.webhook_url:
            assert self._api is not None
            hook = Webhook(self._section, self._secret, self._api, self._understood, self._count)
            await hook.listen(receiver)
        else:
            await self._poll(receiver)

    async def _poll(self, receiver: Receiver) -> None:
        """What came while we were away is kept by Telegram for a day, and taken."""
        await self._call("deleteWebhook", drop_pending_updates=False)
        receiver.heard()
        offset = 0
        while True:
            raw = await self._fetch_updates(offset)
            receiver.heard()
            incoming = [one for one in map(self._understood, raw) if one is not None]
            if incoming:
                await receiver.receive(incoming)
            if raw:
                offset = max(map(updates.number, raw)) + 1

    async def _fetch_updates(self, offset: int) -> list[msgspec.Raw]:
        assert self._api is not None
        parameters = {
            "offset": offset,
            "timeout": POLL_SECONDS,
            "allowed_updates": updates.KINDS,
        }
        answer = await self._api.call("getUpdates", parameters, within=POLL_SECONDS + 15)
        return decoded(answer, list[msgspec.Raw])

    def _understood(self, raw: bytes | msgspec.Raw) -> Incoming | None:
        """What a person did by this update; one of an unknown shape stops nobody."""
        try:
            return updates.incoming(msgspec.json.decode(raw, type=updates.Update), self._bot)
        except msgspec.DecodeError as error:
            self._count("updates that cannot be read")
            log.warning("an update of Telegram cannot be read: %s", error)
            return None

    # -- out ------------------------------------------------------------------------------------

    async def send(self, place: Place, message: Outgoing) -> str:
        self._keep_pace(place, 0.0)
        parts = [_file(upload, self.features.upload_bytes) for upload in message.uploads]
        id = ""
        if message.text.strip() or not parts:
            where = _where(place) | {"disable_notification": message.silent}
            sent = await self._worded("sendMessage", where, message)
            id = _message_id(sent)
        for file in parts:
            id = await self._send_file(place, message, file, id)
        return id

    async def _send_file(
        self, place: Place, message: Outgoing, file: tuple[Path, str], before: str
    ) -> str:
        """Returns the message's id. What follows a part that arrived cannot be taken back: then a
        fault leaves the message half sent, which is Unknown."""
        assert self._api is not None
        where = _where(place) | {"disable_notification": message.silent}
        try:
            sent = await self._api.upload("sendDocument", where, "document", file)
        except Refused:
            raise
        except ChannelError as error:
            if before:
                raise Unknown(f"only a part of the message was sent: {error.message}") from error
            raise
        return before or _message_id(sent)

    async def edit(self, place: Place, id: str, message: Outgoing) -> None:
        self._keep_pace(place, GROUP_EDIT_SECONDS)
        where = {"chat_id": _number_of(place.chat), "message_id": _number_of(id)}
        try:
            await self._worded("editMessageText", where, message)
        except Rejected as error:
            if "message is not modified" not in error.reason:
                raise

    async def delete(self, place: Place, id: str) -> None:
        try:
            where = {"chat_id": _number_of(place.chat), "message_id": _number_of(id)}
            await self._call("deleteMessage", **where)
        except Rejected as error:
            if "message to delete not found" not in error.reason:
                raise

    async def answer_press(self, press: str, text: str) -> None:
        try:
            await self._call("answerCallbackQuery", callback_query_id=press, text=_toast(text))
        except Rejected as error:
            if "query is too old" not in error.reason:
                raise

    async def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        assert self._api is not None
        found = decoded(await self._call("getFile", file_id=attachment.reference), dict[str, Any])
        if not found.get("file_path"):
            raise ChannelError("Telegram does not hand out this file")
        async for piece in self._api.download(found["file_path"]):
            yield piece

    def _keep_pace(self, place: Place, apart: float) -> None:
        """Delayed if it is too early for a group (its id is negative): so many messages and edits
        a minute, and `apart` seconds between the last one and this."""
        if not place.chat.startswith("-"):
            return
        now = time.monotonic()
        recent = self._groups.setdefault(place.chat, deque(maxlen=GROUP_MESSAGES))
        free = recent[-1] + apart if recent else now
        if len(recent) == GROUP_MESSAGES:
            free = max(free, recent[0] + MINUTE)
        if free > now:
            raise Delayed(free - now)
        recent.append(now)

    async def _worded(
        self, method: str, where: Mapping[str, Any], message: Outgoing
    ) -> msgspec.Raw:
        """Send text: formatted, or plain if Telegram does not take the formatting."""
        fixed = {**where, "link_preview_options": {"is_disabled": True}}
        if message.buttons:
            fixed["reply_markup"] = _keyboard(message)
        try:
            return await self._call(
                method, **fixed, text=telegram_html(message.text), parse_mode="HTML"
            )
        except Rejected as error:
            if "can't parse entities" not in error.reason:
                raise
            self._count("messages sent as plain text")
            log.warning("sent as plain text: %s", error.message)
        return await self._call(method, **fixed, text=plain(message.text))

    async def _call(self, method: str, **parameters: Any) -> msgspec.Raw:
        assert self._api is not None
        return await self._api.call(method, parameters)


def _where(place: Place) -> dict[str, Any]:
    thread = {"message_thread_id": _number_of(place.thread)} if place.thread else {}
    return {"chat_id": _number_of(place.chat), **thread}


def _number_of(id: str) -> int:
    try:
        return int(id)
    except ValueError:
        raise Refused(f"{id!r} is no id of Telegram's; they are numbers") from None


def _keyboard(message: Outgoing) -> dict[str, Any]:
    rows: Sequence[Sequence[dict[str, str]]] = [
        [{"text": button.label, "callback_data": button.data} for button in row]
        for row in message.buttons
    ]
    return {"inline_keyboard": rows}


def _toast(text: str) -> str:
    """As much of it as the answer to a press may hold."""
    return text.encode("utf-16-le")[: 2 * TOAST_UNITS].decode("utf-16-le", "ignore")


def _message_id(sent: msgspec.Raw) -> str:
    """Empty if the answer has none: the message was sent all the same."""
    message = msgspec.json.decode(sent)
    return str(message.get("message_id", "")) if isinstance(message, dict) else ""


def _file(upload: Upload, limit: int) -> tuple[Path, str]:
    path = Path(upload.path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Refused(f"{upload.name} cannot be read: {error.strerror}") from error
    if size > limit:
        raise Refused(f"{upload.name} is larger than {limit // 1_000_000} MB")
    return path, upload.name
