"""A daemon whose API listens on a TCP port, and ways to it: OpenAI's own client, raw bytes."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx2

from tests.benchmarks.processes import free_port
from tests.hermes import Hermes
from tests.model_server import ModelServer
from tests.test_whole_message import connect

if TYPE_CHECKING:
    from openai import OpenAI

TOKEN = "a-token-of-32-characters-1234567"
PATIENCE = 60.0


class ApiDoor:
    """The API of one home. `start` starts its daemon."""

    def __init__(self, hermes: Hermes, model: ModelServer, **api: Any) -> None:
        self.hermes = hermes
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        workspace = str(hermes.workspace)
        connect(hermes, model, api={"listen": self.address, "workspace": workspace, **api})
        self.rotate(TOKEN)

    def rotate(self, token: str) -> None:
        env = self.hermes.home / ".env"
        new = env.with_name(".env.new")
        new.write_text(f"HERMES_API_TOKEN={token}\n")
        new.chmod(0o600)
        new.replace(env)

    def start(self) -> None:
        self.hermes.ok("daemon", "start")

    def openai(self, token: str = TOKEN, **more: Any) -> OpenAI:
        """An unmodified client over TCP."""
        from openai import OpenAI  # noqa: PLC0415 - a second, and most tests here do without

        url = f"http://{self.address}/v1"
        return OpenAI(base_url=url, api_key=token, max_retries=0, timeout=PATIENCE, **more)

    def openai_unix(self) -> OpenAI:
        """The same over the Unix socket, without a token."""
        from openai import OpenAI  # noqa: PLC0415

        path = str(self.hermes.home / "run" / "daemon.sock")
        web = httpx2.Client(transport=httpx2.HTTPTransport(uds=path), timeout=PATIENCE)
        return OpenAI(base_url="http://hermes/v1", api_key="none", max_retries=0, http_client=web)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        token: str = TOKEN,
    ) -> httpx2.Response:
        """One request with a token, unless `headers` bring their own Authorization."""
        given = {"Authorization": f"Bearer {token}"} | dict(headers or {})
        url = f"http://{self.address}{path}"
        return httpx2.request(method, url, json=body, headers=given, timeout=PATIENCE)

    def raw(self, data: bytes, wait: float = PATIENCE) -> bytes:
        """What comes back for these bytes, until the other side closes or `wait` seconds."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as link:
            try:
                link.sendall(data)
            except OSError:
                pass  # it hung up in the middle; what it said before is still to be read
            return drain(link)

    def runs(self) -> int:
        """How many runs there were, in all sessions."""
        return sum(row["runs"] for row in self.hermes.json("sessions", "list", "--limit", "1000"))


def drain(link: socket.socket) -> bytes:
    """Everything until the other side closes, or says nothing more."""
    pieces = []
    try:
        while piece := link.recv(65536):
            pieces.append(piece)
    except OSError:
        pass
    return b"".join(pieces)


def status(answer: bytes) -> int:
    """The status of a raw answer; 0 if there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": one} if isinstance(one, str) else one for one in messages]
    return {"model": "hermes", "messages": said, **more}


def frame(path: str, body: object, headers: Mapping[str, str]) -> bytes:
    """A request as bytes."""
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data
