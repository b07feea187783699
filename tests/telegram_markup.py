"""HTML as the tests' Bot API takes it: text and entities, or the words it refuses with."""

from __future__ import annotations

import html
import re
from typing import Any

TYPES = {
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
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
UNQUOTED = re.compile(r"[A-Za-z0-9.-]+")


class Unparsable(Exception):
    """What comes after "Bad Request: can't parse entities: "."""


def units(text: str) -> int:
    """The length in UTF-16 units, as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def parse(source: str) -> tuple[str, list[dict[str, Any]]]:
    """The text people see and its entities, in the order they begin. Unparsable."""
    return _Parser(source).parsed()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.text = ""
        self.open: list[tuple[str, int, dict[str, str]]] = []
        self.entities: list[dict[str, Any]] = []

    def parsed(self) -> tuple[str, list[dict[str, Any]]]:
        while self.at < len(self.source):
            if self.source[self.at] == "<":
                (self._end if self.source.startswith("</", self.at) else self._start)()
            elif match := REFERENCE.match(self.source, self.at):
                self.text += html.unescape(match[0])
                self.at = match.end()
            else:
                self.text += self.source[self.at]
                self.at += 1
        if self.open:
            raise Unparsable(f'Can\'t find end tag corresponding to start tag "{self.open[-1][0]}"')
        self.entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
        return self.text, self.entities

    def _bytes(self, at: int) -> int:
        return len(self.source[:at].encode())

    def _until(self, stops: str) -> str:
        begin = self.at
        while self.at < len(self.source) and self.source[self.at] not in stops:
            self.at += 1
        return self.source[begin : self.at]

    def _spaces(self) -> None:
        while self.at < len(self.source) and self.source[self.at].isspace():
            self.at += 1

    def _here(self) -> str:
        return self.source[self.at : self.at + 1]

    def _start(self) -> None:
        begin = self._bytes(self.at)
        self.at += 1
        name = self._until("> \n\t").lower()
        if not self._here():
            raise Unparsable(f"Unclosed start tag at byte offset {begin}")
        if name not in TYPES:
            raise Unparsable(f'Unsupported start tag "{name}" at byte offset {begin}')
        attributes = self._attributes(name, begin)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise Unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self.open.append((name, len(self.text), attributes))

    def _attributes(self, name: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            self._spaces()
            if self._here() == ">":
                self.at += 1
                return found
            key = self._until("= >\n\t")
            if not key:
                raise Unparsable(f'Empty attribute name in the tag "{name}" at byte offset {begin}')
            self._spaces()
            if self._here() != "=":
                if name == "blockquote" and key == "expandable":
                    found[key] = ""
                    continue
                raise Unparsable(
                    "Expected equal sign in declaration of an attribute of the tag "
                    f'"{name}" at byte offset {begin}'
                )
            self.at += 1
            self._spaces()
            found[key.lower()] = self._value(begin)

    def _value(self, begin: int) -> str:
        quote = self._here()
        if quote and quote in "\"'":
            self.at += 1
            value = self._until(quote)
            if not self._here():
                raise Unparsable(f"Unclosed start tag at byte offset {begin}")
            self.at += 1
            return html.unescape(value)
        match = UNQUOTED.match(self.source, self.at)
        if match is None or self.source[match.end() : match.end() + 1] not in (" ", ">"):
            raise Unparsable(f"Unexpected end of name token at byte offset {self._bytes(self.at)}")
        self.at = match.end()
        return match[0]

    def _end(self) -> None:
        begin = self._bytes(self.at)
        self.at += 2
        name = self._until("> \n\t").lower()
        self._spaces()
        if self._here() != ">":
            raise Unparsable(f"Unclosed end tag at byte offset {begin}")
        self.at += 1
        if not self.open:
            raise Unparsable(f"Unexpected end tag at byte offset {begin}")
        opened, start, attributes = self.open.pop()
        if name and name != opened:
            raise Unparsable(
                f"Unmatched end tag at byte offset {begin}, "
                f'expected "</{opened}>", found "</{name}>"'
            )
        self._entity(opened, start, attributes)

    def _entity(self, name: str, start: int, attributes: dict[str, str]) -> None:
        inner = self.text[start:]
        if not inner:
            return
        entity: dict[str, Any] = {"type": TYPES[name]}
        entity |= {"offset": units(self.text[:start]), "length": units(inner)}
        if name == "a":
            entity["url"] = attributes.get("href", inner)
        if name == "code" and self.open and self.open[-1][0] == "pre":
            if language := attributes.get("class", "").removeprefix("language-"):
                self.open[-1][2]["language"] = language
            return
        if name == "pre" and attributes.get("language"):
            entity["language"] = attributes["language"]
        self.entities.append(entity)
