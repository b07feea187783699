"""A conversation without line editing: one question (`chat -q`), or lines from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from gateway.cli.oneshot import EXIT_CODES, UNREACHABLE
from gateway.cli.output import Paint, note, show_text
from gateway.cli.speaker import Speaker, is_command
from gateway.cli.talk import Stored, Talk
from gateway.cli.view import View

LEAVE = ("/quit", "/exit")


class Plain:
    """Sends lines one after the other and shows each run to its end."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.view = View(Paint(sys.stdout), speaker.own)
        self._printed = ""
        self._heard: Talk | None = None
        self._events: Iterator[Stored | None] = iter(())

    def ask(self, text: str) -> int:
        """One message or command, shown until its run has finished; returns the exit code."""
        self._listen()
        known = len(self.speaker.own)
        if shown := self.speaker.say(text, "queue"):
            show_text(shown.split("\n"))
        if len(self.speaker.own) == known:
            return 0
        try:
            return self._follow()
        except KeyboardInterrupt:
            self.speaker.stop()
            raise

    def read(self) -> int:
        """Every line of standard input, until its end; returns the last run's exit code."""
        code = 0
        while line := sys.stdin.readline():
            text = line.rstrip("\n")
            if text.strip() in LEAVE:
                break
            if text.strip():
                code = self.ask(text)
        return code

    def _listen(self) -> None:
        """Hear the session from here on, before anything is said: no word of a reply is missed."""
        if self._heard is not self.speaker.session():
            self._heard = self.speaker.session()
            self._events = self._heard.events()
            for stored in iter(self._events.__next__, None):
                self.speaker.add(stored)

    def _follow(self) -> int:
        run = ""
        self._listen()
        for stored in filter(None, self._events):
            event = stored["event"]
            self.speaker.add(stored)
            self._show(self.view.add(stored))
            if event["type"] == "UserSpoke" and event["input"] in self.speaker.own:
                run = stored["run"]
            if event["type"] in ("RunFinished", "RunParked") and stored["run"] == run:
                self.speaker.session().seen(stored["seq"])
                return exit_code(event)
            if event is self.speaker.waited_for:
                self._decide()
        return 4

    def _show(self, lines: list[str]) -> None:
        """Whole lines; on a terminal the unfinished one too, as it grows."""
        for line in lines:
            rest = line.removeprefix(self._printed)
            print(rest if self._printed else line)
            self._printed = ""
        if sys.stdout.isatty() and self.view.partial != self._printed:
            print(self.view.partial.removeprefix(self._printed), end="")
            self._printed = self.view.partial
        sys.stdout.flush()

    def _decide(self) -> None:
        """Ask at the terminal; where there is none, refuse."""
        while self.speaker.waited_for:
            if not sys.stdin.isatty():
                note("there is no terminal to ask at: refused")
            word = sys.stdin.readline() if sys.stdin.isatty() else "n\n"
            if not word:
                raise KeyboardInterrupt
            if not is_command(word) and word.strip():
                self.speaker.say(word.strip())


def exit_code(event: dict[str, Any]) -> int:
    """What a run's last event means to the shell."""
    if event.get("error", "").startswith(UNREACHABLE):
        return 4
    return EXIT_CODES.get(event.get("reason", ""), 1)
