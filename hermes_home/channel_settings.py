"""The settings of each channel, a section of `channels` in config.yaml. Secrets are in .env."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from hermes_home.rules import Folder, HttpAddress

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
class MatrixSettings:
    enabled: bool = False
    """Whether the Matrix account of MATRIX_ACCESS_TOKEN (or MATRIX_PASSWORD) is listened to."""
    homeserver: Annotated[str, HttpAddress()] = ""
    """Where the account's server is, for example https://matrix.org."""
    user: str = ""
    """The account's id, @bot:server; needed with MATRIX_PASSWORD."""
    owners: tuple[str, ...] = ()
    """Matrix ids (@name:server, in quotes) that are you."""
    guests: tuple[str, ...] = ()
    """Matrix ids that may ask, without commands, files or memory."""
    busy: Busy = "steer"
    """What a message does while a run works: steer joins it, queue waits, interrupt ends it."""


@dataclass(frozen=True)
class EmailSettings:
    enabled: bool = False
    """Whether the mailbox is read with EMAIL_PASSWORD."""
    address: str = ""
    """The mailbox's own address: what people write to and what answers come from."""
    imap: str = ""
    """The server mail is read from, host:port. Port 993 is TLS, others STARTTLS; plain only on this
    machine."""
    smtp: str = ""
    """The server mail is sent by, host:port. Port 465 is TLS, others STARTTLS; plain only on this
    machine."""
    user: str = ""
    """The name to log in with; empty = the address."""
    owners: tuple[str, ...] = ()
    """Addresses that are you, if the mail is proved to be from there."""
    guests: tuple[str, ...] = ()
    """Addresses that may ask, without commands, files or memory."""
    busy: Busy = "queue"
    """What a message does while a run works: steer joins it, queue waits, interrupt ends it."""
    authserv_id: str = ""
    """The name your mail server writes first in its Authentication-Results header; only what this
    server found is believed about a sender. Without it EMAIL_TAG is needed."""


@dataclass(frozen=True)
class LoopbackSettings:
    enabled: bool = False
    """Whether the program at `url` is listened to; it knows us by LOOPBACK_TOKEN."""
    url: Annotated[str, HttpAddress()] = ""
    """Where the program answers, as docs/channels/loopback.md says."""
    owners: tuple[str, ...] = ()
    """Senders that are you."""
    guests: tuple[str, ...] = ()
    """Senders that may ask, without commands, files or memory."""
    busy: Busy = "steer"
    """What a message does while a run works: steer joins it, queue waits, interrupt ends it."""


@dataclass(frozen=True)
class WebhookSettings:
    enabled: bool = False
    """Whether signed messages of other programs are listened for; needs WEBHOOK_SECRET."""
    listen: str = "127.0.0.1:8787"
    """Where they are listened for, host:port; put a TLS proxy before it to open it to others."""
    reply_url: Annotated[str, HttpAddress()] = ""
    """Where answers are posted to, signed with the same secret."""
    owners: tuple[str, ...] = ()
    """Senders that are you; a program that has the secret says who the sender is."""
    guests: tuple[str, ...] = ()
    """Senders that may ask, without commands, files or memory."""
    busy: Busy = "steer"
    """What a message does while a run works: steer joins it, queue waits, interrupt ends it."""


@dataclass(frozen=True)
class ChannelsSettings:
    """One field per channel; gateway/channels/table.py says which class carries it."""

    workspace: Annotated[str, Folder()] = ""
    """The workspace of sessions begun in a chat; empty = ~/hermes-work, made when needed."""
    loopback: LoopbackSettings = field(default_factory=LoopbackSettings)

    telegram: TelegramSettings = field(default_factory=TelegramSettings)
    matrix: MatrixSettings = field(default_factory=MatrixSettings)
    email: EmailSettings = field(default_factory=EmailSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
