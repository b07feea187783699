"""Telegram's rules for a text in HTML, as the Bot API documents them, held against what we render.
Stricter than the API (tests/telegram_markup.py): what it would drop in silence is an error."""

from __future__ import annotations

import re
from typing import NamedTuple

LIMIT = 4096
_TOKEN = re.compile(r"<(/?)([^<>]*)>|&([^&;\s<>]{1,10});|([<>&])|([^<>&]+)")
_ATTRIBUTE = re.compile(r'\s+([a-z-]+)="([^"<>]*)"')
_NAMES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_MARKS = {"bold", "italic", "underline", "strikethrough", "spoiler"}


class Entity(NamedTuple):
    """offset and length: UTF-16 units. value: an address or a language."""

    type: str
    offset: int
    length: int
    value: str = ""


class _Open(NamedTuple):
    tag: str
    offset: int
    value: str


def check(html: str) -> tuple[str, list[Entity]]:
    """The text Telegram shows and its entities, in the order they end. ValueError, with words
    like the API's, for what it refuses and for what its rules forbid."""
    text: list[str] = []
    opened: list[_Open] = []
    entities: list[Entity] = []
    offset = 0
    for match in _TOKEN.finditer(html):
        closing, tag, name, stray, words = match.groups()
        if stray:
            raise ValueError(f'character "{stray}" at {match.start()} must be escaped')
        if tag is not None:
            if closing:
                entities.append(_close(opened, tag, offset))
            else:
                opened.append(_start(tag, offset, opened))
            continue
        shown = _character(name) if name else words
        text.append(shown)
        offset += _units(shown)
    if opened:
        raise ValueError(f'can\'t find end tag corresponding to start tag "{opened[-1].tag}"')
    whole = "".join(text)
    if not whole.strip():
        raise ValueError("message text is empty")
    if _units(whole.strip()) > LIMIT:
        raise ValueError("message is too long")
    return whole, [entity for entity in entities if entity.length]


def _start(tag: str, offset: int, opened: list[_Open]) -> _Open:
    name = re.match(r"[a-z-]*", tag)
    assert name is not None
    attributes = dict(_ATTRIBUTE.findall(tag[name.end() :]))
    if name[0] not in _KINDS or _ATTRIBUTE.sub("", tag[name.end() :]).strip():
        raise ValueError(f'unsupported start tag "{tag}" at {offset}')
    _nesting(name[0], [each.tag for each in opened])
    if name[0] == "a":
        return _Open("a", offset, _link(attributes, tag))
    if name[0] == "code" and set(attributes) <= {"class"}:
        return _Open("code", offset, _language(attributes, opened, tag))
    if attributes:
        raise ValueError(f'unexpected attributes in "{tag}"')
    return _Open(name[0], offset, "")


def _link(attributes: dict[str, str], tag: str) -> str:
    if set(attributes) != {"href"} or not re.match(r"(?:https?|mailto|tg):", attributes["href"]):
        raise ValueError(f'not a link: "{tag}"')
    return attributes["href"]


def _language(attributes: dict[str, str], opened: list[_Open], tag: str) -> str:
    language = attributes.get("class", "")
    inside_pre = bool(opened) and opened[-1].tag == "pre"
    if language and not (inside_pre and re.fullmatch(r"language-\S+", language)):
        raise ValueError(f'unexpected class in "{tag}"')
    return language


def _nesting(tag: str, around: list[str]) -> None:
    """Entities nest, but nothing in code, no quote in a quote, no code or link in a mark or
    link that may not hold it."""
    kind, kinds = _KINDS[tag], {_KINDS[each] for each in around}
    if kind == "code" and around[-1:] == ["pre"]:
        return
    if {"code", "pre"} & kinds:
        raise ValueError(f"a {kind} within code")
    if kind in ("code", "pre") and kinds & {*_MARKS, "text_link"}:
        raise ValueError(f"{kind} within {kinds}")
    if kind == "blockquote" and around:
        raise ValueError("a quote within something")
    if kind == "text_link" and kind in kinds:
        raise ValueError("a link within a link")


def _close(opened: list[_Open], tag: str, offset: int) -> Entity:
    if not opened:
        raise ValueError(f'unexpected end tag "{tag}"')
    last = opened.pop()
    if last.tag != tag:
        raise ValueError(f'unmatched end tag, expected "</{last.tag}>", found "</{tag}>"')
    return Entity(_KINDS[tag], last.offset, offset - last.offset, last.value)


def _character(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    if match := re.fullmatch(r"#(?:x([0-9a-fA-F]+)|([0-9]+))", name):
        return chr(int(match[1], 16) if match[1] else int(match[2]))
    raise ValueError(f'unsupported entity "&{name};"')


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
