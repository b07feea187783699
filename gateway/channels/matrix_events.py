"""What Matrix events say, and the events we make: pure, on the JSON of the specification."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from gateway.channels.base import Attachment, Incoming, Outgoing, Place
from gateway.channels.render import matrix_html, plain

Event = Mapping[str, Any]

MEDIA = {"m.image": "image", "m.file": "file", "m.audio": "audio", "m.video": "video"}
SPOKEN = {"m.text", "m.emote"}
_QUOTE = re.compile(r"\A(?:> ?[^\n]*\n)+\n?")


@dataclass(frozen=True)
class Self:
    """The bot itself. name: its display name, "" if it has none."""

    user: str
    name: str = ""


def message(event: Event, me: Self) -> Mapping[str, Any] | None:
    """The content of an event that is a person's message: not ours, no notice of another bot, no
    edit, nothing deleted."""
    content = event.get("content")
    if event.get("type") != "m.room.message" or not isinstance(content, dict):
        return None
    if event.get("sender") == me.user or relation(content, "m.replace"):
        return None
    return content if content.get("msgtype") in SPOKEN | MEDIA.keys() else None


def relation(content: Mapping[str, Any], kind: str) -> str:
    """The event this one relates to in that way, or ""."""
    relates = content.get("m.relates_to")
    if not isinstance(relates, dict) or relates.get("rel_type") != kind:
        return ""
    return str(relates.get("event_id", ""))


def answered(content: Mapping[str, Any]) -> str:
    """The event that somebody answers with this one, or "". In a thread clients that know no
    threads are told an answer that nobody meant."""
    relates = content.get("m.relates_to")
    if not isinstance(relates, dict) or relates.get("is_falling_back"):
        return ""
    answered_to = relates.get("m.in_reply_to")
    return str(answered_to.get("event_id", "")) if isinstance(answered_to, dict) else ""


def mentions(content: Mapping[str, Any], me: Self) -> bool:
    """Whether a message names the bot: in its list of mentions, or in its words."""
    listed = content.get("m.mentions")
    if isinstance(listed, dict) and me.user in (listed.get("user_ids") or ()):
        return True
    text = str(content.get("body", ""))
    return any(_named(text, name) for name in (me.user, me.name) if name)


def _named(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def incoming(event: Event, place: Place, me: Self, *, name: str, group: bool) -> Incoming | None:
    """What came in by this event; None if it is nothing for us. Whether it answers a message of
    ours cannot be seen in the event alone."""
    content = message(event, me)
    if content is None or not event.get("event_id"):
        return None
    text, attachments = _said(content)
    return Incoming(
        place=Place("matrix", place.account, place.chat, relation(content, "m.thread")),
        event=str(event["event_id"]),
        sender=str(event.get("sender", "")),
        name=name,
        text=_addressed_to(text, me),
        group=group,
        mentioned=mentions(content, me),
        attachments=attachments,
        at=float(event.get("origin_server_ts") or 0) / 1000,
    )


def _said(content: Mapping[str, Any]) -> tuple[str, tuple[Attachment, ...]]:
    body = str(content.get("body", ""))
    if content["msgtype"] in SPOKEN:
        return (_QUOTE.sub("", body) if answered(content) else body), ()
    name = str(content.get("filename") or body)
    caption = body if name != body else ""
    info = content.get("info")
    info = info if isinstance(info, dict) else {}
    size = info.get("size")
    attachment = Attachment(
        reference=str(content.get("url", "")),
        name=name,
        type=str(info.get("mimetype", "")),
        size=size if isinstance(size, int) else 0,
    )
    return caption, (attachment,)


def _addressed_to(text: str, me: Self) -> str:
    """The words without the address before them ("hermes: /status" is "/status")."""
    names = "|".join(re.escape(name) for name in (me.user, me.name) if name)
    return re.sub(rf"\A\s*@?(?:{names})\s*[:,]\s*", "", text, flags=re.IGNORECASE)


def since_invited(events: Sequence[Event], me: Self) -> Sequence[Event]:
    """The events from the bot's last invitation on, or, if it was not invited, from its join."""
    for index in range(len(events) - 1, -1, -1):
        if begins_here(events[index], me):
            return events[index + 1 :]
    return events


def begins_here(event: Event, me: Self) -> bool:
    """Whether with this event the bot was let into the room."""
    if event.get("type") != "m.room.member" or event.get("state_key") != me.user:
        return False
    before = (event.get("unsigned") or {}).get("prev_content") or {}
    membership = (event.get("content") or {}).get("membership")
    return membership == "invite" or (
        membership == "join" and before.get("membership") not in ("invite", "join")
    )


def text_content(message: Outgoing, thread: str = "") -> dict[str, Any]:
    """The event that says `message`. It pings nobody by the words in it."""
    content: dict[str, Any] = {
        "msgtype": "m.notice" if message.silent else "m.text",
        "body": plain(message.text),
        "format": "org.matrix.custom.html",
        "formatted_body": matrix_html(message.text),
        "m.mentions": {},
    }
    return _in_thread(content, thread)


def edited_content(message: Outgoing, id: str) -> dict[str, Any]:
    """The event that makes the message `id` into this one."""
    new = text_content(message)
    return {
        **new,
        "body": f"* {new['body']}",
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": id},
    }


def file_content(name: str, url: str, type: str, size: int, thread: str = "") -> dict[str, Any]:
    """The event that shows an uploaded file; `size` in bytes."""
    kinds = {kind: msgtype for msgtype, kind in MEDIA.items()}
    content = {
        "msgtype": kinds.get(type.partition("/")[0], "m.file"),
        "body": name,
        "filename": name,
        "url": url,
        "info": {"mimetype": type, "size": size},
    }
    return _in_thread(content, thread)


def _in_thread(content: dict[str, Any], thread: str) -> dict[str, Any]:
    if thread:
        content["m.relates_to"] = {
            "rel_type": "m.thread",
            "event_id": thread,
            "is_falling_back": True,
            "m.in_reply_to": {"event_id": thread},
        }
    return content


def transaction(key: str) -> str:
    """The transaction id of what is sent under `key`: the server shows a repeat once."""
    return sha256(key.encode()).hexdigest()[:32]
