"""HERMES_API_TOKEN: what whoever calls over TCP must know. Read anew when .env changes."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from hermes_home.errors import SettingsError
from hermes_home.paths import Home
from hermes_home.secrets import load_secrets

NAME = "HERMES_API_TOKEN"
SHORTEST = 16
"""Characters a token has at least."""
FIX = "Make one: hermes api token --new"


class Token:
    """The token as it is now."""

    def __init__(self, home: Home, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = environment
        self._stamp: tuple[int, ...] = (-1,)
        self._digest = b""
        self._problem = ""

    def problem(self) -> str:
        """Why nobody can be let in; empty if somebody can."""
        self._read()
        return self._problem

    def matches(self, given: str) -> bool:
        """Whether that is the token; takes as long for one wrong value as for another."""
        self._read()
        same = hmac.compare_digest(sha256(given.encode("latin-1")).digest(), self._digest)
        return same and not self._problem

    def _read(self) -> None:
        """Nothing is done while .env stays the file it is."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        try:
            value = load_secrets(self._home, self._environment).get(NAME)
            self._problem = _problem(value)
        except SettingsError as error:
            value, self._problem = "", error.message
        self._digest = sha256(value.encode("utf-8")).digest()
        # Taken after reading, which may have closed the file to others.
        self._stamp = self._look()

    def _look(self) -> tuple[int, ...]:
        try:
            found = self._home.env.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns


def _problem(value: str) -> str:
    if not value:
        return f"{NAME} is not set"
    if len(value) < SHORTEST:
        return f"{NAME} has fewer than {SHORTEST} characters"
    return ""
