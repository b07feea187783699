"""`hermes`, `hermes chat`, `hermes sessions resume`: which session, which kind of screen."""

from __future__ import annotations

import os
import sys

from gateway.cli.arguments import Arguments
from hermes_home.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gateway.cli.speaker import Speaker

PROMPT = "› "


def main(arguments: Arguments) -> int:
    from gateway.cli.speaker import Speaker

    if arguments.on("question") or not _is_terminal():
        return _plain(Speaker(arguments, headless=not sys.stdin.isatty()))
    speaker = Speaker(arguments, headless=False)
    greet()
    from gateway.cli.terminal import converse

    return converse(speaker)


def resume(arguments: Arguments) -> int:
    return main(Arguments([], {**arguments.options, "resume": arguments.word(0)}, arguments.home))


def greet() -> None:
    """The first lines and a prompt, before anything slow is imported. What is typed already is
    kept by the terminal, and taken by the real prompt that replaces this one."""
    from gateway.cli.output import Paint

    paint = Paint(sys.stdout)
    print(f"{paint('bold', f'hermes {VERSION}')}{paint('dim', ' · /help · Ctrl-D leaves')}")
    print(PROMPT, end="", flush=True)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _plain(speaker: Speaker) -> int:
    from gateway.cli.output import note
    from gateway.cli.plain import Plain
    from gateway.cli.speaker import is_command

    if not speaker.attach():
        note("no session was begun in this folder yet: this is the first")
    plain = Plain(speaker)
    if not speaker.arguments.on("question"):
        return plain.read()
    question = speaker.arguments.text("question")
    if speaker.talk is None and is_command(question):
        speaker.go_back(question)
    return plain.ask(question)
