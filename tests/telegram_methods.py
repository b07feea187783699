"""The methods of the Bot API that the tests' Telegram has: their parameters, and what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.telegram_chats import PRESS_SECONDS, public
from tests.telegram_forms import (
    BadRequest,
    Check,
    SentFile,
    chat,
    checked,
    document,
    keyboard,
    number,
    preview,
    text,
    texts,
    truth,
    words,
)
from tests.telegram_markup import units

if TYPE_CHECKING:
    from tests.telegram_server import TelegramServer

PORTS = (443, 80, 88, 8443)
NAME = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
OLD = "query is too old and response timeout expired or query ID is invalid"
ACTIONS = {"typing", "upload_document", "upload_photo", "record_voice", "upload_voice"}
Sent = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    method: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Method:
    run: Callable[[TelegramServer, Sent], Any]
    wanted: Mapping[str, tuple[Check, bool]]

    def check(self, sent: Sent) -> dict[str, Any]:
        return checked(sent, self.wanted)


def get_me(server: TelegramServer, sent: Sent) -> Any:
    return server.bot


def get_updates(server: TelegramServer, sent: Sent) -> Any:
    if not 1 <= sent.get("limit", 100) <= 100:
        raise BadRequest("limit is out of range")
    return server.fetch_updates(
        sent.get("offset", 0),
        sent.get("limit", 100),
        sent.get("timeout", 0),
        sent.get("allowed_updates"),
    )


def set_webhook(server: TelegramServer, sent: Sent) -> Any:
    url, secret = sent["url"], sent.get("secret_token", "")
    parts = urlsplit(url)
    if url and parts.scheme != "https":
        raise BadRequest("bad webhook: An HTTPS URL must be provided for webhook")
    if url and (parts.port or 443) not in PORTS:
        raise BadRequest("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if len(secret) > 256 or set(secret) - NAME:
        raise BadRequest("secret token contains unallowed characters")
    if not 1 <= sent.get("max_connections", 40) <= 100:
        raise BadRequest("max_connections is out of range")
    if sent.get("drop_pending_updates"):
        server.drop()
    if "allowed_updates" in sent:
        server.allowed = sent["allowed_updates"]
    server.webhook.url, server.webhook.secret = url, secret
    server.webhook.info = {"max_connections": sent.get("max_connections", 40)} if url else {}
    return True


def delete_webhook(server: TelegramServer, sent: Sent) -> Any:
    return set_webhook(server, {"url": "", **sent})


def get_webhook_info(server: TelegramServer, sent: Sent) -> Any:
    return {
        "url": server.webhook.url,
        "has_custom_certificate": False,
        "pending_update_count": len(server.updates),
        **server.webhook.info,
    }


def send_message(server: TelegramServer, sent: Sent) -> Any:
    seen, entities = words(sent, "text", 4096)
    return public(server.chats.sent(sent, {"text": seen, "entities": entities}))


def edit_message_text(server: TelegramServer, sent: Sent) -> Any:
    message = server.chats.own(sent, "edit")
    seen, entities = words(sent, "text", 4096)
    new = {"text": seen, "entities": entities, "reply_markup": sent.get("reply_markup")}
    new = {name: value for name, value in new.items() if value}
    names = ("text", "entities", "reply_markup")
    if new == {name: message[name] for name in names if name in message}:
        raise BadRequest(SAME)
    for name in names:
        message.pop(name, None)
    message.update(new, edit_date=int(time.time()))
    return public(message)


def delete_message(server: TelegramServer, sent: Sent) -> Any:
    message = server.chats.own(sent, "delete")
    del server.chats.messages[sent["chat_id"]][message["message_id"]]
    return True


def answer_callback_query(server: TelegramServer, sent: Sent) -> Any:
    asked = server.chats.presses.pop(sent["callback_query_id"], 0.0)
    if time.monotonic() - asked > PRESS_SECONDS:
        raise BadRequest(OLD)
    if units(sent.get("text", "")) > 200:
        raise BadRequest("MESSAGE_TOO_LONG")
    server.chats.answers.append(dict(sent))
    return True


def send_document(server: TelegramServer, sent: Sent) -> Any:
    given = sent["document"]
    seen, entities = words(sent, "caption", 1024)
    if isinstance(given, SentFile):
        if len(given.data) > 50_000_000:
            raise BadRequest("Request Entity Too Large", 413)
        if not given.data:
            raise BadRequest("file must be non-empty")
        about = server.chats.file(given.data, given.name, given.type)
    else:
        raise BadRequest("wrong file identifier/HTTP URL specified")
    fields = {"document": about, "caption": seen, "caption_entities": entities}
    return public(server.chats.sent(sent, fields))


def send_chat_action(server: TelegramServer, sent: Sent) -> Any:
    server.chats.chat(sent["chat_id"])
    if sent["action"] not in ACTIONS:
        raise BadRequest("wrong parameter action in request")
    return True


def get_file(server: TelegramServer, sent: Sent) -> Any:
    if sent["file_id"] not in server.chats.files:
        raise BadRequest("wrong file_id or the file is temporarily unavailable")
    path, data = server.chats.files[sent["file_id"]]
    if len(data) > 20_000_000:
        raise BadRequest("file is too big")
    known = {"file_id": sent["file_id"], "file_unique_id": path, "file_size": len(data)}
    return {**known, "file_path": path}


PLACE = {"chat_id": (chat, True), "message_thread_id": (number, False)}
SENT = {
    **PLACE,
    "parse_mode": (text, False),
    "reply_markup": (keyboard, False),
    "disable_notification": (truth, False),
    "protect_content": (truth, False),
    "allow_sending_without_reply": (truth, False),
}
METHODS = {
    "getMe": Method(get_me, {}),
    "getUpdates": Method(
        get_updates,
        {
            "offset": (number, False),
            "limit": (number, False),
            "timeout": (number, False),
            "allowed_updates": (texts, False),
        },
    ),
    "setWebhook": Method(
        set_webhook,
        {
            "url": (text, True),
            "max_connections": (number, False),
            "allowed_updates": (texts, False),
            "drop_pending_updates": (truth, False),
            "secret_token": (text, False),
        },
    ),
    "deleteWebhook": Method(delete_webhook, {"drop_pending_updates": (truth, False)}),
    "getWebhookInfo": Method(get_webhook_info, {}),
    "sendMessage": Method(
        send_message, {**SENT, "text": (text, True), "link_preview_options": (preview, False)}
    ),
    "editMessageText": Method(
        edit_message_text,
        {
            "chat_id": (chat, True),
            "message_id": (number, True),
            "text": (text, True),
            "parse_mode": (text, False),
            "reply_markup": (keyboard, False),
            "link_preview_options": (preview, False),
        },
    ),
    "deleteMessage": Method(
        delete_message, {"chat_id": (chat, True), "message_id": (number, True)}
    ),
    "answerCallbackQuery": Method(
        answer_callback_query,
        {
            "callback_query_id": (text, True),
            "text": (text, False),
            "show_alert": (truth, False),
            "cache_time": (number, False),
        },
    ),
    "sendDocument": Method(
        send_document, {**SENT, "document": (document, True), "caption": (text, False)}
    ),
    "sendChatAction": Method(send_chat_action, {**PLACE, "action": (text, True)}),
    "getFile": Method(get_file, {"file_id": (text, True)}),
}
