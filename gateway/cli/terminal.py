"""A conversation at a terminal: what is typed and what the session tells, side by side."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.cli.away import mark_seen, while_away
from gateway.cli.output import Paint, fitted
from gateway.cli.phase import Phase
from gateway.cli.screen import Screen
from gateway.cli.speaker import Speaker
from gateway.cli.start import connect
from gateway.cli.talk import Stored, Talk
from gateway.cli.view import View, spoken
from hermes_home.errors import HermesError

TICK = 0.5
"""Seconds between two looks at the clock while something works."""
LOCAL = (
    ("/quit", "leave; the task goes on"),
    ("/clear", "an empty screen"),
    ("/redraw", "draw the prompt anew"),
    ("/verbose", "show what tools answer, or no longer"),
)


def converse(speaker: Speaker) -> int:
    """Talk until the person leaves."""
    return asyncio.run(Conversation(speaker).run())


class Conversation:
    """One person, one terminal, one session at a time."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.phase = Phase()
        self.paint = Paint(sys.stdout)
        self.view = View(self.paint, speaker.own)
        self._inputs: asyncio.Queue[str] = asyncio.Queue()
        self.screen = Screen(
            Path(speaker.arguments.home, "run", "history"),
            self._inputs.put_nowait,
            self._interrupt,
            lambda: self.view.partial,
            self.phase.line,
        )
        self._heard: Talk | None = None
        self._leaving = False

    async def run(self) -> int:
        """Until Ctrl-D, /quit or Ctrl-C twice. HermesError if the daemon cannot be reached."""
        work = [asyncio.create_task(self._take_inputs()), asyncio.create_task(self._tick())]
        for task in work:
            task.add_done_callback(lambda _: self.screen.leave())
        try:
            await self.screen.run()
        finally:
            for task in work:
                task.cancel()
            ends = await asyncio.gather(*work, return_exceptions=True)
            await self._leave()
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end
        return 0

    # -- what is typed --------------------------------------------------------------------------

    async def _take_inputs(self) -> None:
        """One input after the other, from when the daemon answers to /quit."""
        await self._begin()
        while (text := await self._inputs.get()).strip() not in ("/quit", "/exit"):
            if text.strip() in ("/clear", "/redraw", "/verbose"):
                self._on_screen(text.strip())
            elif text.strip():
                await self._say(text)

    async def _begin(self) -> None:
        model, commands, inbox = await asyncio.to_thread(_prepare, self.speaker)
        self.phase.model = model.get("model") or model["provider"]
        self.phase.window = model.get("context_window") or 0
        self.screen.offer([*LOCAL, *commands])
        self.screen.refresh()
        if inbox:
            self.screen.say(while_away(self.paint, inbox))
            self._in_background(lambda: mark_seen(self.speaker.arguments.home, inbox))
        if self.speaker.talk:
            await self._listen(self.speaker.talk)

    async def _say(self, text: str) -> None:
        self.screen.say(spoken(self.paint, _short(text)))
        self._leaving = False
        try:
            await self._listen(await asyncio.to_thread(self.speaker.session))
            shown = await asyncio.to_thread(self.speaker.say, text)
            self.screen.say(fitted(shown.split("\n") if shown else []))
            await self._listen(self.speaker.session())
        except HermesError as error:
            self._complain(error)

    def _on_screen(self, command: str) -> None:
        if command == "/verbose":
            self.view.verbose = not self.view.verbose
            self.screen.say(
                [self.paint("dim", f"· verbose: {'on' if self.view.verbose else 'off'}")]
            )
        else:
            self.screen.clear()

    def _interrupt(self) -> None:
        """Ctrl-C: stop the work; at rest empty the line; on an empty line leave at the second."""
        if self.phase.working:
            self.phase.begin("stopping")
            self._in_background(self.speaker.stop)
        elif self.screen.empty():
            return
        elif self._leaving:
            self.screen.leave()
        else:
            self._leaving = True
            self.screen.say([self.paint("dim", "· Ctrl-C again leaves")])

    # -- what the session tells -----------------------------------------------------------------

    async def _listen(self, talk: Talk) -> None:
        """Read the events of the session the person talks to, from before they say more."""
        if talk is self._heard:
            return
        self._heard = talk
        self.phase.rest()
        loop = asyncio.get_running_loop()
        caught_up: asyncio.Future[None] = loop.create_future()
        reading = threading.Thread(target=self._read, args=(talk, loop, caught_up), daemon=True)
        reading.start()
        await caught_up

    def _read(
        self, talk: Talk, loop: asyncio.AbstractEventLoop, caught_up: asyncio.Future[None]
    ) -> None:
        """In a thread of its own: hand what was, as a whole, and then every event to the loop."""
        past: list[Stored] | None = []
        try:
            for stored in talk.events():
                if past is None:
                    loop.call_soon_threadsafe(self._tell, talk, stored)
                elif stored is not None:
                    past.append(stored)
                else:
                    loop.call_soon_threadsafe(self._catch_up, talk, past, caught_up)
                    past = None
        except HermesError as error:
            loop.call_soon_threadsafe(self._lose, caught_up, error)
        except RuntimeError:
            return  # the loop is closed: the person has left

    def _catch_up(self, talk: Talk, past: list[Stored], caught_up: asyncio.Future[None]) -> None:
        """Show the last exchange and every answer not seen yet."""
        begin = beginning(past, talk.known)
        for position, stored in enumerate(past):
            lines = self._fold(stored)
            if position >= begin:
                self.screen.say(lines)
        if past:
            self._mark_seen(talk, past[-1]["seq"])
        if not caught_up.done():
            caught_up.set_result(None)

    def _tell(self, talk: Talk, stored: Stored | None) -> None:
        if talk is not self.speaker.talk:
            return
        if stored is None:
            self.screen.say(self.view.cut())
        else:
            self.screen.say(self._fold(stored))
            if stored["event"]["type"] in ("Answered", "RunFinished", "RunParked"):
                self._mark_seen(talk, stored["seq"])

    def _lose(self, caught_up: asyncio.Future[None], error: HermesError) -> None:
        """The session is not heard any more; the next words try again."""
        self._heard = None
        if caught_up.done():
            self._complain(error)
        else:
            caught_up.set_exception(error)

    def _complain(self, error: HermesError) -> None:
        self.screen.say([self.paint("red", f"· {line}") for line in str(error).split("\n")])

    def _mark_seen(self, talk: Talk, seq: int) -> None:
        self._in_background(lambda: talk.seen(seq))

    def _fold(self, stored: Stored) -> list[str]:
        self.speaker.add(stored)
        self.phase.add(stored)
        return self.view.add(stored)

    # -- clock and end --------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self.phase.working:
                self.screen.refresh()

    def _in_background(self, work: Callable[[], None]) -> None:
        asyncio.get_running_loop().run_in_executor(None, _quietly, work)

    async def _leave(self) -> None:
        if self.phase.working:
            self.screen.say([self.paint("dim", "· the task goes on; hermes -c comes back to it")])
        await self.screen.settle()
        if self._heard:
            self._heard.close()


