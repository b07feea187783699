"""Secrets of the home in what is about to leave it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_plus

SHORTEST = 8
"""Values shorter than this would be found in ordinary words."""


def leaks(text: str, secrets: Iterable[str]) -> bool:
    """Whether a text holds one of these values, as it is or percent-encoded, even twice."""
    once = unquote_plus(text)
    forms = [form.casefold() for form in (text, once, unquote_plus(once))]
    known = [secret.casefold() for secret in secrets if len(secret) >= SHORTEST]
    return any(secret in form for secret in known for form in forms)
