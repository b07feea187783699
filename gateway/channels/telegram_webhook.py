"""Being called by Telegram: the webhook is set, listened to, and looked after."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.channels import telegram_updates as updates
from gateway.channels.base import Incoming, Receiver
from gateway.channels.listener import Listener
from gateway.channels.telegram_api import BotApi, decoded
from hermes_home.channel_settings import TelegramSettings

LOOK_SECONDS = 60.0
"""Between two looks at the webhook as Telegram sees it."""
SECRET_HEADER = "x-telegram-bot-api-secret-token"

log = logging.getLogger(__name__)


class Webhook:
    """`understood`: what a person did by an update, if anything; `count` is told of faults."""

    def __init__(
        self,
        section: TelegramSettings,
        secret: str,
        api: BotApi,
        understood: Callable[[bytes], Incoming | None],
        count: Callable[[str], None],
    ) -> None:
        self._url = section.webhook_url
        self._address = section.webhook_listen
        self._secret = secret
        self._api = api
        self._understood = understood
        self._count = count

    async def listen(self, receiver: Receiver) -> None:
        """Until cancelled. It stays set: what comes meanwhile is kept by Telegram for a day."""

        async def handle(headers: Mapping[str, str], body: bytes) -> int:
            return await self._handle(body, receiver)

        path = urlsplit(self._url).path or "/"
        listener = Listener(path, self._genuine, handle, self._count)
        async with listener.serving(self._address):
            while True:
                await self._set()
                receiver.heard()
                await self._watch(receiver)

    async def _set(self) -> None:
        parameters = {
            "url": self._url,
            "secret_token": self._secret,
            "allowed_updates": updates.KINDS,
            "max_connections": 1,  # one after the other, or a chat's messages change places
            "drop_pending_updates": False,
        }
        await self._api.call("setWebhook", parameters)

    async def _watch(self, receiver: Receiver) -> None:
        """Returns when somebody else has set it."""
        told = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            info = decoded(await self._api.call("getWebhookInfo", {}), dict[str, Any])
            receiver.heard()
            if info.get("url") != self._url:
                log.warning("the webhook of the bot was changed by somebody else; set again")
                return
            failed = int(info.get("last_error_date", 0))
            if failed > told:
                told = failed
                self._count("calls that did not reach us")
                log.warning("Telegram cannot call us: %s", info.get("last_error_message", "?"))

    def _genuine(self, headers: Mapping[str, str]) -> bool:
        given = headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        return hmac.compare_digest(given, self._secret.encode())

    async def _handle(self, body: bytes, receiver: Receiver) -> int:
        """One post of the webhook: 200 when it is stored, or can never be read."""
        try:
            updates.number(body)
        except msgspec.DecodeError:
            self._count("updates that cannot be read")
            return 400
        receiver.heard()
        one = self._understood(body)
        if one is not None:
            await receiver.receive([one])
        return 200
