"""The settings of each channel, a section of `channels` in config.yaml. Secrets are in .env."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from hermes_home.rules import HttpAddress

Busy = Literal["steer", "queue", "interrupt"]


@dataclass(frozen=True)
class TelegramSettings:
    enabled: bool = False
    """Whether the bot of TELEGRAM_BOT_TOKEN is listened to."""
    owners: tuple[str, ...] = ()
    """Telegram user ids (numbers, in quotes) that are you."""
    guests: tuple[str, ...] = ()
    """Telegram user ids that may ask, without commands, files or memory."""
    busy: Busy = "steer"
    """What a message does while a run works: steer joins it, queue waits, interrupt ends it."""
    api_url: Annotated[str, HttpAddress()] = "https://api.telegram.org"
    """Where the Bot API is."""
    webhook_url: Annotated[str, HttpAddress()] = ""
    """The public https address Telegram is to call; empty = polling. Needs
    TELEGRAM_WEBHOOK_SECRET."""
    webhook_listen: str = "127.0.0.1:8443"
    """Where the webhook is listened for, behind your TLS proxy: host:port."""


@dataclass(frozen=True)
class ChannelsSettings:
    """One field per channel; gateway/channels/table.py says which class carries it."""

    telegram: TelegramSettings = field(default_factory=TelegramSettings)
