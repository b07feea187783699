"""Mail that nobody wrote: to answer it is how two machines write to each other for ever."""

from __future__ import annotations

import re
from email.message import EmailMessage

from gateway.channels.email_headers import lines

MARK = "X-Hermes-Sent-By"
"""What our own mail carries, so that it is known again when it comes back by a detour."""

_LIST = ("List-Id", "List-Post", "List-Unsubscribe", "List-Help", "Mailing-List")
_ROBOT = (
    "X-Auto-Response-Suppress",
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Mail-Autoreply",
    "X-Failed-Recipients",
    "Feedback-ID",
)
_BULK = {"bulk", "list", "junk", "auto_reply", "auto-reply"}
_MACHINES = re.compile(
    r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|.*-bounces?|double-bounce)"
    r"(\+.*|=.*)?"
)


def why_automatic(mail: EmailMessage, sender: str, own: str) -> str:
    """Why a mail is not answered: own, bounce, list or automatic; "" for a person's mail."""
    if sender and _plain(sender) == _plain(own):
        return "own"
    if _plain(own) in (_plain(line.strip()) for line in lines(mail, MARK)):
        return "own"
    if _bounce(mail, sender):
        return "bounce"
    precedence = {line.strip().lower() for line in lines(mail, "Precedence")}
    if any(name in mail for name in _LIST) or precedence & _BULK:
        return "list"
    submitted = [
        re.split(r"[;(\s]", line.strip().lower())[0] for line in lines(mail, "Auto-Submitted")
    ]
    if any(word != "no" for word in submitted) or any(name in mail for name in _ROBOT):
        return "automatic"
    return ""


def _bounce(mail: EmailMessage, sender: str) -> bool:
    paths = [line.strip() for line in lines(mail, "Return-Path")]
    return (
        paths[:1] in (["<>"], [""])
        or mail.get_content_type() in ("multipart/report", "message/delivery-status")
        or _MACHINES.fullmatch(sender.partition("@")[0]) is not None
    )


def _plain(address: str) -> str:
    """The address without what stands after its plus."""
    local, _, host = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{host}"
