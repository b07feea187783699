"""Who is believed in e-mail, and what is never answered: generated, without a server."""

from __future__ import annotations

from email.message import EmailMessage
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.channels.base import Outgoing
from gateway.channels.email_compose import composed
from gateway.channels.email_identity import proved_by_server, sender, tag_for
from gateway.channels.email_memory import Thread
from gateway.channels.email_read import Rules, judged, parsed

OWN = "bot@home.test"
OWNER = "ann@ann.test"
SERVER = "mx.home.test"
SECRET = "0123456789abCDEF"
BY_SERVER = Rules(OWN, (OWNER,), SERVER, "")
BY_TAG = Rules(OWN, (OWNER,), "", SECRET)

PASSES = [
    "dmarc=pass header.from=ann.test",
    "dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=ann.test",
    "spf=pass smtp.mailfrom=ann@ann.test",
    "spf=pass (google.com: domain of ann@ann.test) smtp.mailfrom=ann.test",
    'dkim=pass header.i=@ann.test header.s=s1 header.b="a;b"',
    "dkim=pass header.d=ann.test",
    "DKIM = PASS header.d = ANN.test",
    "dkim/1=pass header.d=ann.test",
    "spf=fail smtp.mailfrom=evil.test; dkim=pass header.d=ann.test",
    "dmarc=fail header.from=x.test;\r\n\tdkim=pass (2048-bit key; unprotected) header.d=ann.test",
]
FAILS = [
    "none",
    "dmarc=fail header.from=ann.test",
    "dmarc=pass header.from=evil.test",
    "dmarc=pass",
    "dmarc=pass header.from=evil.test header.from=ann.test",
    "dmarc=fail dmarc=pass header.from=ann.test",
    'dmarc=fail reason="dmarc=pass header.from=ann.test"',
    "dmarc=fail (; dmarc=pass header.from=ann.test;)",
    'dkim=fail reason="x; dkim=pass header.d=ann.test"',
    "dkim=pass header.d=evil.test",
    "dkim=pass header.d=notann.test",
    "dkim=pass header.d=test",
    "dkim=pass header.d=sub.ann.test",
    "dkim=pass header.i=ann.test.evil.test",
    "dkim=neutral header.d=ann.test",
    "dkim=passed header.d=ann.test",
    "spf=pass smtp.mailfrom=ann.test@evil.test",
    "spf=pass smtp.helo=ann.test",
    "spf=softfail smtp.mailfrom=ann@ann.test",
    "spf=pass (smtp.mailfrom=ann@ann.test) smtp.mailfrom=e@evil.test",
    "iprev=pass policy.iprev=ann.test",
    "arc=pass header.d=ann.test",
    "dkim=pass header.d=ann.test (",
    'dkim=pass header.d=ann.test "',
    "auth=pass smtp.auth=ann@ann.test",
]


def raw(*headers: str, text: str = "hello") -> EmailMessage:
    return parsed("\r\n".join([*headers, "", text]).encode())


@pytest.mark.parametrize("found", PASSES)
def test_what_the_server_proved_is_believed(found: str) -> None:
    mail = raw(f"Authentication-Results: {SERVER}; {found}", f"From: Ann <{OWNER}>")
    assert judged(mail, BY_SERVER) == (OWNER, "")


@pytest.mark.parametrize("found", FAILS)
def test_what_the_server_did_not_prove_is_not(found: str) -> None:
    mail = raw(f"Authentication-Results: {SERVER}; {found}", f"From: Ann <{OWNER}>")
    assert judged(mail, BY_SERVER)[1] == "not proved"


