"""The commands a skill's text names, and whether a shell command carries one of them out.

Used to see from the journal alone whether a skill that was loaded was followed, and which of the
calls that came after were its own check.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from itertools import dropwhile
from pathlib import PurePosixPath
from typing import NamedTuple

from markdown_it import MarkdownIt

TEXT_CHARS = 40_000
"""The most that is read of a skill's instructions."""

COMMAND_CHARS = 4_000
"""The most that is read of a shell command."""

_MARKDOWN = MarkdownIt("commonmark")
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t#]*$", re.MULTILINE)
_VERIFICATION = re.compile(r"\b(verif\w*|checks?|checking|prüf\w*|vérif\w*)\b", re.IGNORECASE)
_PROGRAM = re.compile(r"[A-Za-z_.~/][\w./~+-]*")
_GAP = re.compile(r"\{[^{}]*\}|<[^<>\s]+>|\$\{?\w+\}?|…|\.\.\.")
"""What stands for a value of the task: `{file}`, `<name>`, `$1`, `…`."""
_VALUE, _DAY = "\ufffc", "\ufffb"
_SETS = re.compile(r"[A-Za-z_]\w*=")
_FIGURES = re.compile(r"\d[\d.:-]*")
"""An example of a value: a month, a count."""
_DATE = re.compile(r"(?<!\d)\d{4}-\d\d(?:-\d\d)?(?!\d)")
_BEFORE = (
    *(("sudo",), ("env",), ("time",), ("nice",), ("command",), ("exec",), ("nohup",), ("npx",)),
    *(("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("hatch", "run"), ("bundle", "exec")),
    ("python", "-m"),
)
"""Words that only say how the command behind them is started."""
_SAME = {"python3": "python", "pip3": "pip"}
_SILENT = frozenset("cd echo printf set export mkdir true pwd ls cat head tail wc source .".split())
"""Programs that look or prepare: nobody asks for their own exit status."""
_HEREDOC = re.compile(r"(?<!<)<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_SIGNS = frozenset(";|&<>()")
INTERPRETERS = frozenset(("python", "bash", "sh", "node", "ruby", "perl", "php", "deno", "bun"))
"""Programs that say nothing without the script they run."""


class Part(NamedTuple):
    """One command of a line. `decides`: the line's exit status says whether it passed."""

    words: tuple[str, ...]
    decides: bool

    @property
    def program(self) -> str:
        return self.words[0]


@lru_cache(maxsize=64)
def commands_in(text: str) -> list[str]:
    """Every command of a Markdown text, once, in order: the lines of code blocks, and spans of
    code of two words or more that begin with a program's name."""
    lines = (line.strip().removeprefix("$ ").strip() for line in _code(text[:TEXT_CHARS]))
    return list(dict.fromkeys(line for line in lines if _is_command(line)))


def _code(text: str) -> Iterator[str]:
    for token in _MARKDOWN.parse(text):
        if token.type in ("fence", "code_block"):
            yield from token.content.splitlines()
        for inner in token.children or ():
            if inner.type == "code_inline" and len(inner.content.split()) > 1:
                yield inner.content


def verification_in(text: str) -> list[str]:
    """The commands under the headings that speak of verification or checks."""
    text = text[:TEXT_CHARS]
    return [command for section in _sections(text) for command in commands_in(section)]


def _sections(text: str) -> Iterator[str]:
    headings = list(_HEADING.finditer(text))
    for number, heading in enumerate(headings):
        if _VERIFICATION.search(heading[2]):
            later = headings[number + 1 :]
            end = next((one.start() for one in later if len(one[1]) <= len(heading[1])), len(text))
            yield text[heading.end() : end]


def _is_command(line: str) -> bool:
    words = list(dropwhile(_SETS.match, line.split()))
    return bool(words) and not line.startswith("#") and bool(_PROGRAM.fullmatch(words[0]))


def hides(command: str) -> bool:
    """Whether the exit status of a shell command tells nothing of some command in it."""
    return any(not part.decides and part.program not in _SILENT for part in parts(command))


@lru_cache(maxsize=2048)
def parts(command: str) -> tuple[Part, ...]:
    """The commands of a shell command, as pipes, `&&`, `||`, `;` and lines separate them. The last
    one decides, and those before it as long as only `&&` stands between (with pipefail also `|`);
    none does behind `||` or in the background. Of a very long command the middle is left out."""
    command = _without_heredocs(command)
    if len(command) > COMMAND_CHARS:
        half = COMMAND_CHARS // 2
        command = f"{command[:half]}\n{command[-half:]}"
    binding = {"&&", "|"} if "pipefail" in command else {"&&"}
    found: list[Part] = []
    split = [(words, sign) for words, sign in _split(command) if words]
    decides = bool(split) and split[-1][1] != "&"
    for at in range(len(split) - 1, -1, -1):
        words, sign = split[at]
        decides = decides and (at == len(split) - 1 or sign in binding)
        found.append(Part(words, decides and (at == 0 or split[at - 1][1] != "||")))
    return tuple(reversed(found))


def _without_heredocs(command: str) -> str:
    """Without the texts that stand between `<<X` and a line `X`: they are no commands."""
    if "<<" not in command:
        return command
    lines = command.splitlines()
    last = {line.strip(): at for at, line in enumerate(lines)}
    kept, ends = [], list[str]()
    for at, line in enumerate(lines):
        if ends:
            ends = ends[1:] if line.strip() == ends[0] else ends
            continue
        kept.append(line)
        ends = [word for _, word in _HEREDOC.findall(line) if last.get(word, -1) > at]
    return "\n".join(kept)


def _split(command: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words of each command, and the sign behind it; `;` for the end of a line."""
    for line in command.replace("\\\n", " ").splitlines():
        words: list[str] = []
        tokens = iter(_tokens(line))
        for token in tokens:
            if not _SIGNS.issuperset(token):
                words.append(token)
            elif "<" in token or ">" in token:
                next(tokens, None)  # where it is redirected to
            elif sign := token.strip("()"):
                yield _bare(words), sign
                words = []
        yield _bare(words), ";"


def _tokens(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="".join(_SIGNS))
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)
    except ValueError:  # a quotation mark that stands alone
        return line.split()


def _bare(words: list[str]) -> tuple[str, ...]:
    """Without what only sets the stage: variables, `sudo`, `timeout 10`, the program's folder."""
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    if not words:
        return ()
    program = PurePosixPath(words[0]).name or words[0]
    words = [_SAME.get(program, program), *words[1:]]
    if words[0] == "timeout" and len(words) > 2:
        return _bare(words[2:])
    for before in _BEFORE:
        if len(words) > len(before) and tuple(words[: len(before)]) == before:
            return _bare(words[len(before) :])
    return tuple(words)


def carries_out(named: str, command: str, share: float = 0.5) -> bool:
    """Does a part of this shell command do what the named one says: the same program, with at
    least this share of its other words, those left out that stand for values?"""
    return any(carries_out_part(named, part, share) for part in parts(command))


def carries_out_part(named: str, part: Part, share: float) -> bool:
    program, fixed = _wanted(named)
    if part.program != program:
        return False
    script = next((word for word in fixed if not word.startswith("-")), "")
    if program in INTERPRETERS and not (script and _has(part.words, script)):
        return False
    return sum(_has(part.words, word) for word in fixed) >= share * len(fixed)


@lru_cache(maxsize=1024)
def _wanted(named: str) -> tuple[str, tuple[str, ...]]:
    """The program of a named command, '' if that varies, and those of its words that do not: no
    values, and no figures where there are other words. Of a path below `{skill_dir}` the rest
    counts; in other words a date stands for any."""
    marked = parts(_GAP.sub(_VALUE, named))
    words = next((one.words for one in marked if one.program != "cd"), ())
    if not words or _VALUE in words[0]:
        return "", ()
    said = (word.removeprefix(f"{_VALUE}/") for word in words[1:])
    fixed = [word for word in said if _VALUE not in word and re.search(r"\w", word)]
    telling = [word for word in fixed if not _FIGURES.fullmatch(word)] or fixed
    return words[0], tuple(_DATE.sub(_DAY, word) for word in telling)


def _has(words: tuple[str, ...], word: str) -> bool:
    return any(_is(_DATE.sub(_DAY, one), word) for one in words)


def _is(one: str, word: str) -> bool:
    """Whether a word of a call is the named one: with any folder before it, or a variable that
    stands for its first folders."""
    if one == word or one.endswith(f"/{word}"):
        return True
    variable, _, rest = one.partition("/")
    return variable.startswith("$") and bool(rest) and f"/{word}".endswith(f"/{rest}")


def followed(instructions: str, commands: list[str]) -> bool:
    """Do these shell commands, which came after the instructions were loaded, carry them out: at
    least one of the commands they name, and of more than three at least a third? Instructions
    that name no command cannot be seen to be followed."""
    named = commands_in(instructions)
    done = sum(any(carries_out(one, command) for command in commands) for one in named)
    return done >= max(1, -(-len(named) // 3)) if named else False