def _quietly(work: Callable[[], None]) -> None:
    """For what the person did not ask for: the next thing they do tells of the trouble."""
    try:
        work()
    except HermesError:
        return


def _prepare(
    speaker: Speaker,
) -> tuple[dict[str, Any], list[tuple[str, str]], list[dict[str, Any]]]:
    """The daemon answers: the model, the commands, what came meanwhile, and the session that was
    asked for."""
    with connect(speaker.arguments.home) as wire:
        model = wire.get("/api/status")["model"]
        commands = [(row["name"], row["summary"]) for row in wire.get("/api/commands")]
        inbox = wire.get("/api/inbox")
    speaker.attach()
    return model, commands, inbox


def beginning(rows: list[Stored], seen: int) -> int:
    """The position to show a conversation from: the last words that began a run, or those before
    the first answer that was not seen."""
    last = 0
    for position, stored in enumerate(rows):
        event = stored["event"]
        if event["type"] == "Answered" and seen and stored["seq"] > seen:
            return last
        if event["type"] == "UserSpoke" and not event.get("steering"):
            last = position
    return last


def _short(text: str) -> str:
    """A long message is echoed by its beginning."""
    lines = text.split("\n")
    if len(text) <= 2000 and len(lines) <= 20:
        return text
    return "\n".join([*lines[:3], f"… {len(text):,} characters"])[:2200]
