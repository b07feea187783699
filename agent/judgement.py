"""Whether a person's words accept or correct the work so far. Plain phrases, no model."""

from __future__ import annotations

import re

_ACCEPTS = (
    r"thanks?( you)?|thx|perfect|great|excellent|well done|nice|good job|exactly|"
    r"(that|it|this) (works|worked|is right|is correct|looks good|is fine)|looks good|lgtm|"
    r"danke|merci|gracias|perfekt|super"
)
_CORRECTS = (
    r"no[,.!]|nope|wrong|incorrect|not (that|this|what|like)|that'?s not|instead|rather|"
    r"don'?t|do not|never|always|you (forgot|missed|should)|please (use|stop|avoid)|actually|"
    r"nein|falsch|stattdessen"
)
_PHRASE = re.compile(rf"(?:^|[\s,.!;])(?:{_ACCEPTS}|{_CORRECTS})(?=$|[\s,.!;:?])", re.IGNORECASE)


def judges(text: str) -> bool:
    """Does this message accept or correct? Only its first 300 characters are read."""
    return _PHRASE.search(" " + text[:300]) is not None
