"""Replies split and rendered: nothing lost, every piece fits, every platform takes it."""

from __future__ import annotations

import random
from collections import Counter
from html.parser import HTMLParser

import pytest

from gateway.channels import render
from gateway.channels.render_parse import parse, visible
from tests.markdown_fuzz import Replies
from tests.telegram_html import check
from tests.test_crash import SOAK

MATRIX_TAGS = {
    "del", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "p", "a", "ul", "ol", "li", "b", "i",
    "strong", "em", "s", "code", "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "pre",
}  # fmt: skip
MATRIX_ATTRIBUTES = {"a": {"href"}, "code": {"class"}, "ol": {"start"}}
REPLIES = 2000 if SOAK else 240
LINES = 100_000 if SOAK else 20_000
EMPTY_TAGS = {"br", "hr"}


class Html(HTMLParser):
    """Strict: every tag is closed in order; `tags`, their attributes and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY_TAGS:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def words(text: str) -> str:
    return "".join(text.split())


def in_order(wanted: str, found: str) -> bool:
    signs = iter(found)
    return all(sign in signs for sign in wanted)


def within(limit: int):
    return lambda text: render.utf16_length(text) <= limit


def assert_whole(reply: str, pieces: list[str]) -> None:
    """Every character that is not markup is there, in order."""
    found = "".join([words(visible(parse(piece))) for piece in pieces])
    assert in_order(words(visible(parse(reply))), found)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_no_reply_loses_anything_and_every_platform_takes_it(part):
    for seed in range(part, REPLIES, 10):
        reply = Replies(seed, most=3).next()
        chance = random.Random(seed)
        limit = chance.choice([120, 400, 1500, 4096])
        fits = render.telegram_fits if limit == 4096 else within(limit)
        pieces = render.split(reply, fits)
        assert_whole(reply, pieces)
        for piece in pieces:
            assert fits(piece), (seed, piece)
            if limit == 4096 or render.telegram_length(piece) <= render.TELEGRAM_LIMIT:
                text, _ = check(render.telegram_html(piece))
                assert Counter(words(text)) >= shown(piece)
        for piece in chance.sample(pieces, min(4, len(pieces))):
            assert_taken(piece)


def shown(piece: str) -> Counter[str]:
    return Counter(words(visible(parse(piece))))


def assert_taken(piece: str) -> None:
    html = Html(render.matrix_html(piece))
    assert Counter(words("".join(html.words))) >= shown(piece)
    for tag, attributes in html.tags:
        assert tag in MATRIX_TAGS
        assert set(attributes) <= MATRIX_ATTRIBUTES.get(tag, set())
    mail = Html(render.email_html(piece))
    assert Counter(words("".join(mail.words))) >= shown(piece)
    assert not any(tag in ("img", "script", "link", "style") for tag, _ in mail.tags)
    assert Counter(words(render.plain(piece))) >= shown(piece)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    ["hello *world*, this is a line\n", "- an item\n", "a line\n\n", "> said\n", "1. one\n"],
)
def test_a_reply_of_very_many_lines(line):
    reply = line * LINES
    pieces = render.split(reply, render.telegram_fits)
    assert sum(piece.count(line.split()[-1]) for piece in pieces) == LINES
    assert all(render.telegram_length(piece) <= 4096 for piece in pieces[:: len(pieces) // 20])


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply",
    ["x" * 50_000, "*a " * 10_000, "> " * 5_000 + "deep", "`" * 9_000, "- " * 3_000,
     "a\u0301\u0323" * 9_000, "|" * 9_000, "1. " + "![]()" * 3_000, "[a](" * 1_000,
     "[" * 20_000, "[a](" * 4_000],
    ids=lambda reply: reply[:4],
)  # fmt: skip
def test_what_no_person_writes(reply):
    pieces = render.split(reply, render.telegram_fits)
    assert_whole(reply, pieces)
    for piece in pieces:
        check(render.telegram_html(piece))


def test_what_fits_stays_as_it_is():
    reply = "Hello *you*,\r\n\r\n1. one\n1. two\n"
    assert render.split(reply, render.telegram_fits) == [reply.replace("\r\n", "\n")]
    assert render.split(" \n ", render.telegram_fits) == []


def test_a_fence_is_closed_and_opened_again():
    code = "\n".join(f"print({number})" for number in range(60))
    pieces = render.split(f"Look:\n\n```python\n{code}\n```\n\nDone.", within(200))
    assert len(pieces) > 4
    assert pieces[-1].endswith("Done.")
    for piece in pieces[1:-1]:
        assert piece.startswith("```python\n")
        assert piece.endswith("\n```")
    assert_whole(code, pieces)


def test_a_fence_around_fences_stays_one():
    inner = "```\ncode\n```\n" * 40
    pieces = render.split(f"````md\n{inner}````", within(150))
    assert all(piece.startswith("````md\n") for piece in pieces)
    assert all(len(parse(piece)) == 1 for piece in pieces)


def test_the_numbers_of_a_list_go_on():
    reply = "\n".join(f"1. item number {number}" for number in range(1, 41))
    pieces = render.split(reply, within(200))
    lines = "\n".join(pieces).split("\n")
    assert lines == [f"{number}. item number {number}" for number in range(1, 41)]


def test_an_item_that_is_too_long_keeps_its_list():
    long = " ".join(["word"] * 60)
    pieces = render.split(f"1. one\n2. {long}\n   - inner\n3. three", within(120))
    assert pieces[0] == "1. one"
    assert pieces[1].startswith("2. word word")
    assert pieces[-1].endswith("3. three")
    assert "- inner" in "\n".join(pieces)


def test_a_table_keeps_its_header():
    rows = "\n".join(f"| {number} | {number * number} |" for number in range(60))
    pieces = render.split(f"| n | n² |\n|--:|:--|\n{rows}", within(300))
    assert len(pieces) > 2
    assert all(piece.startswith("| n | n² |\n| --: | :-- |\n") for piece in pieces)
    assert_whole(rows.replace("|", " "), pieces)


def test_emphasis_goes_on_in_the_next_piece():
    reply = "**" + " ".join(["bold"] * 60) + "** and [" + " ".join(["link"] * 60) + "](http://x.y)"
    for piece in render.split(reply, within(120)):
        text, entities = check(render.telegram_html(piece))
        assert entities, text
        assert "*" not in text
        assert "](" not in text


def test_a_piece_carries_the_link_definitions_it_uses():
    reply = "\n\n".join([f"See [the page][{n}] now." for n in range(20)])
    reply += "\n\n" + "\n".join(f"[{n}]: https://example.com/{n}" for n in range(20))
    pieces = render.split(reply, within(200))
    linked = [one.value for piece in pieces for one in check(render.telegram_html(piece))[1]]
    assert linked == [f"https://example.com/{n}" for n in range(20)]


def test_long_text_is_cut_at_sentences_then_words():
    sentences = [f"This is sentence {number} of them." for number in range(30)]
    for piece in render.split(" ".join(sentences), within(150)):
        assert piece.startswith("This")
        assert piece.endswith("them.")
    for piece in render.split("word " * 200, within(70)):
        assert set(piece.split()) == {"word"}


def test_letters_as_people_see_them_are_not_cut():
    family = "👩‍👩‍👧‍👦"
    for piece in render.split(family * 100, within(120)):
        assert piece.replace(family, "") == ""


@pytest.mark.parametrize("text", ["List<int>", "a < b && c > d", "<T>", "</b>", "&lt;", "x<y>z"])
def test_angles_are_text_everywhere(text):
    wanted = text.replace("&lt;", "<")
    assert check(render.telegram_html(text))[0] == wanted
    assert "".join(Html(render.matrix_html(text)).words).strip() == wanted
    assert "".join(Html(render.email_html(text)).words).strip() == wanted
    assert render.plain(text) == wanted
    fenced = f"```\n{text}\n```"
    assert check(render.telegram_html(fenced))[0] == text
    assert render.plain(fenced) == text


TELEGRAM = {
    "# Title `x` **b**": "<b>Title </b><code>x</code><b> b</b>",
    "**b *bi* `c`**": "<b>b </b><b><i>bi</i></b> <code>c</code>",
    "~~gone~~": "<s>gone</s>",
    "- a\n- b\n  - c\n- d": "• a\n• b\n  • c\n• d",
    "3. x\n4. y": "3. x\n4. y",
    '[a `b`](https://x.y/?q=1&r=")': '<a href="https://x.y/?q=1&amp;r=%22">a b</a>',
    "[a](src/a.py)": "a (src/a.py)",
    "[a](javascript:alert(1))": "[a](javascript:alert(1))",
    "![cat](https://x.y/cat.png)": '<a href="https://x.y/cat.png">cat</a>',
    "> one\n>\n> > two": "<blockquote>one\n\ntwo</blockquote>",
    "```c++\na<b;\n```": '<pre><code class="language-c++">a&lt;b;</code></pre>',
    "a|b\n-|-\n1|日本": "<pre>a │ b\n──┼─────\n1 │ 日本</pre>",
    "***": "———",
    "a  \nb\nc": "a\nb\nc",
    "<b>x</b>": "&lt;b&gt;x&lt;/b&gt;",
    "[x]: http://y": "[x]: http://y",
}


@pytest.mark.parametrize("markdown", TELEGRAM)
def test_telegram(markdown):
    html = render.telegram_html(markdown)
    check(html)
    assert html == TELEGRAM[markdown]


def test_a_wide_table_is_lists_in_telegram():
    table = "| name | what it is |\n|---|---|\n| **hub** | " + "very long words " * 8 + "|"
    text, entities = check(render.telegram_html(table))
    assert text.startswith("name: hub\n• what it is: very long words")
    assert {one.type for one in entities} == {"bold"}


def test_plain_text_has_no_markup():
    reply = "# Hi\n\n**bold** [site](https://x.y) <https://z.w>\n\n- a\n- b\n\n> quoted\n\n`code`"
    assert render.plain(reply) == (
        "Hi\n\nbold site (https://x.y) https://z.w\n\n• a\n• b\n\n> quoted\n\ncode"
    )


def test_lengths_are_telegrams():
    assert render.utf16_length("a👍") == 3
    assert render.telegram_length("**[a](https://example.com)** &amp; 👍") == 6
    assert render.telegram_fits("x" * 4096)
    assert not render.telegram_fits("x" * 4097)
    numbered = "1. x\n" * 810
    assert render.utf16_length(numbered) <= 4096 < render.telegram_length(numbered)
    assert not render.telegram_fits(numbered)


def test_mail_shows_pictures_as_links_and_loads_nothing():
    html = Html(render.email_html("![a](http://x.y/p.png)\n\n|a|\n|-|\n|b|"))
    assert ("a", {"href": "http://x.y/p.png"}) in html.tags
    assert not any("url(" in str(attributes) for _, attributes in html.tags)


WRONG = ["<b>x", "x</b>", "<b><i>x</b></i>", "a & b", "<div>x</div>", "<pre><b>x</b></pre>",
         "<b><code>x</code></b>", "<a>x</a>", "<a href=x>y</a>", "&nbsp;x", " ", "a > b",
         "<blockquote>a<blockquote>b</blockquote></blockquote>", '<b class="x">y</b>', "x" * 4097,
         '<a href="javascript:x">y</a>']  # fmt: skip


@pytest.mark.parametrize("html", WRONG)
def test_the_checker_refuses(html):
    with pytest.raises(ValueError, match=r"\w"):
        check(html)
