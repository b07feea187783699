"""What a channel is: one messaging platform as one account of it sees it.

A channel only carries. Who may speak, which session is meant, what is stored when and what is
sent again is decided above it (hub, delivery), the same for every platform.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import msgspec

from hermes_home.errors import HermesError


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a conversation is: a chat, or one thread of it. All ids are the platform's own and
    never change; `account` is the id of the bot itself."""

    platform: str
    account: str
    chat: str
    thread: str = ""

    @property
    def address(self) -> str:
        """One string that names the place in the store: `platform/account/chat[/thread]`."""
        parts = (self.platform, self.account, self.chat, *([self.thread] if self.thread else []))
        return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)

    @property
    def target(self) -> str:
        """The same as a person names it: `platform:chat[/thread]`. No commas are in it."""
        place = self.address.split("/", 2)[2]
        return f"{self.platform}:{place.replace(',', '%2C')}"

    @classmethod
    def at(cls, address: str) -> Place:
        """The place an address names."""
        return cls(*(_plain(part) for part in address.split("/")))

    @classmethod
    def named(cls, platform: str, account: str, place: str) -> Place:
        """The place somebody names `chat` or `chat/thread`."""
        chat, _, thread = place.partition("/")
        return cls(platform, account, _plain(chat), _plain(thread))


def _plain(part: str) -> str:
    return part.replace("%2C", ",").replace("%2F", "/").replace("%25", "%")


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file somebody sent. `reference` is the platform's handle for it; `type` and `size`
    (bytes, 0 = unknown) are what the platform says, not what is found."""

    reference: str
    name: str = ""
    type: str = ""
    size: int = 0


class Incoming(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing a person did: a message, or a button they pressed.

    event: the platform's id of it, the same at each redelivery. sender: an id that never changes;
    `name` is for display only. group: others read along; then `mentioned` says whether the bot was
    addressed. button: what the pressed button carries. press: the platform's handle to answer the
    press with. at: seconds since the epoch, by the platform.
    """

    place: Place
    event: str
    sender: str
    name: str = ""
    text: str = ""
    group: bool = False
    mentioned: bool = False
    attachments: tuple[Attachment, ...] = ()
    button: str = ""
    press: str = ""
    at: float = 0.0


class Button(msgspec.Struct, frozen=True):
    """`data` comes back as `Incoming.button`; at most 64 bytes."""

    label: str
    data: str


class Upload(msgspec.Struct, frozen=True):
    """A file to send: its path on this machine, and the name people see."""

    path: str
    name: str


class Outgoing(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One message to send, or what a sent one is to become.

    text: Markdown, of a size that fits when rendered (see render.split). key: the same for each
    try of the same message. silent: nobody's phone sounds. subject: for platforms that have one.
    """

    text: str
    key: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    silent: bool = False
    uploads: tuple[Upload, ...] = ()
    subject: str = ""


@dataclass(frozen=True)
class Features:
    """What a platform can do. `limit`: characters of one message, as the platform counts them;
    `spacing`: seconds between two messages to one chat, `edit_spacing` between two edits;
    `repeatable`: a message sent twice with the same key appears once."""

    limit: int
    edits: bool = False
    buttons: bool = False
    silent: bool = False
    uploads: bool = False
    upload_bytes: int = 0
    spacing: float = 0.0
    edit_spacing: float = 1.0
    repeatable: bool = False
    deletes: bool = False


class ChannelError(HermesError):
    """The platform cannot be reached or answers nonsense: connect again later."""


class NotPermitted(ChannelError):
    """The platform refuses this account (token, password); trying again does not help."""


class Refused(ChannelError):
    """The platform refuses this message for good: chat gone, bot blocked, file too large."""


class Delayed(ChannelError):
    """Not now, but after `seconds`: the message has not been sent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the platform asks to wait {seconds:g} s")
        self.seconds = seconds


class Unknown(ChannelError):
    """The message may have arrived or not: the answer was lost on its way."""


class Receiver(Protocol):
    """What a listening channel hands its events to."""

    async def receive(self, incoming: Sequence[Incoming]) -> None:
        """Store what came in. When this returns it is on disk or rightly ignored, and may be
        acknowledged to the platform; a redelivery changes nothing."""

    def heard(self) -> None:
        """The platform answered: this channel is not deaf."""


class Channel(ABC):
    """One account on one platform.

    The order of use: `connect`, then `listen` in a task of its own while `send` and the others
    are called from other tasks, then `disconnect`. After an error of `connect` or `listen` it is
    disconnected and a new one is made.
    """

    platform: ClassVar[str]
    features: ClassVar[Features]
    deaf_after: ClassVar[float] = 120.0
    """Seconds without `Receiver.heard` after which it is rebuilt."""

    account: str = ""
    """The bot's own id; known after `connect`."""
    notice: str = ""
    """What its owner should know although it works; shown in the status."""

    @property
    def title(self) -> str:
        """The account as people find it on the platform; known after `connect`."""
        return self.account

    @classmethod
    def fits(cls, text: str) -> bool:
        """Whether this much Markdown is one message here, once rendered."""
        return len(text) <= cls.features.limit

    @abstractmethod
    async def connect(self) -> None:
        """Log in. NotPermitted, ChannelError."""

    @abstractmethod
    async def listen(self, receiver: Receiver) -> None:
        """Hand over events until cancelled; ChannelError when the connection is lost."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Let go of everything; never raises."""

    @abstractmethod
    async def send(self, place: Place, message: Outgoing) -> str:
        """Send one message; the platform's id of it, "" if it tells none. Refused, Delayed,
        Unknown, or ChannelError if it was certainly not sent."""

    async def edit(self, place: Place, id: str, message: Outgoing) -> None:
        """Make a sent message into this one. Only where `features.edits`."""
        raise NotImplementedError

    async def delete(self, place: Place, id: str) -> None:
        """Only where `features.deletes`."""
        raise NotImplementedError

    async def answer_press(self, press: str, text: str) -> None:
        """Tell whoever pressed a button what came of it. Only where `features.buttons`."""
        raise NotImplementedError

    def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of a file somebody sent; ChannelError if they cannot be had."""
        raise NotImplementedError
