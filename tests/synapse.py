"""A real Matrix server (Synapse) on loopback, and people who write to it with matrix-nio."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import nio

from tests.hermes import ROOT
from tests.servers import Server, accepts, free_port

PYTHON = ROOT / ".venv" / "synapse" / "bin" / "python"
ABSENT = "no Synapse at .venv/synapse; make test builds it"
_SECRET = "sekret"
_FAST = {"per_second": 1000, "burst_count": 1000}


class Synapse:
    """The server, in a folder of its own. `homeserver` is its address."""

    def __init__(self, folder: Path) -> None:
        self._admin = ""
        port = free_port()
        self.homeserver = f"http://127.0.0.1:{port}"
        (folder / "hs.yaml").write_text(json.dumps(_settings(folder, port)))  # JSON is YAML
        (folder / "log.yaml").write_text(json.dumps({"version": 1}))
        seed = base64.b64encode(os.urandom(32)).decode().rstrip("=")
        (folder / "signing.key").write_text(f"ed25519 a_test {seed}\n")
        module = ("-m", "synapse.app.homeserver", "-c", str(folder / "hs.yaml"))
        self._server = Server(folder, str(PYTHON), *module)
        self._server.wait(lambda: accepts(port) and self._answers())

    def _answers(self) -> bool:
        return httpx.get(f"{self.homeserver}/_matrix/client/versions").status_code == 200

    def slow_down(self, user: str, per_second: float, burst: int) -> None:
        """From now on this user may send so many messages."""
        if not self._admin:
            self._admin = self.register("admin", admin=True)["access_token"]
        answer = httpx.post(
            f"{self.homeserver}/_synapse/admin/v1/users/{quote(user)}/override_ratelimit",
            json={"messages_per_second": per_second, "burst_count": burst},
            headers={"Authorization": f"Bearer {self._admin}"},
        )
        assert answer.status_code == 200, answer.text

    def register(self, name: str, password: str = "pw", *, admin: bool = False) -> dict[str, str]:
        """A new account: user_id, access_token, device_id."""
        address = f"{self.homeserver}/_synapse/admin/v1/register"
        nonce = httpx.get(address).json()["nonce"]
        role = "admin" if admin else "notadmin"
        signed = "\0".join((nonce, name, password, role)).encode()
        body = {
            "nonce": nonce,
            "username": name,
            "password": password,
            "displayname": name.capitalize(),
            "admin": admin,
            "mac": hmac.new(_SECRET.encode(), signed, hashlib.sha1).hexdigest(),
        }
        answer = httpx.post(address, json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        made: dict[str, str] = answer.json()
        return made

    def close(self) -> None:
        self._server.close()


def _settings(folder: Path, port: int) -> dict[str, Any]:
    return {
        "server_name": "localhost",
        "listeners": [
            {
                "bind_addresses": ["127.0.0.1"],
                "port": port,
                "tls": False,
                "type": "http",
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "hs.db")}},
        "log_config": str(folder / "log.yaml"),
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": _SECRET,
        "macaroon_secret_key": "m",
        "form_secret": "f",
        "report_stats": False,
        "bcrypt_rounds": 4,
        "trusted_key_servers": [],
        "rc_message": _FAST,
        "rc_login": {"address": _FAST, "account": _FAST, "failed_attempts": _FAST},
        "rc_joins": {"local": _FAST, "remote": _FAST},
        "rc_invites": {"per_room": _FAST, "per_user": _FAST, "per_issuer": _FAST},
        "rc_room_creation": _FAST,
        "rc_registration": _FAST,
        "rc_media_create": _FAST,
    }


class Person:
    """Somebody with a Matrix client of their own."""

    def __init__(self, server: Synapse, name: str) -> None:
        made = server.register(name)
        self.user = made["user_id"]
        config = nio.AsyncClientConfig(encryption_enabled=False)
        self.client = nio.AsyncClient(server.homeserver, self.user, config=config)
        self.client.restore_login(self.user, made["device_id"], made["access_token"])
        self.seen: dict[str, dict[str, Any]] = {}

    async def room(self, *invited: str, **options: Any) -> str:
        """A new private room with these people invited."""
        made = await self.client.room_create(invite=invited, **options)
        assert isinstance(made, nio.RoomCreateResponse), made
        return str(made.room_id)

    async def say(self, room: str, text: str, **content: Any) -> str:
        body = {"msgtype": "m.text", "body": text, **content}
        sent = await self.client.room_send(room, "m.room.message", body)
        assert isinstance(sent, nio.RoomSendResponse), sent
        return str(sent.event_id)

    async def look(self) -> None:
        """Take in what happened: every event seen so far is in `seen`, by id."""
        found = await self.client.sync(timeout=300)
        assert isinstance(found, nio.SyncResponse), found
        for room, info in found.rooms.join.items():
            for event in info.timeline.events:
                self.seen[event.event_id] = {"room": room, **event.source}

    async def until(
        self, done: Callable[[list[dict[str, Any]]], Any], seconds: float = 60
    ) -> list[dict[str, Any]]:
        """The events seen, once `done` is true of them."""
        deadline = time.monotonic() + seconds
        while not done(list(self.seen.values())):
            assert time.monotonic() < deadline, list(self.seen.values())
            await self.look()
        return list(self.seen.values())
