"""A paragraph that is too long: cut at lines, sentences, words, else between characters; what is
emphasised or linked across a cut is closed before it and opened again behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from gateway.channels.render_cut import Fits, Part, graphemes, most, packed
from gateway.channels.render_parse import Definitions, Node, parse, parse_inline, visible

Kind = Literal["text", "code", "break", "open", "close"]


class Item(NamedTuple):
    """content: the words of a text or code. markup: its Markdown. end: the Markdown that ends
    what an open begins."""

    kind: Kind
    content: str = ""
    markup: str = ""
    end: str = ""


_CLOSE = Item("close")
_WORD = re.compile(r"\S+\s*|\s+")
_SPECIAL = re.compile(r"[\\`*\[\]<~#|&]|(?<![^\W_])_|_(?![^\W_])|!\Z")
_START = re.compile(r"(\d{0,9})([>+=:.)-])")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SENTENCE = re.compile(r"(?:[.!?…][\"'”’»)\]]*\s+|[。！？]\s*)\Z")
_TICKS = re.compile(r"`+")
_BLANK = " \t\n"


def cut(source: str, definitions: Definitions, fits: Fits) -> list[str]:
    """Texts that fit, each a paragraph of its own, with all words of the source."""
    items = _items(parse_inline(source, definitions), fits, linked=False)
    texts: list[str] = []
    held: list[Item] = []
    start = size = 0
    while start < len(items):
        full = _count(items, start, held, fits, size)
        if full == 0:
            items[start : start + 1] = _smaller(items[start], held, fits)
            full = 1
        size = sum([len(item.markup) for item in items[start : start + full]])
        part = items[start : start + _nice(items, start, full)]
        texts += _checked(part, held, fits)
        held = _held(part, held)
        start += len(part)
    return texts


def write(items: Sequence[Item], held: Sequence[Item] = ()) -> str:
    """Markdown of the items, where `held` is open already. What nothing follows is not opened."""
    out: list[str] = []
    waiting, opened = list(held), list[Item]()
    line_start = True
    for item in items:
        if item.kind == "open":
            waiting.append(item)
        elif item.kind == "close":
            if waiting:
                waiting.pop()
            elif opened:
                _trim(out)
                out.append(opened.pop().end)
        elif item.kind == "break":
            if not line_start:
                out.append(item.markup)
            line_start = True
        elif written := _at_start(item) if line_start else item.markup:
            if written.strip(_BLANK):
                out += [mark.markup for mark in waiting]
                opened += waiting
                waiting = []
            out.append(written)
            line_start = False
    _trim(out)
    return "".join([*out, *(mark.end for mark in reversed(opened))])


def _at_start(item: Item) -> str:
    """The item at the start of a line, where more signs would be markup."""
    if item.kind == "code":
        return item.markup
    text = item.markup.lstrip(_BLANK)
    return _START.sub(r"\1\\\2", text, count=1) if _START.match(text) else text


def code(content: str) -> str:
    """A code span of this content."""
    longest = max((len(run) for run in _TICKS.findall(content)), default=0)
    ticks = "`" * (1 if longest == 0 else longest + 1)
    edge = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{ticks}{edge}{content}{edge}{ticks}"


def escaped(words: str) -> str:
    """Markdown that shows exactly these words."""
    return _PUNCTUATION.sub(r"\\\1", words.strip(_BLANK).replace("\n", " "))


def _trim(out: list[str]) -> None:
    while out and out[-1].strip(_BLANK) in ("", "\\"):
        out.pop()
    if out:
        out[-1] = out[-1].rstrip(_BLANK)


def _count(items: list[Item], start: int, held: list[Item], fits: Fits, size: int) -> int:
    """How many items fit into one text; 0 if not even one does. size: characters that are
    likely to fit."""

    def good(count: int) -> bool:
        return fits(write(items[start : start + count], held))

    guess = 0
    while size > 0 and start + guess < len(items):
        size -= len(items[start + guess].markup)
        guess += 1
    count = most(good, len(items) - start, guess)
    return count if count > 1 or good(1) else 0


def _nice(items: list[Item], start: int, count: int) -> int:
    """The best place to cut in the second half, else the last one between words."""
    if start + count == len(items):
        return count
    ranks = [_rank(items, start + place) for place in range(count + 1)]
    for rank in (3, 2):
        for place in range(count, count // 2, -1):
            if ranks[place] == rank:
                return place
    return next((place for place in range(count, 0, -1) if ranks[place]), count)


def _rank(items: list[Item], place: int) -> int:
    before, after = items[place - 1], items[place]
    if "break" in (before.kind, after.kind):
        return 3
    if before.kind == "text" and _SENTENCE.search(before.content):
        return 2
    return 1 if before.kind == "text" and before.content[-1:].isspace() else 0


def _smaller(item: Item, held: list[Item], fits: Fits) -> list[Item]:
    """An item that does not fit, in pieces; where even a letter does not, nothing stays open."""
    if item.kind not in ("text", "code"):
        return [item]
    kind: Literal["text", "code"] = "text" if item.kind == "text" else "code"
    if not fits(write([_shown(kind, "x")], held)):
        held.clear()
    texts = graphemes(item.content, lambda text: fits(write([_shown(kind, text)], held)))
    return [_shown(kind, text) for text in texts]


def _checked(part: Sequence[Item], held: Sequence[Item], fits: Fits) -> list[str]:
    """The part as Markdown; without emphasis if that would be read otherwise than meant."""
    text = write(part, held)
    words = "".join([item.content for item in part if item.kind in ("text", "code")])
    if "".join(visible(parse(text)).split()) == "".join(words.split()):
        return [text] if text else []
    spaced = "".join(
        [" " if item.kind == "break" else item.content for item in part if item.kind in _SHOWN]
    )
    parts = [Part(escaped(word), " ") for word in spaced.split()]
    return packed(parts, fits)


_SHOWN = ("text", "code", "break")


def _held(part: Sequence[Item], held: Sequence[Item]) -> list[Item]:
    now = list(held)
    for item in part:
        if item.kind == "open":
            now.append(item)
        elif item.kind == "close" and now:
            now.pop()
    return now


def _items(nodes: Sequence[Node], fits: Fits, linked: bool) -> list[Item]:
    items: list[Item] = []
    for node in nodes:
        if node.kind == "text":
            items += _words(node.token.content)
        elif node.kind == "code_inline":
            items.append(_shown("code", node.token.content))
        elif node.kind in ("softbreak", "hardbreak"):
            items.append(Item("break", "", "\n" if node.kind == "softbreak" else "\\\n"))
        elif node.kind in ("em", "strong", "s"):
            markup = node.token.markup
            within = _items(node.children, fits, linked)
            items += [Item("open", "", markup, markup), *within, _CLOSE]
        elif node.kind == "link":
            href = str(node.token.attrs.get("href", ""))
            items += _link(_items(node.children, fits, linked=True), href, fits)
        elif node.kind == "image":
            href = str(node.token.attrs.get("src", ""))
            shown = _words(node.token.content or href)
            items += shown if linked else _link(shown, href, fits)
    return items


def _link(shown: list[Item], href: str, fits: Fits) -> list[Item]:
    end = "](<" + href.replace("&", "&amp;") + ">)"
    if not shown:
        shown = _words(href)
    if not fits("[x" + end):
        return [*shown, *_words(" "), *_words(f"({href})")]
    return [Item("open", "", "[", end), *shown, _CLOSE]


def _words(text: str) -> list[Item]:
    return [_shown("text", word) for word in _WORD.findall(text)]


def _shown(kind: Literal["text", "code"], content: str) -> Item:
    if kind == "code":
        return Item("code", content, code(content))
    return Item("text", content, _SPECIAL.sub(r"\\\g<0>", content.replace("\n", " ")))
