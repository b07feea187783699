"""The chats of the tests' Telegram: people, messages, files, presses, as the API has them."""

from __future__ import annotations

import itertools
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tests.telegram_forms import BadRequest
from tests.telegram_markup import units

BOT = {
    "id": 4242,
    "is_bot": True,
    "first_name": "Hermes",
    "username": "hermes_test_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": False,
}
ENTITY = re.compile(r"(?P<mention>(?<!\w)@\w{5,})|(?P<bot_command>(?<!\S)/\w+(?:@\w+)?)")
PRESS_SECONDS = 60.0
"""How long a press can be answered."""


class Chats:
    def __init__(self) -> None:
        self.bot = BOT
        self.users: dict[int, dict[str, Any]] = {}
        self.chats: dict[int, dict[str, Any]] = {}
        self.topics: dict[int, set[int]] = defaultdict(set)
        self.messages: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.blocked: set[int] = set()
        self.presses: dict[str, float] = {}
        self.answers: list[dict[str, Any]] = []
        self._ids = itertools.count(501)
        self._numbers = itertools.count(1)

    def person(self, name: str, **fields: Any) -> dict[str, Any]:
        user = {
            "id": 9_000_000_000 + next(self._ids),
            "is_bot": False,
            "first_name": name,
            **fields,
        }
        self.users[user["id"]] = user
        self.chats[user["id"]] = {"id": user["id"], "type": "private", "first_name": name}
        return user

    def group(self, title: str, *, forum: bool = False) -> int:
        id = -1_001_000_000_000 - next(self._ids)
        self.chats[id] = {"id": id, "type": "supergroup", "title": title}
        if forum:
            self.chats[id]["is_forum"] = True
        return id

    def chat(self, id: int) -> dict[str, Any]:
        """The chat; BadRequest if the bot cannot write there."""
        if id not in self.chats:
            raise BadRequest("chat not found")
        if id in self.blocked:
            raise BadRequest("bot was blocked by the user", 403)
        return self.chats[id]

    def _keep(
        self, chat: int, author: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        message = {
            "message_id": next(self._numbers),
            "from": dict(author),
            "chat": dict(self.chats[chat]),
            "date": int(time.time()),
            **{name: value for name, value in fields.items() if value not in ("", None, [])},
        }
        self.messages[chat][message["message_id"]] = message
        return message

    def written(
        self, user: Mapping[str, Any], text: str, chat: int, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A message of a person."""
        given = dict(fields)
        if thread := given.get("message_thread_id"):
            self.topics[chat].add(thread)
            given["is_topic_message"] = True
        if text:
            given = {"text": text, "entities": _entities(text), **given}
        elif given.get("caption"):
            given = {"caption_entities": _entities(given["caption"]), **given}
        return self._keep(chat, user, given)

    def sent(self, sent: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
        """A message of the bot, by the parameters of its call."""
        chat = self.chat(sent["chat_id"])
        thread = sent.get("message_thread_id")
        if thread is not None and thread not in self.topics[chat["id"]]:
            raise BadRequest("message thread not found")
        more = {"message_thread_id": thread, "is_topic_message": True} if thread else {}
        markup = {"reply_markup": sent["reply_markup"]} if "reply_markup" in sent else {}
        message = self._keep(chat["id"], self.bot, {**fields, **more, **markup})
        if sent.get("disable_notification"):
            message["_silent"] = True
        return message

    def own(self, sent: Mapping[str, Any], what: str) -> dict[str, Any]:
        """A message of the bot that is to be changed."""
        message = self.messages[self.chat(sent["chat_id"])["id"]].get(sent["message_id"])
        if message is None:
            raise BadRequest(f"message to {what} not found")
        if message["from"]["id"] != self.bot["id"]:
            raise BadRequest(
                "message can't be edited" if what == "edit" else "message can't be deleted"
            )
        return message

    def file(
        self, data: bytes, name: str, type: str = "application/octet-stream"
    ) -> dict[str, Any]:
        number = next(self._ids)
        id = f"BQACAgIAAx{number}"
        self.files[id] = (f"documents/file_{number}.bin", data)
        return {
            "file_id": id,
            "file_unique_id": f"u{number}",
            "file_name": name,
            "mime_type": type,
            "file_size": len(data),
        }

    def path(self, path: str) -> bytes | None:
        return next((data for known, data in self.files.values() if known == path), None)

    def pressed(
        self, user: Mapping[str, Any], chat: int, message: int, label: str
    ) -> dict[str, Any]:
        shown = self.messages[chat][message]
        buttons = [one for row in shown["reply_markup"]["inline_keyboard"] for one in row]
        (button,) = [one for one in buttons if one["text"] == label]
        id = f"press{next(self._ids)}"
        self.presses[id] = time.monotonic()
        return {
            "id": id,
            "from": dict(user),
            "message": public(shown),
            "chat_instance": str(chat),
            "data": button["callback_data"],
        }


def public(message: Mapping[str, Any]) -> dict[str, Any]:
    """Without what only the tests see."""
    return {name: value for name, value in message.items() if not name.startswith("_")}


def _entities(text: str) -> list[dict[str, Any]]:
    return [
        {"type": match.lastgroup, "offset": units(text[: match.start()]), "length": units(match[0])}
        for match in ENTITY.finditer(text)
    ]
