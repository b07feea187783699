"""Who is speaking: decided anew at every message, by ids that never change.

The settings name people (`channels.X.owners`, `channels.X.guests`), pairing adds grants. Names,
usernames and whatever else a person can choose count for nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gateway.channels.base import Incoming
from memory.grants import Grant, Grants, Role, normal

if TYPE_CHECKING:
    from hermes_home.settings import Settings

OWNER = "owner"
TRIES = 5
"""Wrong codes one sender may send in TRY_SECONDS; what comes then is not even looked at."""
ALL_TRIES = 50
"""The same for all senders together."""
TRY_SECONDS = 600.0


class Principals:
    def __init__(self, settings: Callable[[], Settings], grants: Grants) -> None:
        self._settings = settings
        self._grants = grants

    def of(self, incoming: Incoming) -> str:
        """`owner`, `platform:account:sender` for a guest, empty for a stranger."""
        place = incoming.place
        role = self._named(place.platform, incoming.sender) or self._grants.role_of(
            place.platform, place.account, incoming.sender
        )
        if role is None:
            return ""
        return OWNER if role == "owner" else f"{place.platform}:{place.account}:{incoming.sender}"

    def _named(self, platform: str, sender: str) -> Role | None:
        section = getattr(self._settings().channels, platform, None)
        owners: Sequence[str] = getattr(section, "owners", ())
        guests: Sequence[str] = getattr(section, "guests", ())
        if not sender:
            return None
        return "owner" if sender in owners else "guest" if sender in guests else None


class Tries:
    """Counts codes that were wrong, so that nobody can go through all of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: deque[tuple[float, str]] = deque(maxlen=ALL_TRIES)

    def allowed(self, who: str) -> bool:
        since = self._clock() - TRY_SECONDS
        recent = [sender for at, sender in self._wrong if at > since]
        return len(recent) < ALL_TRIES and recent.count(who) < TRIES

    def wrong(self, who: str) -> None:
        self._wrong.append((self._clock(), who))


def code_in(incoming: Incoming) -> str | None:
    """What may be a pairing code: the only words of a message in a private chat."""
    if incoming.group or incoming.button or incoming.attachments:
        return None
    return normal(incoming.text)


def described(grant: Grant) -> str:
    return f"{grant.platform}: {grant.sender} is now paired as {grant.role}"
