"""From words on a command line to the values of a command's options. Used by entry."""

from __future__ import annotations

from gateway.cli.command import Option
from hermes_home.errors import UsageError


class Arguments:
    """What was typed. `words` by position; `options` by name: text, or "" for a switch."""

    __slots__ = ("home", "options", "words")

    def __init__(self, words: list[str], options: dict[str, str], home: str = "") -> None:
        self.words = words
        self.options = options
        self.home = home

    def on(self, name: str) -> bool:
        return name in self.options

    def text(self, name: str, default: str = "") -> str:
        return self.options.get(name, default)

    def number(self, name: str, default: int) -> int:
        """A whole number from 1; UsageError otherwise."""
        if name not in self.options:
            return default
        try:
            value = int(self.options[name])
        except ValueError:
            value = 0
        if value < 1:
            raise UsageError(f"--{name} takes a number from 1, not {self.options[name]!r}")
        return value

    def word(self, position: int, default: str = "") -> str:
        return self.words[position] if position < len(self.words) else default


def nearest(word: str, known: list[str]) -> list[str]:
    """Up to three names that `word` may have meant."""
    from difflib import get_close_matches

    return get_close_matches(word, known, 3, 0.5) or [n for n in known if n.startswith(word)][:3]


def take_options(
    argv: list[str], options: tuple[Option, ...], *, leading: bool = False
) -> tuple[dict[str, str], list[str]]:
    """The options in `argv`, and the words that are none. With `leading` it ends at the first
    word, which is returned with everything behind it."""
    known = {f"--{option.name}": option for option in options}
    known |= {f"-{option.short}": option for option in options if option.short}
    found: dict[str, str] = {}
    words: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return found, words + rest
        if word == "-" or not word.startswith("-"):
            words.append(word)
            if leading:
                return found, words + rest
            continue
        option, value = _named(word, known)
        found[option.name] = _value(option, word, value, rest, known)
    return found, words


def _named(word: str, known: dict[str, Option]) -> tuple[Option, str | None]:
    """The option `word` names, and the value written in the same word."""
    if word in known:
        return known[word], None
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if equals and name in known:
            return known[name], value
    elif word[:2] in known and known[word[:2]].value:
        return known[word[:2]], word[2:]
    raise UsageError(f"unknown option {word}", _suggestion(word, known))


def _suggestion(word: str, known: dict[str, Option]) -> str:
    guesses = nearest(word.partition("=")[0], sorted(known))
    return f"did you mean {' or '.join(guesses)}?" if guesses else "--help lists the options"


def _value(
    option: Option, word: str, given: str | None, rest: list[str], known: dict[str, Option]
) -> str:
    if option.value.startswith("[") and given is None and (not rest or rest[0] in known):
        return "-"
    if not option.value:
        if given is not None:
            raise UsageError(f"--{option.name} takes no value")
        return ""
    if given is None:
        if not rest:
            raise UsageError(f"{word} needs a value: {option.value}", option.help)
        given = rest.pop(0)
    if option.choices and given not in option.choices:
        raise UsageError(f"{word} takes {', '.join(option.choices)}; not {given!r}")
    return given


def check_words(name: str, wanted: tuple[str, ...], words: list[str]) -> None:
    """UsageError unless `words` fits the positions `wanted`, behind which the options may
    stand that are needed."""
    usage = f"usage: hermes {' '.join((name, *wanted))}"
    options = [place for place, word in enumerate(wanted) if word.startswith("--")]
    if options and words[options[0] :]:
        usage = f"did you mean {wanted[options[0]]} {words[options[0]]}? {usage}"
    wanted = wanted[: options[0]] if options else wanted
    needed = [word for word in wanted if not word.startswith("[")]
    many = bool(wanted) and wanted[-1].rstrip("]").endswith("...")
    if len(words) < len(needed):
        raise UsageError(f"{name} needs {needed[len(words)].rstrip('.')}", usage)
    if len(words) > len(wanted) and not many:
        raise UsageError(f"{name} does not take {words[len(wanted)]!r}", usage)
