"""A conversation at a terminal: what is typed and what the session tells, side by side."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from gateway.cli.arguments import Arguments
from gateway.cli.output import Paint
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


def converse(arguments: Arguments, open_speaker: Callable[[], Speaker]) -> int:
    """Talk until the person leaves."""
    speaker = open_speaker()
    with connect(arguments.home) as wire:
        model = wire.get("/api/status")["model"]
        commands = [(row["name"], row["summary"]) for row in wire.get("/api/commands")]
    phase = Phase(model.get("model") or model["provider"], model.get("context_window") or 0)
    return asyncio.run(Conversation(speaker, phase, commands).run())


class Conversation:
    """One person, one terminal, one session at a time."""

    def __init__(self, speaker: Speaker, phase: Phase, commands: list[tuple[str, str]]) -> None:
        self.speaker = speaker
        self.phase = phase
        self.paint = Paint(sys.stdout)
        self.view = View(self.paint, speaker.own)
        history = Path(speaker.arguments.home, "history")
        known = [(name if name[0] == "/" else f"/{name}", text) for name, text in commands]
        self.screen = Screen(
            history, self._keys(), [*LOCAL, *known], lambda: self.view.partial, self.phase.line
        )
        self._heard: Talk | None = None
        self._leaving = False

    async def run(self) -> int:
        """Until Ctrl-D, /quit or Ctrl-C twice."""
        sys.stdout.write("\r\x1b[K")
        if self.speaker.talk:
            await self._listen(self.speaker.talk)
        ticking = asyncio.create_task(self._tick())
        try:
            while True:
                text = await self.screen.ask()
                if text.strip() in ("/quit", "/exit"):
                    break
                await self._take(text)
        except (EOFError, KeyboardInterrupt):
            pass
        finally:
            ticking.cancel()
            await self._leave()
        return 0

    # -- what is typed --------------------------------------------------------------------------

    async def _take(self, text: str) -> None:
        if not text.strip():
            return
        if text.strip() in ("/clear", "/redraw", "/verbose"):
            return self._on_screen(text.strip())
        self.screen.say(spoken(self.paint, _short(text)))
        self._leaving = False
        try:
            await self._listen(await asyncio.to_thread(self.speaker.session))
            shown = await asyncio.to_thread(self.speaker.say, text)
            self.screen.say(shown.split("\n") if shown else [])
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

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add(Keys.BracketedPaste)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text(self.screen.pastes.take(event.data))

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            self._interrupt(event)

        return keys

    def _interrupt(self, event: KeyPressEvent) -> None:
        """Ctrl-C: stop the work; at rest empty the line; on an empty line leave at the second."""
        if self.phase.working:
            self.phase.begin("stopping")
            self._in_background(self.speaker.stop)
        elif event.current_buffer.text:
            event.current_buffer.reset()
        elif self._leaving:
            event.app.exit(exception=EOFError())
        else:
            self._leaving = True
            self.screen.say([self.paint("dim", "· Ctrl-C again leaves")])

    # -- what the session tells -----------------------------------------------------------------

    async def _listen(self, talk: Talk) -> None:
        """Read the events of the session the person talks to, from before they say more."""
        if talk is self._heard:
            return
        self._heard = talk
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
