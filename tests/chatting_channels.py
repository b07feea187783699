"""A daemon with a loopback channel: a person in a chat, a scripted model, and what is seen."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.hermes import Hermes
from tests.loopback_platform import TOKEN, Program
from tests.model_server import ModelServer


def configure(hermes: Hermes, program: Program, server: ModelServer, **channel: Any) -> None:
    """A home whose model is the server and whose owner is u1 of the program."""
    hermes.home.mkdir(parents=True, exist_ok=True)
    loopback = {"enabled": True, "url": program.url, "owners": ["u1"], "guests": ["g1"], **channel}
    model = {"provider": "openai_chat", "default": "scripted", "base_url": server.url}
    settings = {
        "model": {**model, "context_window": 10_000_000},  # nothing is ever shortened
        "channels": {"loopback": loopback, "workspace": str(hermes.workspace)},
        "learning": {"mode": "off"},
    }
    (hermes.home / "config.yaml").write_text(json.dumps(settings))
    (hermes.home / ".env").write_text(f"LOOPBACK_TOKEN={TOKEN}\n")
    (hermes.home / ".env").chmod(0o600)


def rows(hermes: Hermes, query: str, *values: Any) -> list[Any]:
    """What state.db holds, also while a daemon writes it."""
    with closing(sqlite3.connect(hermes.home / "state.db", timeout=10)) as connection:
        return connection.execute(query, values).fetchall()
