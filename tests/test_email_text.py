"""What a person wrote is told from what a mail program put around it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.channels.email_read import attached, incoming, parsed, payload, references
from gateway.channels.email_text import html_to_text, without_quote, written

ANSWERS = ["yes", "/approve 3", "two lines\nof text", "with a list:\n\n- a\n- b", "1 > 0 is true:"]
HISTORIES = [
    "On Mon, 3 Nov 2025 at 10:00, Ann <a@b.test> wrote:\n> old\n> words",
    "On Mon, 3 Nov 2025 at 10:00, Ann Somebody-With-A-Long-Name\n<a@b.test> wrote:\n\n> old",
    "Am 03.11.25 um 10:00 schrieb Ann:\n> alt\n>\n> > älter\n",
    "Le lun. 3 nov. 2025 à 10:00, Ann <a@b.test> a écrit :\n> vieux",
    "> only\n> quoted",
    "-----Original Message-----\nFrom: Ann\nSent: today\n\nold words",
    "-------- Original Message --------\nold",
    "________________________________\nFrom: Ann <a@b.test>\nSent: Monday\n\nold",
    "From: Ann <a@b.test>\nSent: Monday\nTo: bot\nSubject: x\n\nold words",
    "Von: Ann <a@b.test>\nGesendet: Montag\nAn: bot\n\nalte Worte",
]
SIGNATURES = ["", "\n\n-- \nAnn\n+1 555"]


@pytest.mark.parametrize(("answer", "history"), list(product(ANSWERS, HISTORIES)))
@pytest.mark.parametrize("signature", SIGNATURES)
def test_the_history_below_is_cut(answer: str, history: str, signature: str) -> None:
    assert without_quote(f"{answer}{signature}\n\n{history}\n") == answer


@pytest.mark.parametrize(
    "text",
    [
        "---------- Forwarded message ---------\nFrom: Ann <a@b.test>\nDate: x\n\nnews",
        "> a question\nan answer\n> another\nanother answer",
        "> only\n> quoted",
        "From: Ann <a@b.test>\nSent: Monday\n\nwhat came",
        "I was on the train:\nit was late.",
        "a -- b\n--\nnot a signature",
    ],
)
def test_what_is_not_history_stays(text: str) -> None:
    assert without_quote(text) == text


@given(some.text())
def test_cutting_never_fails_and_never_adds(text: str) -> None:
    left = without_quote(text)
    assert all(line.strip() in text.replace("\xa0", " ") for line in left.splitlines())
    assert without_quote(left).strip() in left or not left


def test_html_becomes_text() -> None:
    html = """<html><head><style>p {}</style><title>t</title></head><body>
      <p>Hello&nbsp;<b>you</b> &amp; me</p><ul><li>one<li>two</ul>
      <div style="display: none">hidden</div><a href="https://a.test/x">here</a><br>end
      <script>evil()</script><div class="gmail_quote">On Monday<blockquote>old</blockquote></div>
      <blockquote type="cite">cited</blockquote></body>"""
    text = html_to_text(html)
    assert "Hello you & me" in text.replace("\xa0", " ")
    assert "- one" in text
    assert "here (https://a.test/x)" in text
    assert text.endswith("end")
    assert not any(word in text for word in ("hidden", "evil", "old", "cited", "p {}", "Monday"))


@given(some.text(alphabet="<>/=\"' abdivpr!-&;\n", max_size=200))
def test_broken_html_is_read_too(html: str) -> None:
    html_to_text(html)


MIXED = b"""\
From: a@b.test
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Message-ID: <3@b>
References: <1@b> <2@b>
In-Reply-To: <2@b>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=M

--M
Content-Type: multipart/related; boundary=R

--R
Content-Type: multipart/alternative; boundary=A

--A
Content-Type: text/plain; charset=nonsense

look at this
--A
Content-Type: text/html

<p>look at <i>this</i></p>
--A--
--R
Content-Type: image/png; name=inline.png
Content-Transfer-Encoding: base64
Content-ID: <x>

iVBORw0KGgo=
--R--
--M
Content-Type: text/plain; name=notes.txt
Content-Disposition: attachment; filename="notes.txt"

kept
--M
Content-Type: message/rfc822

Subject: inner

inside
--M--
"""


def test_files_are_found_wherever_they_hang() -> None:
    mail = parsed(MIXED)
    assert written(mail) == "look at this"
    files = attached(mail)
    assert [part.get_filename() for part in files] == ["inline.png", "notes.txt", None]
    assert payload(files[0]) == b"\x89PNG\r\n\x1a\n"
    assert b"inside" in payload(files[2])
    came = incoming(mail, "a@b.test", "bot@c.test", 7, 9)
    assert [one.reference for one in came.attachments] == ["7/9/0", "7/9/1", "7/9/2"]
    assert came.place.thread == "<1@b>"
    assert came.event == "7:<3@b>"


def test_the_first_mail_of_a_thread_says_its_subject() -> None:
    def text(*lines: str) -> str:
        return incoming(parsed("\n".join(lines).encode()), "a@b.test", "c@d.test", 1, 1).text

    assert text("Subject: Hi", "Message-ID: <1@b>", "", "there") == "Hi\n\nthere"
    assert text("Subject: Hi", "Message-ID: <1@b>", "", "") == "Hi"
    assert text("Subject: Hi", "Message-ID: <1@b>", "", "/status") == "/status"
    assert text("Subject: Re: Hi", "Message-ID: <2@b>", "References: <1@b>", "", "yes") == "yes"


def test_a_thread_is_known_by_its_first_mail() -> None:
    def ids(*lines: str) -> list[str]:
        return references(parsed("\n".join([*lines, "", "x"]).encode()))

    assert ids("Message-ID: <1@b>") == ["<1@b>"]
    assert ids("Message-ID: <2@b>", "In-Reply-To: <1@b>") == ["<1@b>", "<2@b>"]
    assert ids("Message-ID: <3@b>", "References: <1@b>\n <2@b>", "In-Reply-To: <2@b>") == [
        "<1@b>",
        "<2@b>",
        "<3@b>",
    ]
    assert ids("Subject: none") == []
    long = f"<{'x' * 500}@b>"
    assert len(ids(f"Message-ID: {long}")[0]) < 100
