"""Whether a person's words accept or correct the work so far, and which. Plain phrases, no model.

A miss costs little: the calls are evaluated at the next multiple. A false alarm costs a request,
or makes a run look better or worse than it was. So only such phrases count as hardly ever begin or
belong to a new task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

Verdict = Literal["accepted", "corrected"]

READ_CHARS = 300

# The work, as the subject of a clause: not `check whether it works`, `explain why this is wrong`.
_IT = r"(?:^|[,;:] ?|\b(?:and|but|yes|no|now|so) )(that|this|it|these|those|they)"
_IT_IS = rf"{_IT}('?s| is| was| are| looks?)"
_END = r"(?=\s*($|[,.!;:)…👍]| (now|so|again|then|to me|for me|but|and|thanks)\b))"

# A word with nothing tied to it: `great, now the tests`, not `great circles`.
_ALONE_ACCEPTS = (
    "thanks|thank you|thx|cheers|perfect|great|excellent|awesome|amazing|lovely|nice|exactly|"
    "correct|good|cool|(much )?better|well done|lgtm|👍",
    "danke|danke schön|vielen dank|perfekt|super|prima|genau|passt",
    "merci|merci beaucoup|parfait|génial",
    "gracias|muchas gracias|perfecto|genial|grazie|perfetto|obrigad[oa]|perfeito",
    "спасибо|отлично",
)
_ALONE_CORRECTS = (
    "no|nope|nah|wrong|incorrect|undo|revert|almost",
    "nein|falsch|non|faux|incorrecto|não|нет|неверно",
)
# Orders that tell how it should have been, if they are the whole message; in a longer one they
# belong to what is asked for next.
_ORDERS = r"(please )?(don'?t|do not|never) \w+|(please )?stop \w+ing|always \w+"
ORDER_WORDS = 15
# Only at the beginning of a sentence.
_OPENING_ACCEPTS = (
    r"(many )?thank(s| you)( (so|very) much| a lot| again)?( for\b(?!.*\bin advance)|(?= that\b))",
    r"(nice|good|great|excellent|amazing) (work|job|one|catch)\b(?! (for|in|at|on)\b)",
)
_OPENING_CORRECTS = (
    r"(please )?(undo|revert|redo) (that|this|it)\b|please (undo|revert)$|try (it |that )?again\b",
    r"(bitte )?nicht so|so nicht|pas comme ça|así no|не так",
)
_ANYWHERE_ACCEPTS = (
    rf"{_IT_IS}( (?!not\b)\w+)? (right|correct|good|great|perfect|fine|better){_END}",
    rf"{_IT} (works|worked)( \w+)?{_END}|{_IT} did the trick\b",
    rf"^looks (good|great|right|fine){_END}",
    r"\b(just |exactly )(what|as) i (wanted|needed|asked for)\b",
    r"\bdas (stimmt|passt|ist richtig)\b|\bc'est (bon|parfait)\b|\bestá bien\b",
    r"谢谢|謝謝|很好|太好了|ありがとう|고마워|감사합니다",
)
_ANYWHERE_CORRECTS = (
    rf"{_IT_IS}( \w+)? (wrong|incorrect|bad|worse)\b|^looks wrong{_END}",
    rf"{_IT_IS} not (right|correct|good|great|perfect|fine|better){_END}",
    rf"{_IT}( i|')s ?(n'?t| not) (what|right|correct|it|how|good|true)\b|\bnot (what|how) i\b",
    rf"\bnot like (that|this){_END}|^not (this|that)( one)?{_END}",
    r"\byou (forgot|missed|misunderstood|broke|shouldn'?t|should (not|have))\b",
    r"\bi('d| would) (rather|prefer)\b|^i (meant|said|told you|asked (for|you))\b",
    rf"{_IT} (still )?(does|did|do)(n'?t| not) (work|help|look right)\b",
    rf"({_IT}( is|'s)?|^|the \w+ is) still (fails|failing|broken|wrong|not working|doesn'?t)\b",
    r"\binstead\b(?! of)|^actually,|\bstattdessen\b|\bplutôt que\b",
    r"\bdas ist falsch\b|\bdu hast .{1,40} vergessen\b|\bc'est faux\b|\bce n'est pas\b",
    r"\bestá mal\b|\bno es (eso|así)\b|不对|不對|错了|錯了|違い?ます|違う|틀렸",
)
_FIRST = r"(?:(?:ok|okay|yes|no|oh|ah|hm+|but|and|wait),? )?"


def _any(phrases: Iterable[str], form: str) -> re.Pattern[str]:
    return re.compile(form.format("|".join(phrases)), re.IGNORECASE)


def _alone(phrases: Iterable[str]) -> re.Pattern[str]:
    return _any(phrases, rf"^{_FIRST}(?:{{0}})(?:,? (?:{{0}}))?(?:$|\s*[,.!;:?)…–—👍]|\s+[-–—] )")


_JUDGES = (
    _alone((*_ALONE_ACCEPTS, *_ALONE_CORRECTS)),
    _any((*_OPENING_ACCEPTS, *_OPENING_CORRECTS, _ORDERS), rf"^{_FIRST}(?:{{0}})"),
    _any((*_ANYWHERE_ACCEPTS, *_ANYWHERE_CORRECTS), "(?:{0})"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+|\s[–—-]\s")
_NEVER = re.compile(r"^(never mind|thanks? .*\bin advance\b|danke im voraus)\b", re.IGNORECASE)


def judges(text: str) -> bool:
    """Does this message accept or correct? Only its first READ_CHARS characters are read."""
    return any(pattern.search(sentence) for sentence in _sentences(text) for pattern in _JUDGES)


def _sentences(text: str) -> Iterator[str]:
    read = text[:READ_CHARS].replace("’", "'")
    for sentence in _SENTENCE_END.split(read):
        said = sentence.strip(" \t¡¿\"'*")
        if not _NEVER.match(said):
            yield said


# -- which of the two ---------------------------------------------------------------------------

_BARE = {"accepted": _alone(_ALONE_ACCEPTS), "corrected": _alone(_ALONE_CORRECTS)}
_FULL = {
    "accepted": (
        _any(_OPENING_ACCEPTS, rf"^{_FIRST}(?:{{0}})"),
        _any(_ANYWHERE_ACCEPTS, "(?:{0})"),
    ),
    "corrected": (
        _any(_OPENING_CORRECTS, rf"^{_FIRST}(?:{{0}})"),
        _any(_ANYWHERE_CORRECTS, "(?:{0})"),
    ),
}
_ORDERED = _any([_ORDERS], rf"^{_FIRST}(?:{{0}})")
_DOUBT = re.compile(
    # Praise beside bad news, of a plan, with a reserve or in quotation marks is no acceptance.
    r"\b(broke|broken|breaks|breaking|worse|worst|fail(s|ed|ing|ure)?|errors?|crash(ed|es)?|bugs?"
    r"|delet(ed|ing)|gone|lost|nothing|wrong|missing|useless|genius|einstein|bravo|brilliant"
    r"|wonderful|yet another|another|of course|as (usual|always)|(?<!you )(?<!thanks )so much for"
    r"|(just|now) i have to|still|not?|never|but|however|though|except|almost|kaputt|nicht|aber"
    r"|mais|pero)\b"
    r"|n't\b|\b(oh|yeah|wow|sure),? (great|good|nice|perfect|right|thanks|wonderful|lovely|super)\b"
    r"|\b(do|try) (it|that|this)\b|\bgo (ahead|on with (it|that))\b|\bproceed\b|\bgo for it\b"
    r"|[\"“”„«»‘*_](thanks|great|perfect|nice|good|excellent|super|done|works)\b|\s/s\b|🙄|😒|🤦|🙃",
    re.IGNORECASE,
)
_ASKS_FOR_MORE = re.compile(
    r"[,.!;:–—-]\s*(now |and |also |next,? )*((can|could|would|will) you|(please|bitte))\b",
    re.IGNORECASE,
)


def verdict(text: str, *, asked: bool = False) -> Verdict | None:
    """What this message says of the work before it; None if it says nothing, asks, or may be meant
    otherwise. `asked`: it answers a question, so a bare `no` or `great` is about that."""
    sentences = [sentence for sentence in _sentences(text) if _states(sentence)]
    if any(_says("corrected", sentence, asked) for sentence in sentences):
        return "corrected"
    if len(text.split()) <= ORDER_WORDS and any(map(_ORDERED.search, sentences)):
        return "corrected"
    doubtful = _DOUBT.search(text[:READ_CHARS].replace("’", "'")) is not None
    if not doubtful and any(_says("accepted", sentence, asked) for sentence in sentences):
        return "accepted"
    return None


def _states(sentence: str) -> bool:
    """No question, but `thanks, could you also …?` is none about the work."""
    return not sentence.rstrip("!) ").endswith(("?", "？")) or bool(_ASKS_FOR_MORE.search(sentence))


def _says(which: Verdict, sentence: str, asked: bool) -> bool:
    if not asked and _BARE[which].search(sentence):
        return True
    return any(pattern.search(sentence) for pattern in _FULL[which])
