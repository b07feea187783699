"""`hermes --help`, `hermes COMMAND --help`, `hermes version`: written from the table."""

from __future__ import annotations

from gateway.cli.arguments import Arguments
from gateway.cli.command import CHAT, COMMON, ONESHOT, PROFILE, Command, Option
from gateway.cli.entry import find
from gateway.cli.output import columns, show_text, wrapped
from gateway.cli.table import ALIASES, COMMANDS, DEFAULTS, GROUPS
from hermes_home.version import VERSION

EXITS = (
    "0 done · 1 the task failed or was blocked · 2 wrong usage or settings · 3 a limit stopped it"
    "\n  4 the daemon or the model cannot be reached · 130 interrupted"
)

LEAST = 20
"""Columns for what a thing means, however narrow the terminal is."""


def main(arguments: Arguments) -> int:
    words = arguments.words
    if not words:
        show_text(overview().split("\n"))
    elif len(words) == 1 and ALIASES.get(words[0], words[0]) in DEFAULTS:
        show_text(members(ALIASES.get(words[0], words[0])).split("\n"))
    else:
        show_text(usage(find(words)[0]).split("\n"))
    return 0


def version(arguments: Arguments) -> int:
    if arguments.on("json"):
        import json

        print(json.dumps({"version": VERSION}))
    else:
        print(f"hermes {VERSION}")
    return 0


def overview() -> str:
    """Every command with its one line, in groups."""
    blocks = [
        "hermes: a personal agent that learns from its work\n\n"
        'usage: hermes                 talk\n       hermes -z "TEXT"       '
        "one question, only the answer\n       hermes COMMAND …       as below; "
        "hermes COMMAND --help tells more"
    ]
    for title, group in GROUPS:
        blocks.append(
            f"{title}\n" + _rows([(_call(command), command.summary) for command in group])
        )
    blocks.append(
        "Options of hermes, chat and -z\n" + _options((*CHAT, *ONESHOT, *COMMON, PROFILE))
    )
    blocks.append(f"Exit codes\n  {EXITS}")
    return "\n\n".join(blocks)


def members(group: str) -> str:
    """The commands of one group."""
    found = [COMMANDS[name] for name in COMMANDS if name.startswith(f"{group} ")]
    rows = _rows([(_call(command), command.summary) for command in found])
    return f"hermes {group} alone means hermes {group} {DEFAULTS[group]}\n\n{rows}"


def usage(command: Command) -> str:
    """One command: how it is called, what it does, its options."""
    text = f"usage: hermes {_call(command)}{' [options]' if command.options else ''}"
    return f"{text}\n\n{command.summary}\n\n{_options((*command.options, PROFILE))}"


def _call(command: Command) -> str:
    return " ".join((command.name, *command.words))


def _options(options: tuple[Option, ...]) -> str:
    rows = []
    for option in options:
        short = f"-{option.short}, " if option.short else ""
        rows.append((f"{short}--{option.name} {option.value}".rstrip(), _meaning(option)))
    return _rows(rows)


def _meaning(option: Option) -> str:
    choices = ", ".join(option.choices)
    return f"{option.help}: {choices}" if choices else option.help


def _rows(rows: list[tuple[str, str]]) -> str:
    room = max(len(left) for left, _ in rows)
    lines = []
    for left, right in rows:
        for part in wrapped(right, max(LEAST, columns() - room - 4)):
            lines.append(f"  {left:<{room}}  {part}")
            left = ""
    return "\n".join(lines)
