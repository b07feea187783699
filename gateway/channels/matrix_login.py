"""What the Matrix channel needs before it can be made; what is missing is named."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Any

from hermes_home.channel_settings import MatrixSettings
from hermes_home.errors import SettingsError


def check(section: MatrixSettings, token: str, password: str) -> None:
    """SettingsError: a setting or secret is missing or none."""
    if not section.homeserver:
        raise SettingsError(
            "channels.matrix.homeserver is not set",
            "hermes config set channels.matrix.homeserver https://matrix.org",
        )
    if not token and not password:
        raise SettingsError(
            "neither MATRIX_ACCESS_TOKEN nor MATRIX_PASSWORD is set", "put one of them into .env"
        )
    if not token and not section.user:
        raise SettingsError(
            "MATRIX_PASSWORD needs channels.matrix.user",
            'hermes config set channels.matrix.user "@bot:server"',
        )
    for id in (*section.owners, *section.guests, *([section.user] if section.user else [])):
        if not (id.startswith("@") and ":" in id):
            raise SettingsError(
                f"channels.matrix: {id!r} is no Matrix id", "they look like @name:server"
            )


def library() -> Any:
    """matrix-nio, which is installed only where it is wanted. SettingsError."""
    logging.getLogger("nio.responses").setLevel(logging.ERROR)  # what it warns of, we report
    try:
        return import_module("nio")
    except ImportError as error:
        raise SettingsError(
            "Matrix needs the package matrix-nio",
            f'{sys.executable} -m pip install "matrix-nio>=0.25"',
        ) from error
