"""From a command line to the function that runs it. Imports next to nothing: every start pays."""

from __future__ import annotations

import os
import sys

from hermes_home.errors import HermesError, UsageError
from hermes_home.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.cli.arguments import Arguments
    from gateway.cli.command import Command


CHAT = "cli.chat:main"
WITHOUT_COMMAND = {
    "help": "cli.help:main",
    "version": "cli.help:version",
    "oneshot": "cli.oneshot:main",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words in (["--version"], ["-V"]):
        print(f"hermes {VERSION}")
        return 0
    try:
        if os.name == "nt":
            raise UsageError("hermes runs on Linux and macOS", "On Windows use it inside WSL2.")
        code = _run(words)
        sys.stdout.flush()
        return code
    except HermesError as error:
        from gateway.cli.output import note

        note(f"hermes: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _reader_left()


def _reader_left() -> int:
    """Whoever read our output closed it (`| head`): leave without a word."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(words: list[str]) -> int:
    from gateway.cli.arguments import Arguments, check_words, take_options
    from gateway.cli.command import HELP, PROFILE, ROOT
    from gateway.cli.home import locate

    first, rest = take_options(words, ROOT, leading=True)
    if not rest:
        target = next((WITHOUT_COMMAND[name] for name in WITHOUT_COMMAND if name in first), CHAT)
        return load(target)(Arguments([], first, locate(first.get("profile", ""))))
    if "help" in first:
        return load("cli.help:main")(Arguments(rest, {}))
    named = rest
    command, rest = find(rest)
    given, rest = take_options(rest, (*command.options, PROFILE, HELP))
    if "help" in given:
        return load("cli.help:main")(Arguments([w for w in named if w[0] != "-"], {}))
    check_words(command.name, command.words, rest)
    options = _accepted(command, first) | given
    home = locate(options.get("profile", ""), new=command.name == "import")
    return load(command.target)(Arguments(rest, options, home))


def _accepted(command: Command, options: dict[str, str]) -> dict[str, str]:
    """Options written before the command's name; UsageError for one it does not take."""
    known = {"profile", *(option.name for option in command.options)}
    for name in options:
        if name not in known:
            raise UsageError(f"--{name} does not go with {command.name}")
    return options


def find(words: list[str]) -> tuple[Command, list[str]]:
    """The command that `words` begins with, and the words behind its name."""
    from gateway.cli.table import ALIASES, COMMANDS, DEFAULTS

    name, rest = ALIASES.get(words[0], words[0]), words[1:]
    if name in COMMANDS:
        return COMMANDS[name], rest
    members = [member for member in COMMANDS if member.startswith(f"{name} ")]
    if not members:
        raise _unknown(name, sorted({member.split()[0] for member in COMMANDS}))
    if not rest or rest[0].startswith("-"):
        return COMMANDS[f"{name} {DEFAULTS[name]}"], rest
    if f"{name} {rest[0]}" not in members:
        raise _unknown(f"{name} {rest[0]}", members)
    return COMMANDS[f"{name} {rest[0]}"], rest[1:]


def _unknown(name: str, known: list[str]) -> UsageError:
    from gateway.cli.arguments import nearest

    guesses = nearest(name, known)
    hint = f"did you mean {' or '.join(guesses)}?" if guesses else "hermes --help lists them"
    return UsageError(f"there is no command {name!r}", hint)


def load(target: str) -> Callable[[Arguments], int]:
    """The function "module:function" below gateway, imported now."""
    module, _, function = target.partition(":")
    name = f"gateway.{module}"
    __import__(name)
    loaded: Callable[[Arguments], int] = getattr(sys.modules[name], function)
    return loaded


if __name__ == "__main__":
    sys.exit(main())
