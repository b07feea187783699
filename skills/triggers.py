"""The words people ask for a skill with, as its metadata tells them: phrases in any language.

We write `hermes-triggers: "phrase; phrase"`. Read are also `hermes: {triggers: …}`,
`hermes.triggers`, and a field `triggers` beside the metadata, each a text or a list.
"""

from __future__ import annotations

import re

from skills.frontmatter import Value
from skills.skill import Skill

TRIGGERS = "hermes-triggers"


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


def _phrases(value: Value | None) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [phrase for part in value for phrase in _phrases(part)]
    return [phrase.strip() for phrase in re.split("[;；\n]", value or "") if phrase.strip()]