GOOD = f"Authentication-Results: {SERVER}; dmarc=pass header.from=ann.test"
EVIL = f"Authentication-Results: {SERVER}; dmarc=pass header.from=evil.test"
SPOOFS = {
    "no header": [f"From: {OWNER}"],
    "another server's": [GOOD.replace(SERVER, "mx.evil.test"), f"From: {OWNER}"],
    "a longer name": [GOOD.replace(SERVER, SERVER + ".evil.test"), f"From: {OWNER}"],
    "a quoted name": [GOOD.replace(SERVER, f'"{SERVER}"'), f"From: {OWNER}"],
    "a name in a comment": [GOOD.replace(SERVER, f"evil.test ({SERVER})"), f"From: {OWNER}"],
    "no name": [GOOD.replace(SERVER, ""), f"From: {OWNER}"],
    "not the topmost": [EVIL, GOOD, f"From: {OWNER}"],
    "below a foreign one": [GOOD.replace(SERVER, "a.test"), GOOD, f"From: {OWNER}"],
    "ARC's": [GOOD.replace("Authentication", "ARC-Authentication"), f"From: {OWNER}"],
    "original's": [GOOD.replace("Authentication", "X-Original-Authentication"), f"From: {OWNER}"],
    "two From lines": [GOOD, f"From: {OWNER}", "From: eve@evil.test"],
    "two From lines, turned": [GOOD, "From: eve@evil.test", f"From: {OWNER}"],
    "two addresses": [GOOD, f"From: {OWNER}, eve@evil.test"],
    "no From": [GOOD, f"Sender: {OWNER}", f"Reply-To: {OWNER}"],
    "empty From": [GOOD, "From: "],
    "a group": [GOOD, f"From: friends: {OWNER};"],
    "name as address": [EVIL, f'From: "{OWNER}" <eve@evil.test>'],
    "two angles": [EVIL, f"From: <{OWNER}> <eve@evil.test>"],
    "a comment": [EVIL, f"From: eve@evil.test ({OWNER})"],
    "a comment before": [EVIL, f"From: ({OWNER}) <eve@evil.test>"],
    "encoded": [EVIL, "From: =?utf-8?q?ann=40ann=2Etest?= <eve@evil.test>"],
    "encoded address": [GOOD, "From: =?utf-8?q?ann=40ann=2Etest?="],
    "a source route": [EVIL, f"From: <@evil.test:{OWNER}>"],
    "quoted local part": [GOOD, 'From: "ann@ann.test"@evil.test'],
    "a NUL": [EVIL, f"From: {OWNER}\0@evil.test"],
    "folded": [EVIL, f"From: {OWNER}\r\n <eve@evil.test>"],
    "a percent": [EVIL, "From: ann%ann.test@evil.test"],
    "look-alike": [GOOD, "From: ann@\u0430nn.test"],
    "subdomain's word": [
        f"Authentication-Results: {SERVER}; dkim=pass header.d=x.ann.test",
        f"From: {OWNER}",
    ],
}


@pytest.mark.parametrize("case", SPOOFS)
def test_forged_mail_is_nobodys(case: str) -> None:
    address, why = judged(raw(*SPOOFS[case]), BY_SERVER)
    assert address != OWNER or why


@pytest.mark.parametrize("case", SPOOFS)
def test_forged_mail_is_nobodys_where_a_tag_is_asked(case: str) -> None:
    address, why = judged(raw(*SPOOFS[case], f"To: {OWN}"), BY_TAG)
    assert address != OWNER or why


def test_the_secret_in_the_address_proves_the_owner() -> None:
    for name in ("To", "Cc", "Delivered-To", "X-Original-To"):
        mail = raw(f"From: {OWNER}", f"{name}: Bot <bot+{SECRET}@home.test>")
        assert judged(mail, BY_TAG) == (OWNER, "")


def test_the_tag_of_our_answers_proves_that_one_address_only() -> None:
    guest = "gus@gus.test"
    for written, tagged in product((OWNER, guest, "eve@evil.test"), repeat=2):
        mail = raw(f"From: {written}", f"To: bot+{tag_for(SECRET, tagged)}@home.test")
        assert (judged(mail, BY_TAG)[1] == "") == (written == tagged)
    assert SECRET not in tag_for(SECRET, guest)
    # the secret itself speaks for owners alone
    assert judged(raw(f"From: {guest}", f"To: bot+{SECRET}@home.test"), BY_TAG)[1]


