"""How the tests' Telegram calls a webhook: one update at a time, again until it is taken."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.telegram_server import TelegramServer

SECONDS = 10.0
PAUSE, LONGEST = 0.05, 1.0


class Deliverer(threading.Thread):
    """Posts what waits to the webhook's address by way of `server.proxies`, which stand for the
    TLS proxy of whoever runs the bot."""

    def __init__(self, server: TelegramServer) -> None:
        super().__init__()
        self._server = server
        self._pause = PAUSE

    def run(self) -> None:
        while not self._server.closing.is_set():
            waiting = self._next()
            if waiting is None:
                continue
            problem = self._post(*waiting)
            with self._server.changed:
                self._settle(waiting[0], problem)
            if problem:
                self._server.closing.wait(self._pause)
                self._pause = min(LONGEST, self._pause * 2)

    def _next(self) -> tuple[dict[str, Any], str, str] | None:
        server = self._server
        with server.changed:
            if not (server.webhook.url and server.updates):
                server.changed.wait(0.2)
                return None
            return server.updates[0], server.webhook.url, server.webhook.secret

    def _settle(self, update: dict[str, Any], problem: str) -> None:
        server = self._server
        if problem:
            about = {"last_error_date": int(time.time()), "last_error_message": problem}
            server.webhook.info.update(about)
            return
        self._pause = PAUSE
        if update in server.updates:
            server.updates.remove(update)
            server.confirmed.append(update)
        server.changed.notify_all()

    def _post(self, update: dict[str, Any], url: str, secret: str) -> str:
        """What went wrong; empty if it was taken."""
        parts = urlsplit(url)
        headers = {"Content-Type": "application/json"}
        if secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = secret
        self._server.delivered[update["update_id"]] += 1
        host, port = self._server.proxies.get(parts.hostname or "", ("127.0.0.1", 9))
        connection = HTTPConnection(host, port, timeout=SECONDS)
        try:
            connection.request("POST", parts.path or "/", json.dumps(update), headers)
            with connection.getresponse() as response:
                response.read()
                if 200 <= response.status < 300:
                    return ""
                return f"Wrong response from the webhook: {response.status} {response.reason}"
        except (OSError, HTTPException) as error:
            return f"Connection failed: {error}"
        finally:
            connection.close()
