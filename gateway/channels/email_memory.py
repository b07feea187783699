"""What the e-mail channel must know after a restart, in a small file replaced as a whole: up to
where the mailbox was read, the threads it answers in, and what it sent in the last hour."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from hermes_home.files import make_folders, put
from hermes_home.paths import Home

HOUR = 3600.0
PER_THREAD = 5
"""Answers an hour in one thread."""
PER_PERSON = 20
"""Answers an hour to one address, over all threads."""
THREADS = 500


class Thread(msgspec.Struct):
    """What an answer needs to stay in its thread. references: the Message-IDs so far, oldest
    first."""

    subject: str
    references: list[str]


class Sent(msgspec.Struct):
    at: float
    to: str
    thread: str
    key: str


class _Known(msgspec.Struct):
    validity: int = 0
    uid: int = 0
    threads: dict[str, Thread] = {}
    sent: list[Sent] = []
    told: dict[str, float] = {}


class Memory:
    """One mailbox's. Everything but `thread` and `over` is on disk when it returns."""

    def __init__(self, home: Home, address: str, now: Callable[[], float] = time.time) -> None:
        self._path: Path = home.run / f"email-{sha256(address.encode()).hexdigest()[:16]}.json"
        self._now = now
        self._known = self._read()

    def _read(self) -> _Known:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Known)
        except (FileNotFoundError, msgspec.MsgspecError):
            return _Known()

    def _write(self) -> None:
        make_folders(self._path.parent)
        put(self._path, msgspec.json.encode(self._known))

    @property
    def position(self) -> tuple[int, int]:
        """(UIDVALIDITY, UID) of the last mail that was looked at; (0, 0) before the first."""
        return self._known.validity, self._known.uid

    def reached(self, validity: int, uid: int) -> None:
        if (validity, uid) != self.position:
            self._known.validity, self._known.uid = validity, uid
            self._write()

    def joined(self, person: str, root: str, subject: str, references: list[str]) -> None:
        """A mail came in this thread; it is written with the next `reached`."""
        threads, name = self._known.threads, _name(person, root)
        before = threads.pop(name, None)
        threads[name] = Thread(before.subject if before else subject, references)
        while len(threads) > THREADS:
            del threads[next(iter(threads))]

    def thread(self, person: str, root: str) -> Thread:
        found = self._known.threads.get(_name(person, root))
        return found or Thread("", [root] if root else [])

    def over(self, person: str, root: str, key: str) -> float:
        """Seconds until this may be sent, 0 if now: so many answers an hour, no more."""
        recent = [one for one in self._recent() if one.key != key]
        here = [one.at for one in recent if root and (one.to, one.thread) == (person, root)]
        there = [one.at for one in recent if one.to == person]
        free = self._now()
        if len(here) >= PER_THREAD:
            free = max(free, here[-PER_THREAD] + HOUR)
        if len(there) >= PER_PERSON:
            free = max(free, there[-PER_PERSON] + HOUR)
        return free - self._now()

    def was_sent(self, person: str, root: str, key: str) -> None:
        kept = [one for one in self._recent() if one.key != key]
        self._known.sent = [*kept, Sent(self._now(), person, root, key)]
        self._write()

    def tell(self, person: str) -> bool:
        """Whether this person is still to be told that the limit is reached: once an hour."""
        since = self._now() - HOUR
        told = {name: at for name, at in self._known.told.items() if at > since}
        if person in told:
            return False
        self._known.told = {**told, person: self._now()}
        self._write()
        return True

    def _recent(self) -> list[Sent]:
        since = self._now() - HOUR
        return [one for one in self._known.sent if one.at > since]


def _name(person: str, root: str) -> str:
    return f"{person} {root}"
