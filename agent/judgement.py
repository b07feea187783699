"""Whether a person's words accept or correct the work so far. Plain phrases, no model.

A miss costs little: the calls are evaluated at the next multiple. A false alarm costs a request.
So only such phrases count as hardly ever begin or belong to a new task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

READ_CHARS = 300

# The work, as the subject of a clause: not `check whether it works`, `explain why this is wrong`.
_IT = r"(?:^|[,;:] ?|\b(?:and|but|yes|no|now|so) )(that|this|it|these|those|they)"
_IT_IS = rf"{_IT}('?s| is| was| are| looks?)"
_END = r"(?=\s*($|[,.!;:)…👍]| (now|so|again|then|to me|for me|but|and|thanks)\b))"

_ALONE = (
    # A word with nothing tied to it: `great, now the tests`, not `great circles`.
    "thanks|thank you|thx|cheers|perfect|great|excellent|awesome|amazing|lovely|nice|exactly|"
    "correct|good|cool|(much )?better|well done|lgtm|👍|almost",
    "no|nope|nah|wrong|incorrect|undo|revert",
    "danke|danke schön|vielen dank|perfekt|super|prima|genau|passt|nein|falsch",
    "merci|merci beaucoup|parfait|génial|non|faux",
    "gracias|muchas gracias|perfecto|genial|incorrecto|grazie|perfetto|obrigad[oa]|perfeito|não",
    "спасибо|отлично|нет|неверно",
)
_OPENING = (
    # Only at the beginning of a sentence.
    r"(many )?thank(s| you)( (so|very) much| a lot| again)?( for\b(?!.*\bin advance)|(?= that\b))",
    r"(nice|good|great|excellent|amazing) (work|job|one|catch)\b(?! (for|in|at|on)\b)",
    r"(please )?(don'?t|do not|never) \w+|(please )?stop \w+ing|always \w+",
    r"(please )?(undo|revert|redo) (that|this|it)\b|please (undo|revert)$|try (it |that )?again\b",
    r"(bitte )?nicht so|so nicht|pas comme ça|así no|не так",
)
_ANYWHERE = (
    rf"{_IT_IS}( \w+)? (right|correct|good|great|perfect|fine|better){_END}",
    rf"{_IT_IS}( \w+)? (wrong|incorrect|bad|worse)\b",
    rf"{_IT} (works|worked)( \w+)?{_END}|{_IT} did the trick\b",
    rf"^looks (good|great|right|fine|wrong){_END}",
    rf"{_IT}( i|')s ?(n'?t| not) (what|right|correct|it|how|good|true)\b",
    r"\b(just |exactly )(what|as) i (wanted|needed|asked for)\b|\bnot (what|how) i\b",
    rf"\bnot like (that|this){_END}|^not (this|that)( one)?{_END}",
    r"\byou (forgot|missed|misunderstood|broke|shouldn'?t|should (not|have))\b",
    r"\bi('d| would) (rather|prefer)\b|^i (meant|said|told you|asked (for|you))\b",
    rf"{_IT} (still )?(does|did|do)(n'?t| not) (work|help|look right)\b",
    rf"({_IT}( is|'s)?|^|the \w+ is) still (fails|failing|broken|wrong|not working|doesn'?t)\b",
    r"\binstead\b(?! of)|^actually,|\bstattdessen\b|\bplutôt que\b",
    r"\bdas (stimmt|passt|ist (richtig|falsch))\b|\bdu hast .{1,40} vergessen\b",
    r"\bc'est (bon|parfait|faux)\b|\bce n'est pas\b|\bestá (bien|mal)\b|\bno es (eso|así)\b",
    r"谢谢|謝謝|很好|太好了|不对|不對|错了|錯了|ありがとう|違い?ます|違う|고마워|감사합니다|틀렸",
)
_FIRST = r"(?:(?:ok|okay|yes|no|oh|ah|hm+|but|and),? )?"


def _any(phrases: Iterable[str], form: str) -> re.Pattern[str]:
    return re.compile(form.format("|".join(phrases)), re.IGNORECASE)


_JUDGES = (
    _any(_ALONE, rf"^{_FIRST}(?:{{0}})(?:,? (?:{{0}}))?(?:$|\s*[,.!;:?)…–—👍]|\s+[-–—] )"),
    _any(_OPENING, rf"^{_FIRST}(?:{{0}})"),
    _any(_ANYWHERE, "(?:{0})"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+|\s[–—-]\s")
_NEVER = re.compile(r"^(never mind|thanks? .*\bin advance\b|danke im voraus)\b", re.IGNORECASE)


def judges(text: str) -> bool:
    """Does this message accept or correct? Only its first READ_CHARS characters are read."""
    read = text[:READ_CHARS].replace("’", "'")
    sentences = (sentence.strip(" \t¡¿\"'*") for sentence in _SENTENCE_END.split(read))
    return any(
        pattern.search(sentence)
        for sentence in sentences
        if not _NEVER.match(sentence)
        for pattern in _JUDGES
    )
