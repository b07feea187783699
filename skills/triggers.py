"""The words people ask for a skill with, as its metadata tells them: phrases in any language, and
words without which nobody means it.

We write `hermes-triggers: "phrase; phrase"`. Read are also `hermes: {triggers: …}`,
`hermes.triggers`, and a field `triggers` beside the metadata, each a text or a list.
"""

from __future__ import annotations

import re

from skills.frontmatter import Value
from skills.skill import Skill

TRIGGERS = "hermes-triggers"
ONLY_WITH = "hermes-only-with"

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_UNSPACED = "\u2e80"
"""From this character on, languages that put no spaces between words."""


def triggers(skill: Skill) -> tuple[str, ...]:
    """The phrases, each once, in the order they are written."""
    hermes = skill.metadata.get("hermes")
    places = (
        skill.metadata.get(TRIGGERS),
        skill.metadata.get("hermes.triggers"),
        hermes.get("triggers") if isinstance(hermes, dict) else None,
        skill.extra.get("triggers"),
    )
    return tuple(dict.fromkeys(phrase for place in places for phrase in _phrases(place)))


def may_mean(request: str, skill: Skill) -> bool:
    """Whether a request holds one of the words that the skill is offered only with, if it names
    any."""
    named = skill.metadata.get(ONLY_WITH)
    if not isinstance(named, str):
        return True
    said = request.casefold()
    words = set(_WORD.findall(said))
    return any(
        word in words or (word[0] >= _UNSPACED and word in said)
        for word in named.casefold().split()
    )


def _phrases(value: Value | None) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [phrase for part in value for phrase in _phrases(part)]
    return [phrase.strip() for phrase in re.split("[;；\n]", value or "") if phrase.strip()]
