"""A claim as the words by which it is compared: its case, articles, endings and turns of phrase
aside."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from sys import intern

from memory.notes import lexicon
from memory.words import indexable

_BULLET = re.compile(r"^(?:[-*+•]\s+)+")
_BEFORE, _BEHIND = "([{\"'«„“", ".,;:!?)]}\"'»”。"
"""Marks around a word that say nothing; whatever else is written in it counts."""
_TERM = re.compile(r"[^\W_]{2,}")
_ASKING = frozenset("what which who whom whose where when why how tell me my you your".split())
_COMMON = lexicon.ARTICLES | lexicon.IDLE | lexicon.COPULAS | lexicon.PREPOSITIONS | _ASKING
_SHORT = re.compile(r"[^aeiouy]*[aeiouy][^aeiouywx]")
"""A root of one short syllable; without an e its last letter would be written twice."""
SITE = re.compile(
    r"[~/]\w.*|\..*/|.+://|.*\w/\w|[\w.+-]+@|\d+\.\d+\.\d+\.\d+|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}"
)
"""A path, a host or an address."""
_LABEL = re.compile(r"^((?:[^\s:]+ ){0,4}[^\s:]+):\s+(?=\S)")
_END = re.compile(
    r"(?<=[.!?;。])(?<!\b[DMS][rst]\.)(?<!\bMrs\.)(?<!^\d\.)\s+|\n\s*(?=\n|[-*+]\s|\d+[.)]\s)",
    re.MULTILINE,
)
_OPENING = re.compile(
    r"^(?:(?:please|note|fyi|nb|remember|reminder|keep in mind|as noted|according to (?:my|the)"
    r" notes?|(?:memory|user)\.md)\b(?: that\b)?[\s:,]*)+",
)
_MONTHS = "|".join(sorted(lexicon.MONTHS))

Turn = tuple[tuple[str, ...], re.Pattern[str], str]


def turns(*found: tuple[str, str, str]) -> tuple[Turn, ...]:
    """Patterns and what is put in their place, each with the words of which a text must hold one:
    to look for those first is much faster."""
    return tuple((tuple(held.split("|")), re.compile(find), put) for held, find, put in found)


def turned(text: str, by: tuple[Turn, ...]) -> str:
    for held, pattern, plain in by:
        if any(part in text for part in held):
            text = pattern.sub(plain, text)
    return text


_PHRASES = turns(
    ("’", "’", "'"),
    ("`|*", r"`|(?<!\S)\*\*?(?=\w)|(?<=\w)\*\*?(?!\S)", ""),
    ("can", r"\bcan't\b|\bcannot\b", "can not"),
    ("won't", r"\bwon't\b", "will not"),
    ("n't", r"n't\b", " not"),
    ("not always|not just", r"\bnot (always|just)\b", r"not-\1"),
    ("i'm", r"\bi'm\b", "i am"),
    ("", r"\b(?:i|we|my|our|mine)\b", "user"),
    ("no longer", r"\bno longer\b", "not"),
    ("any", r"\b(?:any ?more|any longer)\b", ""),
    ("'", r"'s\b|s'(?=\s)", ""),
    (
        "than|instead|place|not",
        r" (?:more than|rather than|instead of|in place of)\b|, not\b",
        " over",
    ),
    ("prefer", r"\b(prefers?|preferred) (\S+) to\b", r"\1 \2 over"),
    ("like", r"\blikes? (\S+) over\b", r"prefer \1 over"),
    ("", rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?({_MONTHS})\b", r"\1.\2"),
    ("", rf"\b({_MONTHS}) (\d{{1,2}})(?:st|nd|rd|th)?\b", r"\2.\1"),
    (":", r"\b0(\d:\d\d)\b", r"\1"),
    ("", r"\b(\d+)(ms|[kmgt]i?b|km|kg|px)\b", r"\1 \2"),
    ("stand-up", r"\bstand-up\b", "standup"),
    ("located|placed|situated", r"\b(is|are) (?:located|placed|situated) ", r"\1 "),
    ("called|named", r"\b(?:is|are) (?:called|named) ", "name is "),
    (" as ", r"\buses? (\S+) as (?:the |user )?(\S+)$", r"\2 is \1"),
    (" of | for ", r"^(?:the )?(\w+) (?:of|for) (.+?) (is|are) ", r"\2 \1 \3 "),
    (" of ", r"\b(is|are) (?:the )?(\w+) of (.+)$", r"\1 \3 \2"),
    (" to | until ", r"\b(\d[\d:]*) (?:to|until) (\d[\d:]*)\b", r"\1-\2"),
)


@lru_cache(maxsize=16_384)
def words_of(sentence: str) -> tuple[str, ...]:
    """The words of one sentence, `=` for every form of to be, `not` for every denial."""
    text = unicodedata.normalize("NFKC", sentence).casefold()
    text = begun(" ".join(text.split()))
    text = _LABEL.sub(r"\1 is ", text)
    text = turned(text, _PHRASES)
    found: list[str] = []
    for word in _chunks(text):
        if word not in lexicon.ARTICLES | lexicon.IDLE:
            found.append(_plain(word, found[-1] if found else ""))
    return _in_order(found)


def begun(text: str) -> str:
    """A sentence from where it says something, as without `- Please remember that`."""
    return _OPENING.sub("", _BULLET.sub("", text))


@lru_cache(maxsize=16_384)
def names_of(sentence: str) -> frozenset[str]:
    """Those of its words that are names: written with a capital, a digit or a sign."""
    found = _chunks(_BULLET.sub("", sentence.strip()))
    capital = {word for word in found[1:] if word[0].isupper()}
    signed = {word for word in found if re.search(r"[\d#@/_-]", word)}
    return frozenset(stem(word.casefold()) for word in capital | signed)


def stem(word: str) -> str:
    """A word without its commonest English endings."""
    if word in lexicon.IRREGULAR:
        return lexicon.IRREGULAR[word]
    if len(word) < 4 or not (word.isascii() and word.isalpha()) or word in lexicon.SINGULAR:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    root = word.removesuffix("ing") if len(word) > 5 else word
    return mended(root) if root != word and re.search("[aeiouy]", root) else word


def mended(root: str) -> str:
    """What a word was before its ending was put to it: `run` for runn, `write` for writ."""
    if root[-1] == root[-2] and root[-1] not in "lsz":
        return root[:-1]
    return root + "e" if _SHORT.fullmatch(root) else root


def names_next(word: str) -> bool:
    """Whether what stands behind a word is a name, with its ending: `make tests`, `-k users`."""
    return word in lexicon.PROGRAMS or word.startswith("-")


@lru_cache(maxsize=16_384)
def stems_of(entry: str) -> frozenset[str]:
    """The words of an entry, remembered; a request is asked for with `stems_in`."""
    return stems_in(entry)


def stems_in(text: str) -> frozenset[str]:
    """The words by which a text is found, in any script, without those that are everywhere."""
    found = _TERM.findall(indexable(text).casefold())
    # Interned: thousands of entries hold the same words.
    return frozenset(intern(stem(word)) for word in found if word not in _COMMON) or frozenset(
        map(stem, found)
    )


def sentences(text: str) -> list[str]:
    """The sentences of an entry, without bullets and blank ones."""
    parts = _END.split(text)
    return [part for part in parts if re.search(r"[^\W_]", part)]


def _chunks(text: str) -> list[str]:
    return [chunk.rstrip(_BEHIND).lstrip(_BEFORE) or chunk for chunk in text.split()]


def _plain(word: str, before: str) -> str:
    if word in lexicon.COPULAS:
        return "="
    if word in lexicon.NEGATIONS:
        return "not"
    if names_next(before):
        return word
    if before == "=" and word in lexicon.PARTICIPLES:
        return lexicon.PARTICIPLES[word]
    if word in lexicon.ORDINALS and not before.isdecimal():
        return lexicon.ORDINALS[word]
    return lexicon.NUMBERS.get(word) or stem(word)


def _in_order(words: list[str]) -> tuple[str, ...]:
    """The user goes without saying; what is at an address has it; a passive is made active."""
    if words[:1] == ["user"]:
        del words[0]
    if "=" not in words:
        return tuple(words)
    at = words.index("=")
    if words[at + 1 : at + 2] == ["user"]:
        del words[at + 1]
    if len(words) > at + 2 and words[at + 1] in ("at", "in") and _exact(words[at + 2]):
        del words[at + 1]
    if at > 1 and words[at - 1] in ("address", "url") and SITE.match(words[-1]):
        del words[at - 1]
    return _active(words)


def _exact(word: str) -> bool:
    return word[0].isdigit() or SITE.match(word) is not None


def _active(words: list[str]) -> tuple[str, ...]:
    """`Ann lead team` for `team = lead by Ann` and `team owner = Ann`."""
    at = words.index("=")
    subject, rest = words[:at], words[at + 1 :]
    if subject and len(rest) > 2 and rest[1] == "by" and not rest[2][0].isdigit():
        return (*rest[2:], rest[0].removesuffix("ed"), *subject)
    for thing, holder in ((subject, rest), (rest, subject)):
        if len(thing) > 1 and thing[-1] in lexicon.ROLES and len(holder) == 1:
            return (*holder, lexicon.ROLES[thing[-1]], *thing[:-1])
    return tuple(words)
