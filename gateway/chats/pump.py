"""From what a channel heard to what is said in a session: who speaks, stored once, worked off in
order.

One task per address works off its events one after the other; what controls a run (/stop,
/status, /approve, /deny, a pressed button) waits for none of them.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, deque
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING

import msgspec

from agent.inputs import RunOptions, Said, Stop, input_id
from gateway import commands
from gateway.channels.base import Channel, Incoming, Place
from gateway.chats import attachments, control
from gateway.chats.principals import OWNER, Principals, Tries, code_in, described
from gateway.slash import From
from hermes_home.errors import HermesError, StoreError
from memory.arrivals import Arrival, Open
from memory.chats import Chat

if TYPE_CHECKING:
    from gateway.app import App

CHANNEL_SECONDS = 60.0
"""How long an attachment waits for its channel to be connected."""
STORE_SECONDS = 2.0

log = logging.getLogger(__name__)
_COLUMNS = re.compile(r"(?<=\S) {2,}(?=\S)")
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Incoming)


class Pump:
    """What all channels hand their events to. `strangers`: events per platform that came from
    people nobody knows; nothing else is kept of them."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._principals = Principals(lambda: app.settings, app.grants)
        self._tries = Tries()
        self._lanes: dict[str, deque[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._up = asyncio.Event()
        self._closing = False
        self.strangers: Counter[str] = Counter()

    # -- in -------------------------------------------------------------------------------------

    async def receive(self, incoming: Sequence[Incoming]) -> None:
        """Stored, or rightly ignored, when this returns."""
        known: list[Incoming] = []
        for one in incoming:
            if self._principals.of(one):
                known.append(one)
            else:
                await self._stranger(one)
        numbers = await self._app.arrivals.put([self._arrival(one) for one in known])
        for number, one in zip(numbers, known, strict=True):
            if number and self._ignored(one) is None:
                self._enqueue(number, one)

    async def _stranger(self, incoming: Incoming) -> None:
        """Silence, whatever it says; unless it is a code that was given out."""
        who = f"{incoming.place.platform}:{incoming.place.account}:{incoming.sender}"
        self.strangers[incoming.place.platform] += 1
        code = code_in(incoming)
        if code is None or not incoming.sender or not self._tries.allowed(who):
            return
        arrival = self._arrival(incoming)._replace(body="", done="paired")
        welcome = "You are paired. Write to me as you like; /help lists what can be said here."
        grant = await self._app.grants.redeem(
            code, arrival, incoming.sender, incoming.name[:100], welcome
        )
        if grant is None:
            self._tries.wrong(who)
        else:
            log.info("%s", described(grant))
            self._app.warn(described(grant))
            self._app.hub.wake()

    def _arrival(self, incoming: Incoming) -> Arrival:
        place, done = incoming.place, self._ignored(incoming)
        body = "" if done else _encoder.encode(incoming).decode()
        return Arrival(place.platform, place.account, incoming.event, place.address, body, done)

    def _ignored(self, incoming: Incoming) -> str | None:
        """Why an event of somebody known needs nothing to be done."""
        if incoming.group and not incoming.mentioned and not incoming.button:
            return "not addressed"
        if not (incoming.text.strip() or incoming.attachments or incoming.button):
            return "empty"
        if code_in(incoming) and self._app.grants.is_code(incoming.text):
            return "a code of somebody known"
        return None

    def resume(self) -> None:
        """At the start: what was stored and not worked off, in its order."""
        for arrival in self._app.arrivals.open():
            self._enqueue(arrival.number, _decoder.decode(arrival.body))

    def _enqueue(self, number: int, incoming: Incoming) -> None:
        if self._closing:
            return  # it is stored, and worked off at the next start
        if control.is_control(incoming):
            self._spawn(self._work(number))
            return
        address = incoming.place.address
        lane = self._lanes.setdefault(address, deque())
        lane.append(number)
        if len(lane) == 1:
            self._spawn(self._drain(address, lane))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """What is not worked off is at the next start."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def channel_up(self) -> None:
        """Somebody may wait for it with an attachment."""
        self._up.set()
        self._up = asyncio.Event()

    # -- working off ----------------------------------------------------------------------------

    async def _drain(self, address: str, lane: deque[int]) -> None:
        while lane:
            await self._work(lane[0])
            lane.popleft()
        del self._lanes[address]

    async def _work(self, number: int) -> None:
        """One event to its end; it waits as long as nothing can be stored."""
        while (arrival := self._app.arrivals.get(number)) is not None:
            try:
                await self._outcome(arrival)
            except StoreError as error:
                log.error("an event waits: %s", error)
                await asyncio.sleep(STORE_SECONDS)

    async def _outcome(self, arrival: Open) -> None:
        """This is the border that no error of an event passes."""
        try:
            await self._handle(arrival, _decoder.decode(arrival.body))
        except StoreError:
            raise
        except HermesError as error:
            await self._finish(arrival, "refused", str(error))
        except Exception as error:
            log.exception("an event of %s failed", arrival.address)
            await self._finish(arrival, "failed", f"internal error: {error!r}")

    async def _handle(self, arrival: Open, incoming: Incoming) -> None:
        principal = self._principals.of(incoming)
        if not principal:
            await self._app.arrivals.finish(arrival.number, "no longer allowed")
        elif control.is_control(incoming):
            speaker = control.Speaker(principal, incoming, arrival.key)
            await self._finish(arrival, "control", await control.handle(self._app, speaker))
        elif incoming.text.startswith("/"):
            await self._command(arrival, incoming, principal)
        else:
            await self._say(arrival, incoming, principal)

    async def _finish(self, arrival: Open, done: str, reply: str = "") -> None:
        """The reply and that it was worked off are stored together."""
        replies = [_in_chat(reply)] if reply else []
        await asyncio.gather(
            *(self._app.outbox.put("", 0, arrival.address, one, "control") for one in replies),
            self._app.arrivals.finish(arrival.number, done),
        )
        self._app.hub.wake()

    async def _command(self, arrival: Open, incoming: Incoming, principal: str) -> None:
        app, chat = self._app, await self._chat(incoming, principal)
        words = commands.addressed(incoming.text)
        call = From(principal, arrival.key, chat)
        done = await commands.execute(app, chat.session, words, self._options(principal), call)
        if done.session:
            await app.chats.attach(
                chat.address, principal, done.session, private=not incoming.group
            )
        await self._finish(arrival, "command", done.text)

    async def _say(self, arrival: Open, incoming: Incoming, principal: str) -> None:
        app, chat = self._app, await self._chat(incoming, principal)
        fetched = [
            await attachments.fetch(await self._channel(incoming.place), one, app.home)
            for one in incoming.attachments
        ]
        lines = [incoming.text.strip(), *(one.line for one in fetched)]
        said = Said(
            id=input_id(arrival.key),
            principal=principal,
            text="\n".join(line for line in lines if line),
            options=self._options(principal),
            files=tuple(one.file for one in fetched if one.file),
        )
        mode = self._mode(chat, incoming)
        if mode == "interrupt":
            stop = Stop(id=input_id(arrival.key + ":stop"), principal=principal)
            await self._submit(chat, stop, arrival.key + ":stop")
        if mode != "steer":
            said = msgspec.structs.replace(said, mode="queue")
        await self._submit(chat, said, arrival.key)
        await self._finish(arrival, "said")

    async def _submit(self, chat: Chat, input: Said | Stop, key: str) -> None:
        await self._app.router.submit(chat.session, input, source=chat.address, key=key)

    def _mode(self, chat: Chat, incoming: Incoming) -> str:
        """What this message does while a run works. One that waits for the speaker is joined; one
        of somebody else's never is."""
        worker = self._app.router.workers.get(chat.session)
        run = worker.conversation.run if worker else None
        if worker is None or run is None:
            return "steer"
        if run.started.principal != chat.principal:
            return "queue"
        if worker.phase in ("waiting for you", "parked"):
            return "steer"
        section = getattr(self._app.settings.channels, incoming.place.platform, None)
        return chat.busy or getattr(section, "busy", "steer")

    def _options(self, principal: str) -> RunOptions:
        return RunOptions(learning=principal == OWNER)

    async def _chat(self, incoming: Incoming, principal: str) -> Chat:
        """The speaker's side of the place; a session of its own begins with the first message."""
        app, address = self._app, incoming.place.address
        chat = app.chats.find(address, principal)
        if chat is None:
            session = await app.router.open_session(incoming.place.platform, app.hub.workspace())
            await app.chats.attach(address, principal, session, private=not incoming.group)
            chat = app.chats.find(address, principal)
            assert chat is not None
        return chat

    async def _channel(self, place: Place) -> Channel | None:
        """The channel of a place, waited for a while."""
        try:
            async with asyncio.timeout(CHANNEL_SECONDS):
                while (channel := self._app.hub.channel_at(place)) is None:
                    await self._up.wait()
                return channel
        except TimeoutError:
            return None


def _in_chat(text: str) -> str:
    """What a terminal shows in columns: a chat's letters have no fixed width, and lines that are
    indented would be code there. A fenced block stays as it is."""
    fenced, lines = False, []
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        lines.append(line if fenced else _COLUMNS.sub(" – ", line.strip()))
    return "\n".join(lines)
