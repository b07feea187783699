"""The prompt at the foot of the terminal, and output above it. Line mode: no full screen, no
mouse, nothing but text scrolls by; what is typed while output comes is kept."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from gateway.cli.chat import PROMPT
from gateway.cli.output import Paint, columns, width
from gateway.cli.paste import Pastes

FRAME = 0.03
"""Seconds between two drawings; what comes meanwhile is drawn together."""
LIVE_ROWS = 8
"""Rows of an unfinished line that are kept in view."""
STYLE = Style.from_dict({"phase": "ansibrightblack", "prompt": "bold"})
PLAIN = Style.from_dict({"phase": "noinherit", "prompt": "noinherit"})


class Screen:
    """Gives each input to `take` while `run` is awaited; `say` prints above the prompt.

    live: gives the unfinished line of the reply. phase: gives what is going on in the columns it
    is told, "" = no such line. interrupt: Ctrl-C was pressed.
    """

    def __init__(
        self,
        history: Path,
        take: Callable[[str], None],
        interrupt: Callable[[], None],
        live: Callable[[], str],
        phase: Callable[[int], str],
    ) -> None:
        self._take = take
        self._interrupt = interrupt
        self._live = live
        self._phase = phase
        self._pastes = Pastes()
        self._lines: list[str] = []
        self._drawing: asyncio.Task[None] | None = None
        self._completer = CommandCompleter()
        self._prompt: PromptSession[str] = PromptSession(
            message=self._message,
            history=KeptHistory(history, self._pastes),
            completer=self._completer,
            complete_while_typing=Condition(self._is_command),
            reserve_space_for_menu=6,
            multiline=True,
            prompt_continuation="  ",
            key_bindings=self._keys(),
            enable_suspend=True,
            erase_when_done=True,
            style=STYLE if Paint(sys.stdout).on else PLAIN,
            output=_output(),
        )

    async def run(self) -> None:
        """Until the person leaves, or `leave` is called. The terminal is held all the time, so
        nothing that is typed goes astray."""
        sys.stdout.write("\r\x1b[K")
        sys.stdout.flush()
        try:
            await self._prompt.prompt_async()
        except EOFError:
            return

    def leave(self) -> None:
        if self._prompt.app.is_running:
            self._prompt.app.exit(exception=EOFError())

    def offer(self, commands: Sequence[tuple[str, str]]) -> None:
        """The names, with the slash, and summaries that completion knows."""
        self._completer.commands = commands

    def say(self, lines: Iterable[str]) -> None:
        self._lines.extend(lines)
        self.refresh()

    def refresh(self) -> None:
        """Draw soon what has changed."""
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.get_running_loop().create_task(self._draw())

    async def settle(self) -> None:
        """Everything said is on the terminal."""
        while self._drawing is not None and not self._drawing.done():
            await self._drawing

    def empty(self) -> bool:
        """Take away what is typed; False if there was nothing."""
        buffer = self._prompt.default_buffer
        had = bool(buffer.text)
        buffer.reset()
        return had

    def clear(self) -> None:
        self._prompt.app.renderer.clear()

    async def _draw(self) -> None:
        await asyncio.sleep(FRAME)
        app = self._prompt.app
        lines, self._lines = self._lines, []
        if lines and app.is_running:
            app.renderer.erase()
        if lines:
            app.output.write_raw("".join(f"{line}\r\n" for line in lines))
            app.output.flush()
        app.invalidate()

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        keys.add("enter")(self._entered)
        keys.add("escape", "enter")(lambda event: event.current_buffer.insert_text("\n"))
        keys.add("c-c")(lambda event: self._interrupt())
        keys.add(Keys.BracketedPaste)(
            lambda event: event.current_buffer.insert_text(self._pastes.take(event.data))
        )
        return keys

    def _entered(self, event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = self._pastes.expand(buffer.text)
        buffer.append_to_history()
        buffer.reset()
        self._take(text)

    def _is_command(self) -> bool:
        text = self._prompt.default_buffer.text
        return text.startswith("/") and " " not in text

    def _message(self) -> StyleAndTextTuples:
        room = columns() - 1
        above: StyleAndTextTuples = [("", f"{row}\n") for row in rows(self._live(), room)]
        if phase := self._phase(room):
            above.append(("class:phase", f"{phase}\n"))
        return [*above, ("class:prompt", PROMPT)]


def _output() -> Vt100_Output:
    """Without asking the terminal where the cursor is: a late answer would be typed as text."""
    output = Vt100_Output.from_pty(sys.stdout)
    output.enable_cpr = False
    return output


def rows(line: str, room: int) -> list[str]:
    """The last rows of a line as a terminal of `room` columns breaks it."""
    broken, row, used = [], "", 0
    for character in line.expandtabs(8)[-room * LIVE_ROWS :]:
        used += width(character)
        if used > room:
            broken.append(row)
            row, used = "", width(character)
        row += character
    return [*broken, row][-LIVE_ROWS:] if line else []


class CommandCompleter(Completer):
    """Completes the name of a /command."""

    commands: Sequence[tuple[str, str]] = ()

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        typed = document.text_before_cursor
        if typed.startswith("/") and " " not in typed:
            for name, summary in self.commands:
                if name.startswith(typed):
                    yield Completion(name, -len(typed), display_meta=summary)


class KeptHistory(FileHistory):
    """What was typed, in a file only its owner reads; without what was pasted at length."""

    def __init__(self, path: Path, pastes: Pastes) -> None:
        super().__init__(str(path))
        self._path = path
        self._pastes = pastes

    def store_string(self, string: str) -> None:
        if self._path.parent.is_dir() and not self._pastes.marks_in(string):
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            super().store_string(string)
