"""Whose mail it is. The From line alone is anybody's, so it counts only with a proof: what our own
mail server found out (Authentication-Results, RFC 8601), or a secret in the address written to."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from email.errors import MessageError
from email.message import EmailMessage
from hashlib import sha256

from gateway.channels.email_headers import lines

ADDRESS = re.compile(r"[^\s<>\"(),:;@\\\[\]]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_ANGLED = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>\s*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
TAG_CHARS = 20


def sender(mail: EmailMessage) -> str:
    """The one address a mail says it is from, in lower case; "" if it says none, several, or
    something that could be read in two ways."""
    found = lines(mail, "From")
    if len(found) != 1:
        return ""
    angled = _ANGLED.fullmatch(found[0])
    address = (angled[1] if angled else found[0]).lower()
    return address if ADDRESS.fullmatch(address) and _only(mail) == [address] else ""


def _only(mail: EmailMessage) -> list[str]:
    """The addresses of From as the standard library reads them."""
    try:
        return [one.addr_spec.lower() for one in mail["From"].addresses]
    except (MessageError, LookupError, ValueError, AttributeError, TypeError):
        return []


def proved_by_server(mail: EmailMessage, address: str, authserv_id: str) -> bool:
    """Whether our server found that the mail is from the domain of `address`. Only its own header
    counts, which is the topmost one; any other the sender may have written."""
    headers = lines(mail, "Authentication-Results")
    if not headers or not authserv_id:
        return False
    domain = address.rpartition("@")[2]
    parts = _parts(headers[0])
    server = _TOKEN.findall(parts[0].lower())[:1] if parts else []
    if server != [authserv_id.lower()]:
        return False
    return any(_passes(part, domain) for part in parts[1:])


def _passes(part: str, domain: str) -> bool:
    """Whether one finding ("dkim=pass header.d=example.org") proves the domain."""
    words = _TOKEN.findall(re.sub(r"\s*=\s*", "=", part.lower()))
    if not words:
        return False
    facts = [word.partition("=") for word in words]
    method, _, result = facts[0]
    if result != "pass" or len({name for name, _, _ in facts}) < len(facts):
        return False
    values = {name: value.strip('"').rpartition("@")[2] for name, _, value in facts[1:]}
    match method.partition("/")[0].strip():
        case "dmarc":
            return values.get("header.from") == domain
        case "dkim":
            return _aligned(values.get("header.d") or values.get("header.i", ""), domain)
        case "spf":
            return _aligned(values.get("smtp.mailfrom", ""), domain)
    return False


def _aligned(proved: str, domain: str) -> bool:
    """Whoever speaks for a domain speaks for what is below it, not for what is above."""
    return "." in proved.strip(".") and (domain == proved or domain.endswith("." + proved))


def _parts(header: str) -> list[str]:
    """The header without comments, cut at the semicolons outside quotes; nothing of a header
    whose quotes or comments do not end."""
    parts, depth, quoted, escaped = [""], 0, False, False
    for sign in header:
        if escaped or sign == "\\":
            escaped = not escaped
        elif sign == '"' and not depth:
            quoted = not quoted
        elif not quoted and sign in "()":
            depth += 1 if sign == "(" else -1
            if depth < 0:
                return []
            sign = " "
        elif sign == ";" and not quoted and not depth:
            parts.append("")
            continue
        if not depth:
            parts[-1] += sign
    return [] if quoted or depth or escaped else parts


def tag_for(secret: str, address: str) -> str:
    """The tag that proves `address` and no other: what our answers ask to be sent to. It is made
    from EMAIL_TAG, which it does not tell."""
    return hmac.new(secret.encode(), address.lower().encode(), sha256).hexdigest()[:TAG_CHARS]


def proved_by_tag(to: Iterable[str], own: str, secret: str, address: str, owner: bool) -> bool:
    """Whether the mail was written to our address with a tag that proves `address`: the one made
    for it, or, from an owner, the secret itself."""
    if not secret:
        return False
    wanted = [tag_for(secret, address), *([secret.lower()] if owner else [])]
    given = [tag_in(one, own) for one in to]
    # each is compared with each, so that the time tells nothing
    return any([hmac.compare_digest(tag.encode(), one.encode()) for tag in given for one in wanted])


def tag_in(address: str, own: str) -> str:
    """What stands after the plus in bot+TAG@host, if it is our address; else "". Small letters,
    as some servers make of it."""
    local, _, host = address.strip().lower().rpartition("@")
    name, _, tag = local.partition("+")
    return tag if f"{name}@{host}" == own.lower() else ""


def written_to(mail: EmailMessage) -> list[str]:
    """Every address the mail says it went to."""
    found: list[str] = []
    for name in ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"):
        for line in lines(mail, name):
            found += re.findall(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+", line)
    return found
