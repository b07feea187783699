"""What a person wrote in a mail: without the quoted mails below it and without its dress."""

from __future__ import annotations

import re
from email.message import EmailMessage, MIMEPart
from html.parser import HTMLParser

_BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "hr", "pre"}
_UNSEEN = {"script", "style", "head", "title", "template"}
_VOID = {"br", "hr", "img", "meta", "link", "input", "area", "base", "col", "source", "wbr"}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])")
_QUOTES = re.compile(r"\b(gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote)\b")
_ORIGINAL = re.compile(
    r"\s*(-{2,} ?(original message|original-nachricht|ursprüngliche nachricht|message d'origine|"
    r"mensaje original|messaggio originale) ?-{2,}|_{20,})\s*",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"^-{2,}.*(forwarded|weitergeleitete|transféré|reenviado|inoltrato|doorgestuurd)", re.IGNORECASE
)
_HEADER = re.compile(r"\s*\*?(from|von|de|da|van)\*?\s*:.*@", re.IGNORECASE)
_HEADER_NEXT = re.compile(
    r"\s*\*?(sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto|"
    r"inviato|verzonden)\*?\s*:",
    re.IGNORECASE,
)
ATTRIBUTION_LINES = 3


def written(mail: EmailMessage) -> str:
    """The words of the sender of this mail."""
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    text = _content(part)
    if part.get_content_type() == "text/html":
        text = html_to_text(text)
    return without_quote(text)


def _content(part: MIMEPart) -> str:
    try:
        content = part.get_content()
    except (LookupError, ValueError):  # a character set nobody knows
        raw = part.get_payload(decode=True)
        content = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""
    return str(content).replace("\r\n", "\n")


def without_quote(text: str) -> str:
    """The text above the history a reply carries. Where nothing stands above (a forwarded mail),
    or where the answer is written between the quoted lines, everything stays."""
    lines = _without_signature(text.replace("\xa0", " ").rstrip().splitlines())
    for number, line in enumerate(lines):
        headed = _HEADER.match(line) and any(
            _HEADER_NEXT.match(next) for next in lines[number + 1 : number + 4]
        )
        if _FORWARDED.search(line):
            break
        if (headed or _ORIGINAL.fullmatch(line)) and any(one.strip() for one in lines[:number]):
            lines = lines[:number]
            break
    return "\n".join(_without_tail(lines)).strip()


def _without_signature(lines: list[str]) -> list[str]:
    """Up to the line "-- "; an answer below a signature is none of the kind."""
    for number, line in enumerate(lines):
        if line == "-- ":
            rest = [one for one in lines[number:] if one.startswith(">")]
            return lines[:number] + rest
    return lines


def _without_tail(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].startswith(">")):
        end -= 1
    if not any(line.startswith(">") for line in lines[end:]):
        return lines
    above = _without_attribution(lines[:end])
    return above if any(line.strip() for line in above) else lines


def _without_attribution(lines: list[str]) -> list[str]:
    """Without "On Monday, Ann wrote:", which some break into several lines."""
    if not lines or not lines[-1].rstrip().endswith(":"):
        return lines
    for length in range(1, ATTRIBUTION_LINES + 1):
        said = " ".join(lines[-length:])
        if re.match(r"\s*(on|am|le|el|il|op|den|em)\b", said, re.IGNORECASE) and (
            re.search(r"\d", said) or "@" in said
        ):
            return lines[:-length]
        if not lines[: -length or None] or not lines[-length].strip():
            break
    return lines


def html_to_text(html: str) -> str:
    """What a reader sees of it, without what is quoted."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = re.sub(r"[ \t]+", " ", "".join(reader.pieces))
    text = "\n".join(line.strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _Reader(HTMLParser):
    """`pieces` of text; what is inside an element that is skipped is not among them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS and not self._skipping:
            self.pieces.append("\n- " if tag == "li" else "\n")
        if tag in _VOID:
            return
        values = {name: value or "" for name, value in attrs}
        self._open.append((tag, _skipped(tag, values)))
        if tag == "a":
            self._links.append(values.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._name_link(self._links.pop())
        if tag in [name for name, _ in self._open]:
            while self._open.pop()[0] != tag:
                pass
        if tag in _BLOCKS and not self._skipping:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def _name_link(self, address: str) -> None:
        said = self.pieces[-1] if self.pieces else ""
        if address.startswith("http") and address not in said and not self._skipping:
            self.pieces.append(f" ({address})")

    @property
    def _skipping(self) -> bool:
        return any(skipped for _, skipped in self._open)


def _skipped(tag: str, values: dict[str, str]) -> bool:
    return (
        tag in _UNSEEN
        or (tag == "blockquote" and values.get("type") == "cite")
        or _QUOTES.search(values.get("class", "")) is not None
        or _HIDDEN.search(values.get("style", "").lower()) is not None
        or "hidden" in values
    )
