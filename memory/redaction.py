"""Secrets taken out of whatever leaves: exact known values, and what has the shape of a key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

MARK = "[redacted]"
SHORTEST = 6
"""Known values shorter than this would be found in ordinary words."""

_SHAPES = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"\bsk-[A-Za-z0-9_-]{16,}",  # OpenAI, Anthropic, OpenRouter
            r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
            r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}|\bglpat-[\w-]{20,}",
            r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{20,}",  # Slack
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS
            r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[\w-]{20,}",  # Google
            r"\b(?:hf|npm|gsk|xai|pypi|dop_v1|r8)[_-][A-Za-z0-9_-]{20,}",
            r"\b[0-9]{8,10}:[A-Za-z0-9_-]{35}\b",  # Telegram
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+",  # JSON web tokens
        )
    ),
    re.DOTALL,
)
# Here only the value goes: what it is called tells what stood there.
_NAMED = re.compile(
    r"(?P<name>(?:\b|_)(?:api[_-]?key|secret|password|passwd|access[_-]?token|auth[_-]?token)"
    r"[\"']?\s*[:=]\s*[\"']?)(?P<value>[^\s\"',;&]{6,})"
    r"|(?P<bearer>\bBearer\s+)[A-Za-z0-9._~+/-]{12,}=*"
    r"|(?P<url>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)",
    re.IGNORECASE,
)


def holds_key(text: str) -> bool:
    """Whether something in it has the shape of a key."""
    return bool(_SHAPES.search(text))


class Redactor:
    """Replaces secrets in texts and in whole structures. Never keeps what it replaced."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        # The longest first, so that no part of one stays behind when another is its beginning.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MARK, text)
        text = _SHAPES.sub(MARK, text)
        return _NAMED.sub(_without_value, text)

    def value(self, value: Any) -> Any:
        """The same of dicts, lists and texts, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return value


def _forms(secret: str) -> tuple[str, ...]:
    """A secret as it stands in plain text, in JSON and in a URL."""
    return secret, json.dumps(secret)[1:-1], quote(secret, safe="")


def _without_value(match: re.Match[str]) -> str:
    return f"{match['name'] or match['bearer'] or match['url']}{MARK}"