@pytest.mark.parametrize(
    "to",
    [
        OWN,
        "bot+@home.test",
        f"bot+{SECRET[:-1]}@home.test",
        f"bot+{SECRET}x@home.test",
        f"bot+{SECRET}@evil.test",
        f"eve+{SECRET}@home.test",
        f"bot{SECRET}@home.test",
        f"{SECRET}@home.test",
        f'"bot+{SECRET}" <bot@home.test>',
    ],
)
def test_a_wrong_tag_proves_nothing(to: str) -> None:
    assert judged(raw(f"From: {OWNER}", f"To: {to}"), BY_TAG)[1] == "not proved"


def test_without_a_secret_an_empty_tag_is_none() -> None:
    rules = Rules(OWN, (OWNER,), SERVER, "")
    assert judged(raw(f"From: {OWNER}", "To: bot+@home.test"), rules)[1]


@given(some.text(max_size=80), some.text(max_size=80))
def test_no_header_makes_the_reader_fail(line: str, results: str) -> None:
    def safe(text: str) -> str:
        return text.encode("utf-8", "replace").decode().replace("\r", " ").replace("\n", " ")

    mail = raw(f"Authentication-Results: {SERVER}; {safe(results)}", f"From: {safe(line)}")
    address = sender(mail)
    assert "\n" not in address
    proved_by_server(mail, address or OWNER, SERVER)


AUTOMATIC = {
    "own": [f"From: {OWN}"],
    "own with a tag": ["From: bot+x@home.test"],
    "own, forwarded": [f"X-Hermes-Sent-By: {OWN}"],
    "bounce": ["Return-Path: <>"],
    "report": ['Content-Type: multipart/report; report-type=delivery-status; boundary="b"'],
    "daemon": ["From: MAILER-DAEMON@ann.test"],
    "postmaster": ["From: Postmaster@ann.test"],
    "bounces": ["From: list-bounces@ann.test"],
    "no reply": ["From: no-reply@ann.test"],
    "list": ["List-Id: <friends.ann.test>"],
    "unsubscribe": ["List-Unsubscribe: <https://ann.test>"],
    "bulk": ["Precedence: bulk"],
    "list precedence": ["Precedence: List"],
    "junk": ["Precedence: junk"],
    "auto reply": ["Precedence: auto_reply"],
    "replied": ["Auto-Submitted: auto-replied"],
    "generated": ["Auto-Submitted: Auto-Generated; owner-email=x"],
    "notified": ["Auto-Submitted: auto-notified"],
    "strange": ["Auto-Submitted: yes"],
    "twice": ["Auto-Submitted: no", "Auto-Submitted: auto-replied"],
    "Exchange": ["X-Auto-Response-Suppress: OOF"],
    "autoreply": ["X-Autoreply: yes"],
    "autorespond": ["X-Autorespond: away"],
    "failed": ["X-Failed-Recipients: x@y.test"],
}


@pytest.mark.parametrize("case", AUTOMATIC)
def test_automatic_mail_is_not_for_us(case: str) -> None:
    headers = AUTOMATIC[case]
    if not any(header.startswith("From:") for header in headers):
        headers = [*headers, f"From: {OWNER}"]
    _, why = judged(raw(GOOD, *headers), BY_SERVER)
    assert why in ("own", "bounce", "list", "automatic")


@pytest.mark.parametrize("header", ["Auto-Submitted: no", "Precedence: normal", "X-Mailer: x"])
def test_a_persons_mail_is(header: str) -> None:
    assert judged(raw(GOOD, header, f"From: {OWNER}"), BY_SERVER) == (OWNER, "")


def test_two_bots_do_not_answer_each_other() -> None:
    sent = composed(
        Outgoing(text="hello", key="k"),
        own=OWNER,  # the other bot, in the owner's place
        to=OWN,
        reply_to=OWNER,
        thread=Thread("", ["<a@b>"]),
        most_bytes=1,
    )
    received = parsed(GOOD.encode() + b"\r\n" + sent.as_bytes())
    assert judged(received, BY_SERVER)[1] == "automatic"
