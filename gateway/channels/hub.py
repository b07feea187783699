"""Every channel that is switched on, and the ways in and out that they share."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.channels.base import Channel, Place
from gateway.channels.startup import announce
from gateway.channels.supervisor import Supervisor
from gateway.channels.table import CHANNELS
from gateway.chats.delivery import AGAIN, Deliverer
from gateway.chats.live import Live
from gateway.chats.pump import Pump
from gateway.load import load
from hermes_home.errors import HermesError, UsageError
from memory.outbox import TERMINAL, Parcel

if TYPE_CHECKING:
    from gateway.app import App

CLOSE_SECONDS = 3.0
"""How long messages on their way may take when the daemon stops."""
LONG_CHARS = 8000
"""A longer text is cut in a thread: it takes some 5 ms a KB, in which nothing else would happen."""
PRUNE_SECONDS = 3600.0
INBOX = "inbox"

log = logging.getLogger(__name__)


class Hub:
    """The channels of one home. Until `start` it only answers questions."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.closing = False
        self.pump = Pump(app)
        self._deliverer = Deliverer(app.outbox, self.channel_at, self._failed, self._sent)
        self._live = Live(app, self._deliverer)
        self._supervised: dict[str, tuple[Supervisor, asyncio.Task[None], Any]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._configuring = asyncio.Lock()
        self._classes: dict[str, type[Channel]] = {}

    async def start(self) -> None:
        """Before the first run goes on, so that people see it from its beginning."""
        await self.app.outbox.recover()
        await announce(self.app, self._wanted())
        self._tasks = [asyncio.create_task(self._tidy(), name="tidy")]
        await self.configure()
        self.pump.resume()

    async def close(self) -> None:
        """Nothing more is heard; what is on its way may arrive."""
        self.closing = True
        async with self._configuring:
            await self.pump.close()
            await self._deliverer.close(CLOSE_SECONDS)
            await self._live.close()
            for name in list(self._supervised):
                await self._drop(name)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- which channels there are ---------------------------------------------------------------

    def changed(self) -> None:
        """The settings may be others now."""
        if not self.closing and self._tasks:
            self.app.background(self.configure())

    async def configure(self) -> None:
        """Open what was switched on, close what was switched off, renew what is set otherwise."""
        async with self._configuring:
            wanted = self._wanted()
            for name, (supervisor, _, section) in list(self._supervised.items()):
                if wanted.get(name) != section or supervisor.state == "refused":
                    await self._drop(name)
            for name, section in wanted.items():
                if name not in self._supervised and not self.closing:
                    self._open(name, section)
            if wanted and len(self._tasks) == 1:  # nobody watches where there is no channel
                self._tasks.append(asyncio.create_task(self._live.run(), name="live"))

    def _wanted(self) -> dict[str, Any]:
        channels = self.app.settings.channels
        sections = {name: getattr(channels, name, None) for name in CHANNELS}
        return {name: one for name, one in sections.items() if getattr(one, "enabled", False)}

    def _open(self, name: str, section: Any) -> None:
        def make() -> Channel:
            kind: Any = self._class(name)
            channel: Channel = kind(section, self.app.secrets(), self.app.home)
            return channel

        supervisor = Supervisor(name, make, self.pump.receive, self._up, self._down)
        task = asyncio.create_task(supervisor.run(), name=f"supervisor {name}")
        self._supervised[name] = supervisor, task, section

    async def _drop(self, name: str) -> None:
        _, task, _ = self._supervised.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _class(self, name: str) -> type[Channel]:
        if name not in self._classes:
            self._classes[name] = load(CHANNELS[name])
        return self._classes[name]

    @property
    def busy(self) -> bool:
        """Somebody may write at any time."""
        return bool(self._supervised)

    def health(self) -> list[dict[str, Any]]:
        return [
            {**supervisor.health(), "strangers": self.pump.strangers[name]}
            for name, (supervisor, _, _) in sorted(self._supervised.items())
        ]

    # -- places ---------------------------------------------------------------------------------

    def channel_at(self, place: Place) -> Channel | None:
        """The live channel that reaches a place."""
        for supervisor, _, _ in self._supervised.values():
            channel = supervisor.channel
            if channel is not None and (channel.platform, channel.account) == (
                place.platform,
                place.account,
            ):
                return channel
        return None

    async def split(self, address: str, text: str) -> list[str]:
        """A text as messages that fit at an address, each with room for a mark."""
        name = address.partition("/")[0]
        if address == TERMINAL or name not in self._supervised:
            return [text]
        kind = self._class(name)
        if len(text) > LONG_CHARS:
            return await asyncio.to_thread(_parts, kind, text)
        return _parts(kind, text)

    def upload_bytes(self, address: str) -> int:
        """The largest file that can be sent to an address; 0 = none."""
        channel = self.channel_at(Place.at(address))
        return channel.features.upload_bytes if channel and channel.features.uploads else 0

    def target(self, text: str) -> str:
        """The address somebody means: `telegram`, `telegram:CHAT[/THREAD]` or `inbox`."""
        name, _, chat = text.strip().partition(":")
        if name in (INBOX, TERMINAL) and not chat:
            return TERMINAL
        if name not in CHANNELS:
            raise UsageError(f"nothing can be delivered to {text!r}", self._targets())
        if name not in self._wanted():
            raise UsageError(
                f"{name} is not set up", f"hermes gateway setup {name}. {self._targets()}"
            )
        if not chat:
            return self._home_of_owner(name)
        account = self._account(name)
        if not account:
            raise UsageError(f"{name} was never connected", "hermes status tells why.")
        return Place.named(name, account, chat).address

    def _home_of_owner(self, name: str) -> str:
        """Where the owner talked to us last on a platform."""
        for chat in self.app.chats.private_of_owner():
            if Place.at(chat.address).platform == name:
                return chat.address
        raise UsageError(
            f"the owner has not written to us on {name} yet",
            f"Write to the bot once, or name a chat: {name}:CHAT. {self._targets()}",
        )

    def _account(self, name: str) -> str:
        held = self._supervised.get(name)
        if held and held[0].channel:
            return held[0].channel.account
        known = [Place.at(chat.address) for chat in self.app.chats.private_of_owner()]
        return next((place.account for place in known if place.platform == name), "")

    def _targets(self) -> str:
        wanted = ", ".join(f"{name}, {name}:CHAT" for name in self._wanted())
        return f"Possible: {INBOX}{', ' if wanted else ''}{wanted}."

    # -- out ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._deliverer.wake()

    def _up(self, channel: Channel) -> None:
        self._deliverer.wake()
        self._live.sweep(channel)
        self.pump.channel_up()

    def _down(self, channel: Channel) -> None:
        """Its lanes end by themselves when they look for it."""

    def _sent(self, place: Place) -> None:
        if held := self._supervised.get(place.platform):
            held[0].last_sent = time.time()

    async def _failed(self, parcel: Parcel, reason: str) -> None:
        """The owner learns of it: in the status, and in a chat that is another one."""
        text = f"A message to {parcel.channel} did not arrive: {reason.splitlines()[0]}"
        log.warning("%s", text)
        self.app.warn(text)
        if parcel.kind in ("notice", "startup"):
            return
        for chat in self.app.chats.private_of_owner():
            if chat.address != parcel.channel and self.channel_at(Place.at(chat.address)):
                await self.app.outbox.put("", 0, chat.address, text, kind="notice")
                return self.wake()

    async def _tidy(self) -> None:
        while True:
            try:
                await self.app.outbox.prune()
                await self.app.arrivals.prune()
            except HermesError as error:
                log.warning("old rows stay: %s", error)
            await asyncio.sleep(PRUNE_SECONDS)

    # -- the workspace of chats -----------------------------------------------------------------

    def workspace(self) -> Path:
        """Where sessions begun in a chat work; made when it is needed."""
        set_to = self.app.settings.channels.workspace
        folder = Path(set_to) if set_to else Path.home() / "hermes-work"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _parts(kind: type[Channel], text: str) -> list[str]:
    def fits(part: str) -> bool:
        return kind.fits(f"{AGAIN}\n\n{part}")

    if fits(text):
        return [text]
    split = load("gateway.channels.render:split")
    parts: list[str] = split(text, fits)
    return parts or [text]
