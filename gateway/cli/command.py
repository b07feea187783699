"""What a command of the command line is, and the flags that several of them take.

It imports nothing, because every start pays.
"""

from __future__ import annotations


class Option:
    """One flag. Without `value`, which names what follows it, it is a switch; `[VALUE]` may be
    left out, and is then "-"."""

    __slots__ = ("choices", "help", "name", "short", "value")

    def __init__(
        self, name: str, help: str, value: str = "", short: str = "", choices: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.help = help
        self.value = value
        self.short = short
        self.choices = choices


class Command:
    """One command. `words` names its positions: `NAME`, `[NAME]` or, last, `NAME...`. Behind them
    may stand the options that it cannot do without, for the line of its usage.

    `target` is the "module:function" below gateway that runs it: (Arguments) -> exit code.
    """

    __slots__ = ("name", "options", "summary", "target", "words")

    def __init__(
        self,
        name: str,
        target: str,
        summary: str,
        words: str = "",
        options: tuple[Option, ...] = (),
    ) -> None:
        self.name = name
        self.target = target
        self.summary = summary
        self.words = tuple(words.split())
        self.options = options


PROFILE = Option("profile", "use this profile's home", "NAME", "p")
HELP = Option("help", "show this", short="h")
VERSION = Option("version", "show the version", short="V")
JSON = Option("json", "one JSON value on stdout")
YES = Option("yes", "do not ask", short="y")
LIMIT = Option("limit", "at most this many", "N", "n")

COMMON = (
    Option("model", "the model's id", "M", "m"),
    Option("provider", "which adapter speaks to it", "P"),
    Option("base-url", "the endpoint, with /v1", "U"),
    Option("cwd", "the workspace; else this folder", "DIR"),
    Option("max-turns", "model replies before the run stops", "N"),
    Option("yolo", "grant everything for this run; nothing asks, nothing is confined"),
    Option("no-learning", "no self-evaluation, nothing is written"),
    Option("offline", "the built-in model; no network"),
    Option("skills", "load these skills first", "A,B"),
)
CHAT = (
    Option("question", "one question, then leave", "TEXT", "q"),
    Option("continue", "go on with this folder's last session", short="c"),
    Option("resume", "go on with a session: id, prefix or title", "SESSION", "r"),
)
ONESHOT = (
    Option("oneshot", "only the answer on stdout; - reads standard input", "[TEXT]", "z"),
    Option("json", "with -z: one JSON object, when the evaluation is done too"),
    Option("usage-file", "with -z: write the tokens used to F", "F"),
)
ROOT = (*CHAT, *ONESHOT, *COMMON, PROFILE, HELP, VERSION)
