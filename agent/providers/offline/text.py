"""Small readers of text: code spans, path-like words, placeholders, words in common."""

from __future__ import annotations

import re
import shlex
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

_TICKS = re.compile(r"`+")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_PATH = re.compile(r"[~\w.*?+@%=/-]*(?:/[\w.*?+@%=~-]*|\.\w{1,8}|\*)", re.ASCII)
_STOP = frozenset(
    """a an and any are as at be by can do each every for from get give goal has have here how i in
    into is it its make me my need now of on one or our out please run should so some such that the
    their them then there these they this those to turn until up us use using via want was we what
    when which will with would you your file files folder""".split()
)
_PROGRAM_WORDS = frozenset({"print", "next", "exit", "getline", "delete"})


@dataclass(frozen=True, slots=True)
class Span:
    """One code span or fenced block; `code` is what is inside, `text[start:end]` with its ticks."""

    start: int
    end: int
    code: str
    fenced: bool


def spans(text: str) -> list[Span]:
    """The code spans and fenced blocks of a text, in order, in near-linear time."""
    runs = [(found.start(), found.end()) for found in _TICKS.finditer(text)]
    by_length: dict[int, list[int]] = defaultdict(list)
    for start, end in runs:
        by_length[end - start].append(start)
    result: list[Span] = []
    position = 0
    for start, end in runs:
        width = end - start
        closers = by_length[width]
        after = bisect_right(closers, start)
        if start >= position and after < len(closers):
            position = closers[after] + width
            result.append(_span(text, start, position, width))
    return result


def _span(text: str, start: int, end: int, width: int) -> Span:
    inner = text[start + width : end - width]
    if width >= 3 and "\n" in inner:
        return Span(start, end, inner.split("\n", 1)[1].removesuffix("\n"), True)
    if len(inner) > 2 and inner[0] == inner[-1] == " ":
        inner = inner[1:-1]
    return Span(start, end, inner.replace("\n", " "), False)


def codes(text: str) -> list[str]:
    """The commands a text holds in code spans and blocks, without empty ones."""
    return [span.code for span in spans(text) if span.code.strip()]


def masked(text: str) -> str:
    """The text, as long as before, with every code span blanked out."""
    pieces: list[str] = []
    position = 0
    for span in spans(text):
        pieces += [text[position : span.start], "\0" * (span.end - span.start)]
        position = span.end
    return "".join([*pieces, text[position:]])


def as_code(code: str) -> str:
    """A one-line command as a code span, whatever ticks it holds."""
    longest = max((len(run) for run in _TICKS.findall(code)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if code.startswith(("`", " ")) or code.endswith(("`", " ")) else ""
    return f"{ticks}{pad}{code}{pad}{ticks}"


def is_path(word: str) -> bool:
    """A word that looks like a file, a folder or a glob."""
    return (
        len(word) < 300 and bool(_PATH.fullmatch(word)) and bool(re.search(r"[a-zA-Z0-9*]", word))
    )


def paths(text: str, whole_spans: bool = False) -> list[str]:
    """The path-like words of a text, in order, each once. A code span counts if it is one path,
    or, with `whole_spans`, whatever it holds."""
    found: list[str] = []
    position = 0
    for span in spans(text):
        found += _bare_paths(text[position : span.start])
        code = span.code.strip()
        found += [code] if is_path(code) or (whole_spans and code) else []
        position = span.end
    found += _bare_paths(text[position:])
    return list(dict.fromkeys(found))


def _bare_paths(text: str) -> list[str]:
    clean = (word.strip(",;:()[]\"'<>").rstrip(".!?") for word in text.split())
    return [word for word in clean if is_path(word)]


def placeholders(text: str) -> list[str]:
    """The names in `{name}`, in order, each once; braces around a program's word are none."""
    found = dict.fromkeys(_PLACEHOLDER.findall(text))
    return [name for name in found if name not in _PROGRAM_WORDS]


def fill(template: str, values: Mapping[str, str]) -> str:
    """The text with `{name}` replaced where `values` has the name."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def fill_command(template: str, values: Mapping[str, str]) -> str:
    """The same for a shell command: each value stays one word, also inside quotes."""
    pieces: list[str] = []
    quote, position = "", 0
    while position < len(template):
        found = _PLACEHOLDER.match(template, position)
        if found and found[1] in values:
            pieces.append(_quoted(values[found[1]], quote))
            position = found.end()
            continue
        char = template[position]
        escaped = char == "\\" and quote != "'"
        piece = template[position : position + 2] if escaped else char
        if piece in ("'", '"') and quote in ("", piece):
            quote = "" if quote else piece
        pieces.append(piece)
        position += len(piece)
    return "".join(pieces)


def _quoted(value: str, quote: str) -> str:
    if quote == '"':
        return re.sub(r'([\\"$`])', r"\\\1", value)
    if quote == "'":
        return value.replace("'", "'\\''")
    return shlex.quote(value)


def plain(text: str, limit: int) -> str:
    """One line without control or invisible characters, at most `limit` characters."""
    kept = (c if unicodedata.category(c)[0] not in "CZ" else " " for c in text)
    line = " ".join("".join(c if c == " " or _visible(c) else "" for c in kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _visible(char: str) -> bool:
    return unicodedata.category(char)[0] != "C" and not "\ufe00" <= char <= "\ufe0f"


def content_words(text: str) -> list[str]:
    """The words that carry meaning, lower case, each once: no paths, code or little words."""
    bare = masked(text).replace("\0", " ")
    bare = " ".join(
        word for word in bare.split() if not is_path(word.strip(",;:()\"'").rstrip("."))
    )
    words = re.findall(r"[a-z][a-z0-9]+", bare.lower())
    return list(dict.fromkeys(word for word in words if word not in _STOP))


def shared(request: str, other: str) -> tuple[int, float]:
    """How many of the request's words the other text has, and which share of them that is."""
    wanted = {_stem(word) for word in content_words(request)}
    offered = {_stem(word) for word in content_words(other.replace("-", " "))}
    common = len(wanted & offered)
    return common, common / len(wanted) if wanted else 0.0


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
