"""The way to the web of one home: its engines, opened when they are first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.web.base import Fetcher, Search
from agent.web.leaks import leaks
from gateway.load import load
from hermes_home.errors import FetchError
from hermes_home.secrets import Secrets
from hermes_home.settings import WebSettings

CLIENT = "agent.web.client:Client"
SEARCHES = {
    "brave": "agent.web.search.brave:Brave",
    "ddgs": "agent.web.search.ddgs:Ddgs",
}
KEYS = {"brave": "BRAVE_API_KEY"}
"""The secret of each engine that needs one; with `auto` the first that is set decides."""
KEYLESS = "ddgs"


class Web:
    """What the tools of the web are given. Settings and secrets are read with each use."""

    def __init__(self, settings: Callable[[], WebSettings], secrets: Callable[[], Secrets]) -> None:
        self._settings = settings
        self._secrets = secrets

    def client(self) -> Fetcher:
        maker: Any = load(CLIENT)
        client: Fetcher = maker(self._settings(), self._secrets().values)
        return client

    def search(self) -> Search:
        """FetchError names the key that is missing."""
        settings, secrets = self._settings(), self._secrets()
        name: str = settings.search
        if name == "auto":
            name = next((one for one, key in KEYS.items() if secrets.get(key)), KEYLESS)
        key = secrets.get(KEYS[name]) if name in KEYS else ""
        if name in KEYS and not key:
            raise FetchError(
                f"web.search is {name}, and {KEYS[name]} is not set",
                f"Put {KEYS[name]}=… in .env, or set web.search to {KEYLESS}.",
            )
        maker: Any = load(SEARCHES[name])
        engine: Search = maker(self.client(), key, settings.proxy)
        return engine

    def leaks(self, text: str) -> bool:
        return leaks(text, self._secrets().values())
