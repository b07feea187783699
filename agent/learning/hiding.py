"""Words that are to be forgotten, taken out of a text: where they stand whole, and where a sentence
or a line says the same.

A sentence says what a note says if it holds two thirds of the note's telling words close together,
and at least three of them if there are so many. Of a longer text, a skill's, only its own lines are
taken out, and sentences that say what its description says.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

SIGN = "[forgotten]"
SHARE = 2 / 3
LEAST = 3
SPAN = 40
"""Words that a sentence spans at most; in a longer line only the part that holds them is hidden."""
LINE_WORDS = 4
"""A shorter line of a skill may stand anywhere."""
SENTENCE_CHARS = 300

_STEM = 5
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_MARKER = re.compile(r"[\s>#*+\-`]*\d+[.)]\s")
_BOUND = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])")
_IDLE = frozenset(
    """a about all also always an and any are as at be been but by can could did do does for from
    had has have he her him his how i if in into is it its like likes me my never no not of ok okay
    on or our over owner prefer prefers she should so sure thank thanks than that the their them
    then there they this to use used user users uses was we were what when where which who why will
    with would yes you your""".split()  # fmt: skip
)


@dataclass(frozen=True)
class Words:
    """What is to be taken out. `wholes`: texts that are hidden wherever they stand whole, also in
    other case and spacing; a sentence that says one of them goes too. `lines`: a long text, line
    by line. `name`: what such a text is called."""

    wholes: tuple[str, ...] = ()
    lines: frozenset[str] = frozenset()
    name: str = ""

    def out_of(self, text: str) -> str:
        """The text without them; itself, if they are not in it."""
        text = self.wholly(text)
        if self._sayings or self.lines:
            text = "\n".join(self._line(line) for line in text.split("\n"))
        return text

    def wholly(self, text: str) -> str:
        """Without what stands in it whole; no sentences."""
        for pattern in self._patterns:
            text = pattern.sub(SIGN, text)
        return text

    def out_of_arguments(self, text: str) -> str:
        """The same for a call's arguments: every string in their JSON."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.out_of(text)
        hidden = self._value(value)
        return text if hidden == value else json.dumps(hidden, ensure_ascii=False)

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self.out_of(value)
        if isinstance(value, dict):
            return {key: self._value(inner) for key, inner in value.items()}
        return [self._value(inner) for inner in value] if isinstance(value, list) else value

    @cached_property
    def needed(self) -> list[tuple[frozenset[str], int]] | None:
        """Of which telling words how many a text holds at least that says one of the wholes; None
        if it may say something else of this as well."""
        if self.lines or self.name:
            return None
        sayings = filter(None, map(telling, self.wholes))
        return [(words, enough(words)) for words in sayings]

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        found = [_whole(text) for text in self.wholes if telling(text)]
        return [*found, _named(self.name)] if self.name else found

    @cached_property
    def _sayings(self) -> list[frozenset[str]]:
        sayings = (telling(text) for text in self.wholes)
        return [words for words in sayings if len(words) > 1]

    def _line(self, line: str) -> str:
        if self.lines and plain_line(line) in self.lines:
            return SIGN
        if not self._sayings:
            return line
        words = list(_stems(line))
        spans = [span for saying in self._sayings for span in _spans(words, saying)]
        for start, end in reversed(_sentences(line, spans)):
            line = line[:start] + SIGN + line[end:]
        return line


def enough(saying: frozenset[str]) -> int:
    """How many of its telling words say it."""
    return max(ceil(len(saying) * SHARE), min(LEAST, len(saying)))


def telling(text: str) -> frozenset[str]:
    """The beginnings of the words that make a text what it is."""
    return frozenset(stem for stem, _, _ in _stems(text))


def plain_line(line: str) -> str:
    """A line of a long text as it is compared; empty if it is too short to be known again."""
    words = _WORD.findall(_folded(_MARKER.sub("", line, count=1)))
    return " ".join(words) if len(words) >= LINE_WORDS else ""


def plain_lines(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(line for text in texts for line in map(plain_line, text.split("\n")) if line)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _stems(text: str) -> Iterator[tuple[str, int, int]]:
    """The telling words of a text by their beginnings, and where they stand. Scripts without
    spaces are read in pairs of characters."""
    for match in _WORD.finditer(text):
        start, end = match.span()
        if _UNSPACED.search(match[0]):
            for at in range(start, max(start + 1, end - 1)):
                yield text[at : at + 2], at, min(at + 2, end)
            continue
        word = _folded(match[0])
        if word not in _IDLE and (len(word) > 2 or not word.isalpha()):
            yield word[:_STEM], start, end


def _whole(text: str) -> re.Pattern[str]:
    words = r"[\W_]+".join(map(re.escape, _WORD.findall(text)))
    before = "" if _UNSPACED.match(text[0]) else r"(?<![^\W_])"
    after = "" if _UNSPACED.match(text[-1]) else r"(?![^\W_])"
    return re.compile(rf"{before}{words}{after}[.!。]*", re.IGNORECASE)


def _named(name: str) -> re.Pattern[str]:
    """A name of several words wherever it stands; another one only where it is marked as a name."""
    escaped = re.escape(name)
    if "-" in name:
        return re.compile(rf"(?<![\w-]){escaped}(?![\w-])")
    return re.compile(rf"(?<=[`\"]){escaped}(?=[`\"])|(?<=skill ){escaped}(?![\w-])")


def _spans(words: list[tuple[str, int, int]], saying: frozenset[str]) -> Iterator[tuple[int, int]]:
    """The shortest stretches of a line that hold enough of a saying's words."""
    most = enough(saying)
    held: dict[str, int] = {}
    left = 0
    for right, (stem, _, end) in enumerate(words):
        if stem in saying:
            held[stem] = held.get(stem, 0) + 1
        while len(held) >= most or right - left >= SPAN:
            first, start, _ = words[left]
            if held.get(first) == 1 and len(held) >= most and right - left < SPAN:
                yield start, end
            if first in held:
                held[first] -= 1
                if not held[first]:
                    del held[first]
            left += 1


def _sentences(line: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The sentences that these stretches stand in, in order and apart; a stretch itself where the
    sentence is too long."""
    bounds = [0, *(match.end() for match in _BOUND.finditer(line))] if spans else []
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        first = max((bound for bound in bounds if bound <= start), default=start)
        last = min((bound for bound in bounds if bound >= end), default=len(line))
        first = first if start - first <= SENTENCE_CHARS else start
        last = last if last - end <= SENTENCE_CHARS else end
        last -= len(line[first:last]) - len(line[first:last].rstrip())
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
