"""What Telegram sends, and what of it a person did: updates become Incoming.

Not taken: what bots, channels and anonymous administrators write (nobody can be held to it), and
edits (the words as first sent are stored and may have been acted on).
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.channels.base import Attachment, Incoming, Place

KINDS = ("message", "callback_query")
"""The kinds of update that are asked for (`allowed_updates`)."""
FORWARDED = "[forwarded message]\n"
"""Stands before words that are another's."""


class User(msgspec.Struct, frozen=True):
    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""


class Chat(msgspec.Struct, frozen=True):
    id: int
    type: str


class Entity(msgspec.Struct, frozen=True):
    """A part of a text; offset and length count UTF-16 units."""

    type: str
    offset: int
    length: int
    user: User | None = None


class File(msgspec.Struct, frozen=True):
    file_id: str
    file_name: str = ""
    mime_type: str = ""
    file_size: int = 0
    width: int = 0
    height: int = 0


class Message(msgspec.Struct, frozen=True):
    message_id: int
    chat: Chat
    date: int = 0
    from_: User | None = msgspec.field(default=None, name="from")
    sender_chat: Chat | None = None
    message_thread_id: int = 0
    is_topic_message: bool = False
    forward_origin: dict[str, Any] | None = None
    reply_to_message: Message | None = None
    text: str = ""
    caption: str = ""
    entities: tuple[Entity, ...] = ()
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[File, ...] = ()
    document: File | None = None
    animation: File | None = None
    video: File | None = None
    video_note: File | None = None
    voice: File | None = None
    audio: File | None = None
    sticker: File | None = None


class Press(msgspec.Struct, frozen=True):
    """A button under a message was pressed."""

    id: str
    from_: User = msgspec.field(name="from")
    message: Message | None = None
    data: str = ""


class Update(msgspec.Struct, frozen=True):
    update_id: int
    message: Message | None = None
    callback_query: Press | None = None


class Envelope(msgspec.Struct, frozen=True):
    """An update of which nothing but its number is read."""

    update_id: int


def number(raw: bytes | msgspec.Raw) -> int:
    """Its update_id; msgspec.DecodeError if it is no update at all."""
    return msgspec.json.decode(raw, type=Envelope).update_id


def incoming(update: Update, bot: User) -> Incoming | None:
    """What a person did; None if there is nothing for us in it."""
    if update.callback_query is not None:
        return _pressed(update, update.callback_query, bot)
    message = update.message
    if message is None or message.sender_chat or message.from_ is None or message.from_.is_bot:
        return None
    files = _attachments(message)
    words, mentioned = _addressed(message, bot)
    if not words and not files:
        return None
    return Incoming(
        place=place(message, bot),
        event=str(update.update_id),
        sender=str(message.from_.id),
        name=_name(message.from_),
        text=FORWARDED + words if message.forward_origin is not None else words,
        group=message.chat.type != "private",
        mentioned=mentioned,
        attachments=files,
        at=float(message.date),
    )


def place(message: Message, bot: User) -> Place:
    """Threads are a forum's topics; elsewhere message_thread_id only chains replies."""
    thread = str(message.message_thread_id) if message.is_topic_message else ""
    return Place("telegram", str(bot.id), str(message.chat.id), thread)


def _pressed(update: Update, press: Press, bot: User) -> Incoming | None:
    if press.message is None or press.from_.is_bot or not press.data:
        return None
    return Incoming(
        place=place(press.message, bot),
        event=str(update.update_id),
        sender=str(press.from_.id),
        name=_name(press.from_),
        group=press.message.chat.type != "private",
        mentioned=True,
        button=press.data,
        press=press.id,
    )


def _name(user: User) -> str:
    return f"{user.first_name} {user.last_name}".strip()


def _addressed(message: Message, bot: User) -> tuple[str, bool]:
    """The words without the bot's name where it only addresses, and whether the bot is meant."""
    units = (message.text or message.caption).encode("utf-16-le")
    mentioned = _answers(message, bot)
    names: list[tuple[int, int]] = []
    for entity in message.entities or message.caption_entities:
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        named = _named(entity, units[start:end].decode("utf-16-le", "replace"), bot)
        mentioned = mentioned or named is not None
        if named and (start == 0 or entity.type == "bot_command"):
            names.append((end - 2 * named, end))
    for start, end in reversed(names):
        units = units[:start] + units[end:]
    words = units.decode("utf-16-le", "replace")
    led = any(start == 0 for start, _ in names)
    return words.lstrip(" ,:\n") if led else words, mentioned


def _named(entity: Entity, said: str, bot: User) -> int | None:
    """How many UTF-16 units at the entity's end are the bot's name; None if it is not named."""
    name = f"@{bot.username.lower()}"
    if entity.type == "mention" and said.lower() == name:
        return len(name)
    if entity.type == "bot_command" and said.lower().endswith(name):
        return len(name)
    if entity.type == "text_mention" and entity.user is not None and entity.user.id == bot.id:
        return 0
    return None


def _answers(message: Message, bot: User) -> bool:
    """Whether it replies to the bot. In a forum whatever is no reply refers to the topic's first
    message, which may be the bot's."""
    replied = message.reply_to_message
    if replied is None or replied.from_ is None or replied.from_.id != bot.id:
        return False
    return not (message.is_topic_message and replied.message_id == message.message_thread_id)


def _attachments(message: Message) -> tuple[Attachment, ...]:
    """An animation also comes as a document: it is one file."""
    photo = max(message.photo, key=lambda size: size.width * size.height, default=None)
    found = (
        ("photo.jpg", "image/jpeg", photo),
        ("animation.mp4", "video/mp4", message.animation),
        ("document", "", None if message.animation else message.document),
        ("video.mp4", "video/mp4", message.video),
        ("video.mp4", "video/mp4", message.video_note),
        ("voice.ogg", "audio/ogg", message.voice),
        ("audio.mp3", "audio/mpeg", message.audio),
        ("sticker.webp", "image/webp", message.sticker),
    )
    return tuple(
        Attachment(file.file_id, file.file_name or name, file.mime_type or type, file.file_size)
        for name, type, file in found
        if file is not None
    )
