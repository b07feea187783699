"""The token and the webhook's secret of a Telegram bot, checked before anything is opened."""

from __future__ import annotations

import re

from gateway.channels.listener import host_and_port
from hermes_home.channel_settings import TelegramSettings
from hermes_home.errors import SettingsError
from hermes_home.secrets import Secrets

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{30,}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


def token_of(secrets: Secrets) -> str:
    """SettingsError if there is none, or it cannot be one."""
    token = secrets.get("TELEGRAM_BOT_TOKEN")
    fix = "Run `hermes gateway setup telegram`, or put the token of @BotFather into .env."
    if not token:
        raise SettingsError("TELEGRAM_BOT_TOKEN is not set", fix)
    if not _TOKEN.fullmatch(token):
        raise SettingsError("TELEGRAM_BOT_TOKEN is no bot's token", fix)
    return token


def secret_of(section: TelegramSettings, secrets: Secrets) -> str:
    """The webhook's secret; SettingsError if a webhook is set and would not be safe."""
    if not section.webhook_url:
        return ""
    if not section.webhook_url.startswith("https://"):
        raise SettingsError(
            "channels.telegram.webhook_url is not an https address",
            "Telegram calls only https; put a TLS proxy before webhook_listen.",
        )
    try:
        host_and_port(section.webhook_listen)
    except ValueError:
        raise SettingsError(
            "channels.telegram.webhook_listen is not host:port", "for example: 127.0.0.1:8443"
        ) from None
    secret = secrets.get("TELEGRAM_WEBHOOK_SECRET")
    if not _SECRET.fullmatch(secret):
        raise SettingsError(
            "TELEGRAM_WEBHOOK_SECRET is " + ("not usable" if secret else "not set"),
            "Put 1 to 256 letters, digits, _ or - into .env under that name; without it "
            "anybody could speak as you. `hermes gateway setup telegram` makes one.",
        )
    return secret
