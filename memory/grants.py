"""Who may speak besides those whom the settings name, and the one-time codes that let them in."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from memory.arrivals import Arrival, put_arrival
from memory.database import Database
from memory.faults import store_errors
from memory.outbox import Delivery, put_delivery

CODE_SECONDS = 600.0
"""How long a code may be used."""
SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 signs that nobody mixes up; ten of them are 50 bits."""
LENGTH = 10

Role = Literal["owner", "guest"]


class Grant(NamedTuple):
    """One person on one platform. expires, revoked: seconds since the epoch, None = never."""

    id: str
    platform: str
    account: str
    sender: str
    address: str
    role: Role
    name: str
    at: float
    expires: float | None
    revoked: float | None


class Grants:
    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def role_of(self, platform: str, account: str, sender: str) -> Role | None:
        """What a sender's standing grants make of him; None = a stranger."""
        roles = {
            grant.role
            for grant in self._rows(
                "platform = ? AND account = ? AND sender = ? AND revoked IS NULL"
                " AND (expires IS NULL OR expires > ?)",
                platform,
                account,
                sender,
                self._clock(),
            )
        }
        return "owner" if "owner" in roles else "guest" if roles else None

    def all(self) -> list[Grant]:
        return self._rows("1")

    async def revoke(self, id: str) -> Grant | None:
        """End a grant; None if there is none such, or it ended before."""
        now = self._clock()

        def store(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE grants SET revoked = ? WHERE id = ? AND revoked IS NULL", (now, id)
            )
            return changed.rowcount == 1

        found = await self._database.commits.write(store)
        return self._rows("id = ?", id)[0] if found else None

    async def new_code(self, platform: str, role: Role, days: float = 0) -> str:
        """A code for one person; days: how long the grant is to last, 0 = until revoked."""
        code = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
        now = self._clock()
        row = (_hash(code), platform, role, days, now, now + CODE_SECONDS)

        def store(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM pairing_codes WHERE expires < ?", (now - 86_400,))
            connection.execute(
                "INSERT INTO pairing_codes (hash, platform, role, days, at, expires)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )

        await self._database.commits.write(store)
        return f"{code[:5]}-{code[5:]}"

    async def redeem(
        self, code: str, arrival: Arrival, sender: str, name: str, answer: str
    ) -> Grant | None:
        """Let in who sent a good code, once; `answer` goes to the outbox. None = no such code.
        All of it, the arrival's row included, is one transaction."""
        now, id = self._clock(), f"g{secrets.token_hex(4)}"

        def store(connection: sqlite3.Connection) -> bool:
            found = connection.execute(
                "UPDATE pairing_codes SET used = ? WHERE hash = ? AND platform = ?"
                " AND used IS NULL AND expires > ? RETURNING role, days",
                (now, _hash(code), arrival.platform, now),
            ).fetchall()
            if not found or not put_arrival(connection, arrival, now):
                return False
            role, days = found[0]
            expires = now + days * 86_400 if days else None
            row = (id, *arrival[:2], sender, arrival.address, role, name, now, expires)
            connection.execute(
                "INSERT INTO grants (id, platform, account, sender, address, role, name, at,"
                " expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            put_delivery(connection, Delivery(arrival.address, answer, "control"), now)
            return True

        done = await self._database.commits.write(store)
        return self._rows("id = ?", id)[0] if done else None

    def is_code(self, text: str) -> bool:
        """Whether a code of these words was ever given out and is remembered."""
        code = normal(text)
        return code is not None and bool(
            self._ask("SELECT 1 FROM pairing_codes WHERE hash = ?", _hash(code))
        )

    def _rows(self, condition: str, *values: object) -> list[Grant]:
        rows = self._ask(
            "SELECT id, platform, account, sender, address, role, name, at, expires, revoked"
            f" FROM grants WHERE {condition} ORDER BY at",
            *values,
        )
        return [Grant(*row) for row in rows]

    def _ask(self, query: str, *values: object) -> list[Any]:
        with store_errors(self._database.path):
            return self._database.connection.execute(query, values).fetchall()


def normal(text: str) -> str | None:
    """A text as a code, if it looks like one."""
    code = text.strip().upper().replace("-", "").replace(" ", "")
    return code if len(code) == LENGTH and set(code) <= set(SIGNS) else None


def _hash(code: str) -> str:
    return hashlib.sha256(f"hermes pairing {code}".encode()).hexdigest()
