"""Up to where a Matrix account has been read: a small file, replaced as a whole."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from hermes_home.files import make_folders, put
from hermes_home.paths import Home


class SyncToken:
    """The position after the last events that were received, per account and server; and the
    rooms (`told`) where people were told that they cannot be read."""

    def __init__(self, home: Home, homeserver: str, user: str) -> None:
        name = sha256(f"{homeserver} {user}".encode()).hexdigest()[:16]
        self._path: Path = home.run / f"matrix-{name}.json"
        self.told: set[str] = set()

    def load(self) -> str:
        """The position, or "" if nothing was received yet."""
        try:
            kept = json.loads(self._path.read_bytes())
            self.told = {str(room) for room in kept.get("told", ())}
            return str(kept["since"])
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return ""

    def store(self, since: str) -> None:
        """It is on disk when this returns."""
        make_folders(self._path.parent)
        put(self._path, json.dumps({"since": since, "told": sorted(self.told)}).encode())


def device(home: Home, user: str) -> str:
    """The id of this home's login: the same at each start, so that logins do not pile up and a
    repeat after a restart is still seen as one by the server."""
    return "HERMES" + sha256(f"{home.root} {user}".encode()).hexdigest()[:10].upper()
