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
from prompt_toolkit.key_binding import KeyBindings
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
    """`say` prints above the prompt, `ask` reads an input, `live` is shown between them.

    live: gives the unfinished line of the reply. phase: gives what is going on in the columns it
    is told, "" = no such line.
    """

    def __init__(
        self,
        history: Path,
        keys: KeyBindings,
        commands: Sequence[tuple[str, str]],
        live: Callable[[], str],
        phase: Callable[[int], str],
    ) -> None:
        self.pastes = Pastes()
        self._live = live
        self._phase = phase
        self._lines: list[str] = []
        self._drawing: asyncio.Task[None] | None = None
        self._prompt: PromptSession[str] = PromptSession(
            message=self._message,
            history=KeptHistory(history, self.pastes),
            completer=CommandCompleter(commands),
            complete_while_typing=Condition(self._is_command),
            reserve_space_for_menu=6,
            multiline=True,
            prompt_continuation="  ",
            key_bindings=keys,
            enable_suspend=True,
            erase_when_done=True,
            style=STYLE if Paint(sys.stdout).on else PLAIN,
            output=_output(),
        )

    @property
    def text(self) -> str:
        """What is typed and not yet sent."""
        return self._prompt.default_buffer.text

    def say(self, lines: Iterable[str]) -> None:
        self._lines.extend(lines)
        self.refresh()

    def refresh(self) -> None:
        """Draw soon what has changed."""
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.get_running_loop().create_task(self._draw())

    async def ask(self) -> str:
        """The next input, with what was pasted in its place. EOFError when the person leaves."""
        return self.pastes.expand(await self._prompt.prompt_async())

    async def settle(self) -> None:
        """Everything said is on the terminal."""
        while self._drawing is not None and not self._drawing.done():
            await self._drawing

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

    def _is_command(self) -> bool:
        return self.text.startswith("/") and " " not in self.text

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

    def __init__(self, commands: Sequence[tuple[str, str]]) -> None:
        self.commands = commands

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        typed = document.text_before_cursor
        if typed.startswith("/") and " " not in typed:
            for name, summary in self.commands:
                if name.startswith(typed):
                    yield Completion(name, -len(typed), display_meta=summary)


class KeptHistory(FileHistory):
    """What was typed, in a file only its owner reads; without what was pasted at length."""

    def __init__(self, path: Path, pastes: Pastes) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        super().__init__(str(path))
        self._pastes = pastes

    def store_string(self, string: str) -> None:
        if not self._pastes.marks_in(string):
            super().store_string(string)
