"""A sentence in one form of those that mean the same.

How a command or a date is written, the form in which a verb stands and which clause comes first
make no difference. What is done in which order, what is denied, numbers and names make one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from memory.notes import lexicon
from memory.notes.wording import begun, mended, names_next, turned, turns, words_of

Words = tuple[str, ...]

MOST_CHARS = 400
"""A longer sentence is compared word by word."""

_MONTHS = sorted(lexicon.MONTHS, key=len, reverse=True)
_MONTH = "|".join(_MONTHS)
_MONTH_NAMED = re.compile(_MONTH)
_DAY, _YEAR = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<year>\d{4})"
_DATES = (
    re.compile(rf"\b{_DAY} (?:of )?(?P<month>{_MONTH}),? {_YEAR}\b"),
    re.compile(rf"\b(?P<month>{_MONTH}) {_DAY},? {_YEAR}\b"),
)
_PATH = r"(?=[\w~-]*[./])[\w./~-]*\w"
_A_PATH = re.compile(_PATH)
_KINDS = "file|folder|directory|script|command"
_STORE = "keep|store|save|place|put"
_KEPT = "kept|stored|saved|placed|put|found"
_TURNS = turns(
    ("`", r"`", ""),
    # How a command is written.
    ("./", rf"(?<!\S)\./(?={_PATH})", ""),
    ("bash ", rf"(?<!\S)bash (?={_PATH})(?!\S*\.py\b)", ""),
    ("python", r"(?<!\S)python3? (?=[\w./~-]*\.py\b)", ""),
    (" -m ", r"(?<!\S)python3? -m (?=[a-z])", ""),
    (_KINDS, rf"(?<!\S)(?:the )?(?:{_KINDS}) (?={_PATH}(?:[\s,.]|\Z))", ""),
    (_KINDS, rf"(?<!\S)({_PATH}) (?:{_KINDS})\b", r"\1"),
    (
        "the branch |the flag |the option ",
        r"\bthe (branch|flag|option) ([\w-]+)(?=[.,;!]?(?:\Z| (?:after|before|on|without)\b))",
        r"\2 \1",
    ),
    ("on ", r"\bon (?:the )?(?=\d{4}-\d\d-\d\d\b)", ""),
    # One after the other.
    ("afterwards", r"\bfirst and (.+) afterwards\b", r"then \1"),
    (
        "then|after|followed|&&",
        r",? (?:(?:and )?(?:then|afterwards|after that)|followed by|&&),? (?:run )?",
        " then ",
    ),
    # What is to be done.
    (
        " be ",
        r"\b(?:must|shall|should|(?<!not )(?<!n't )(?<!never )(?:ha(?:s|ve)|needs?) to)"
        r" (not |never )?be (?=\w)",
        r"is \1",
    ),
    ("to be ", r"\b(is|are) (not |never )?to be (?=\w)", r"\1 \2"),
    (
        "you ",
        r"\byou (?:must|shall|should|have to|need to|may|can) (?=not\b|never\b)",
        "",
    ),
    ("manually", r"\bmanually\b", "by hand"),
    ("execute|invoke", r"\b(?:execute|invoke)\b", "run"),
    # What there is.
    ("get", r"\bgets? (?=\w+ed\b|read\b|put\b|kept\b|sent\b)", "is "),
    ("be found", r"\bcan be found\b", "is found"),
    (
        "live|belong|go|is |are ",
        rf"\b(?:lives?|belongs?|go(?:es)?|(?:is|are) (not )?(?:{_KEPT})) (?:in|into|to|at)"
        rf" (?:the )?(?={_PATH})",
        r"is \1",
    ),
    (" limited to", r"\b(\w+?)s? (?:is|are) limited to\b", r"\1 limit is"),
    ("limit on", r"\blimit on\b", "limit for"),
    ("at most|at least", r"\b(\d+ \w+) (at (?:most|least))\b", r"\2 \1"),
    ("preference", r"\b(?:user's |user )?preference is\b", "prefers"),
    (" of ", r"\A(?:the )?(\w+) of (?:the )?user\b", r"\1"),
    ("would ", r"\bwould (?=like|prefer)", ""),
    ("like", r"\blikes?\b", "prefer"),
    (" with", r"\b(?:is|are) (?:done|made|run) with\b", "with"),
)
_ORDERED = turns(
    (" is run", rf"\A({_PATH}) is run\b", r"run \1"),
    ("user ", r"\A(?:the )?user (?:wants|wishes) ", ""),
    (
        _STORE,
        rf"\A(?:{_STORE}) (\S.*) (?:in|into) (?:the )?(?={_PATH})",
        r"\1 is ",
    ),
    ("run ", r"\Arun (.+) (?=with )", r"\1 "),
    ("holds|contains", rf"\A({_PATH}) (?:holds|contains) (.+)\Z", r"\2 is \1"),
    ("command is", r"\A(?:the )?(\w+) command is ", r"\1 with "),
    ("write", r"\Awrite (\S.*) (?=in \w+\Z)", r"\1 is "),
    ("written", r"\b(?:is|are) written (?=in \w+\Z)", "is "),
)
_PURPOSES = (
    re.compile(r"\A(?:to|for) (?P<what>.+?),? (?:run|use) (?P<how>.+)\Z"),
    re.compile(r"\A(?P<what>[\w -]+): (?:run|use) (?P<how>.+)\Z"),
    re.compile(r"\A(?:run|use) (?P<how>(?:(?! to | for ).)+) (?:to|for) (?P<what>.+)\Z"),
)
_MARK = re.compile(
    r"(?:\A|,? )(?P<mark>after|before|once|as soon as|when|whenever|if|every time|each time"
    r"|in case) (?=[^\s\d])"
)
_MARKS = {"once": "after", "as soon as": "after", "after": "after", "before": "before"}
_BOUND = re.compile(
    rf", | (?<!\bto )(?<!\bthe )(?<!\ba )(?<!\ban )(?<!\byou )(?<!each )(?<!every )(?<!\bany )"
    rf"(?=(?:{'|'.join(lexicon.ORDERS)}) )"
)
_FRONT = re.compile(
    r"\A(?P<front>(?:on|at|in|during) \S+(?: \S+){0,3}?)"
    r"(?:, | (?=(?:the|an?|do|don't|never|not|no|user)\b))(?P<rest>.+)\Z"
)
_STOP = re.compile(r"(?<=\S)[.!;。]+\Z")
_NOBODY = re.compile(r"\A(?:you |each |every |any )+")


def said(sentence: str) -> Words:
    """The words of one sentence in the one form, `|` before each condition."""
    text = " ".join(unicodedata.normalize("NFKC", sentence).casefold().split())
    if len(text) > MOST_CHARS:
        return _in_one_order(words_of(sentence))
    text = _STOP.sub("", begun(text))
    if _MONTH_NAMED.search(text):
        for pattern in _DATES:
            text = pattern.sub(_iso, text)
    text = turned(text, _TURNS)
    main, conditions = _clauses(text)
    found = (word for words in sorted(map(_condition, conditions)) for word in ("|", *words))
    return (*_order(main), *found)


def _iso(date: re.Match[str]) -> str:
    month = next(at for at, name in enumerate(lexicon.YEAR, 1) if date["month"].startswith(name))
    return f"{date['year']}-{month:02}-{int(date['day']):02}"


def _clauses(text: str) -> tuple[str, list[str]]:
    """What is to be done or the case, and the conditions of it, each with its mark."""
    conditions = []
    if mark := _MARK.match(text):
        bound = _BOUND.search(text, mark.end() + 1)
        if bound is None:
            return text, []
        conditions.append(text[: bound.start()])
        text = text[bound.end() :]
    if mark := _MARK.search(text, 1):
        conditions.append(text[mark.start("mark") :])
        text = text[: mark.start()]
    return text, conditions


def _condition(text: str) -> Words:
    """`after change app.conf` for `once app.conf is changed` and `after a change of app.conf`."""
    mark = _MARK.match(text)
    assert mark is not None  # as they were found
    before, rest = _MARKS.get(mark["mark"], "when"), _NOBODY.sub("", text[mark.end() :])
    rest = re.sub(r"\b(?:was|were|ha(?:s|ve)(?: been)?) (?=\w+ed\b)", "is ", rest)
    words = [word for word in words_of(rest) if word != "of"]
    if before == "when" and words[-1:] == ["change"] and len(words) > 1:
        words = [*words[:-1], "=", "changed"]
    if len(words) == 1:
        words = [_infinitive(words[0])]
    active = _asked(words)
    if before != "before" and "=" in words:
        before = "when" if "=" in active else "after"
    return (before, *_in_one_order(active))


def _order(text: str) -> Words:
    """What is to be done, or the case."""
    text = turned(text, _ORDERED)
    if " then " in text:
        text = re.sub(r"\bfirst,? ", "", text)
    if front := _FRONT.match(text):
        text = f"{front['rest']} {front['front']}"
    for pattern in _PURPOSES:
        if purpose := pattern.match(text):
            text = f"{purpose['what'].removeprefix('run ')} with {purpose['how']}"
            break
    return _in_one_order(_asked(list(words_of(text))))


def _asked(words: list[str]) -> list[str]:
    """`keep logs` for `logs are kept`; `exporter not support xlsx` for what is not supported by
    it."""
    at = words.index("=") if "=" in words else 0
    denied = words[at + 1 : at + 2] == ["not"]
    verb = words[at + 1 + denied] if at and at + 1 + denied < len(words) else ""
    if not (verb in lexicon.VERBS or _participle(verb)):
        return words
    doer: list[str] = []
    subject, rest = words[:at], words[at + 2 + denied :]
    if len(rest) > 1 and rest[0] == "by" and rest[1] != "hand" and not rest[1][0].isdigit():
        doer, rest = rest[1:2], rest[2:]
    return [*doer, *["not"] * denied, _infinitive(verb), *subject, *rest]


def _participle(word: str) -> bool:
    return len(word) > 4 and word.endswith("ed") and not word.endswith("eed")


def _infinitive(word: str) -> str:
    return mended(word.removesuffix("ed")) if _participle(word) else word


def _in_one_order(words: list[str] | Words) -> Words:
    """`on Fridays X` is `X on Fridays`; but what is to be done has its order."""
    told = (word for at, word in enumerate(words) if word != "=" or _of_paths(words, at))
    plain = list(_roots(told))
    if "not" in plain:
        plain = [word for at, word in enumerate(plain) if word != "any" or "not" not in plain[:at]]
    if "then" in plain:
        return tuple(plain)
    denied = plain.count("not") == 1 and not (lexicon.CONDITIONS | lexicon.QUANTIFIERS) & set(plain)
    if denied:
        plain.remove("not")
    ordered = turned_round(tuple(plain))
    return ("not", *ordered) if denied else ordered


def _of_paths(words: list[str] | Words, at: int) -> bool:
    """Whether paths stand on both sides: one is not in the other as the other is in it."""
    sides = words[max(0, at - 1) : at], words[at + 1 : at + 2]
    return all(side and _A_PATH.fullmatch(side[0]) for side in sides)


def turned_round(words: Words) -> Words:
    """The smallest of the ways to begin a circle of words."""
    return min((words[at:] + words[:at] for at in range(len(words))), default=())


def _roots(words: Iterator[str]) -> Iterator[str]:
    """The words without the e that other forms of a verb lack: `chang` for change and changing."""
    before = ""
    for word in words:
        cut = len(word) > 4 and word.endswith("e") and word.isascii() and word.isalpha()
        cut = cut and not word.endswith("ee") and word not in lexicon.WITH_E
        cut = cut and mended(word[:-1]) != word and not names_next(before)
        yield word[:-1] if cut else word
        before = word
