"""Characters a reader cannot see but a model can: bidi controls, tags, zero-width, fillers."""

from __future__ import annotations

import re
import unicodedata

# Joiners and emoji selectors are ordinary after a letter or symbol outside ASCII; alone, after
# ASCII or in a row they can only hide something.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]"
    "|[\u200c\u200d]{2}"
    "|(?<![^\x00-\x22\x24-\x29\x2b-\x2f\x3a-\x7f])[\ufe0e\ufe0f]"
    "|[\ufe0e\ufe0f]{2}"
)


def unseen(text: str) -> list[tuple[int, str]]:
    """Each hidden or control character as (line from 1, name such as `U+202E RIGHT-TO-LEFT
    OVERRIDE`); a line that holds many of one kind is told once."""
    found: dict[tuple[int, str], None] = {}
    for match in _UNSEEN.finditer(text):
        character = match.group()[-1]
        line = text.count("\n", 0, match.start()) + 1
        found[(line, _called(character))] = None
    return list(found)


def _called(character: str) -> str:
    name = unicodedata.name(character, unicodedata.category(character))
    return f"U+{ord(character):04X} {name}"
