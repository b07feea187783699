"""What a change rests on: words nobody vouches for, the owner's, or work whose outcome is open.

Used by the door for changes of an agent or the curator; the owner's own need no ground.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.events import ChangeStatus
from agent.learning.lessons import WEIGHTS, asked_for, claim, weigh
from agent.learning.negative import complaints
from agent.learning.orders import SHARE, reworded
from agent.learning.origin import rests_on, tainted
from hermes_home.errors import ChangeRefused

if TYPE_CHECKING:
    from agent.learning.door import Author
    from agent.learning.proposal import Proposal

Sources = Sequence[tuple[bool, str]]

_ERROR = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Warning|Failure): [^/@<>|$`\n]{1,80}")
"""An error's name and its short message, which a skill quotes to be found by."""


SKILL_SHARE = 0.8
"""A skill says what the work is about, as the files do that it is done on: more of its words have
to be theirs than of a note's."""


def copied(text: str, said: Sources) -> list[str]:
    """The parts of a text that say what untrusted text said first, in its words or in others."""
    return _copied(text, said, note=True)


def foreign(proposal: Proposal, author: Author) -> list[str]:
    """The parts of a proposal's text that come from untrusted words. What the files said already
    was let in before; they may be long, so they are asked only if something was found."""
    said = author.conversation.sources if author.conversation else []
    note = proposal.kind != "skill"
    text = claim(proposal.text) if note else proposal.text
    found = _copied(text, said, note=note)
    known = [(True, file.before) for file in proposal.files if file.before]
    if not found or not known:
        return found
    return _copied(text, known + said, note=note)


def _copied(text: str, said: Sources, *, note: bool) -> list[str]:
    quoted = text if note else _ERROR.sub(" ", text)
    return [*tainted(quoted, said), *reworded(text, said, SHARE if note else SKILL_SHARE)]


def earned(proposal: Proposal, author: Author, *, unproved: bool) -> tuple[ChangeStatus, str]:
    """The status and why. Skills start as candidates; notes are active when they rest on the
    owner's own words. What is put away waits for no proof, but in a conversation the owner must
    have spoken of it, unless it was `unproved` itself."""
    note, conversation = proposal.kind != "skill", author.conversation
    if proposal.undoes:
        return "active", ""
    if proposal.action == "archive" or (note and not proposal.entry_after):
        away = proposal.entry_before if note else proposal.name
        if conversation is None or (note and unproved) or _spoken_of(away, conversation.own):
            return "active", ""
        return "proposed", "nobody asked for this to be put away"
    if not note:
        _refuse_complaints(proposal)
        return "candidate", ""
    if conversation is None:
        return "candidate", ""
    weight = weigh(proposal.entry_after, conversation)
    return ("active" if weight == "said" else "candidate"), WEIGHTS[weight]


def asked_again(proposal: Proposal, author: Author) -> bool:
    """Whether the owner just said otherwise: he asks for the very note he once refused."""
    if proposal.kind == "skill" or author.conversation is None:
        return False
    return asked_for(proposal.entry_after, author.conversation)


def _spoken_of(thing: str, said: Sequence[str]) -> bool:
    """Whether the owner spoke of a note, or named a skill."""
    named = any(thing in text.casefold() for text in said)
    return named or (" " in thing and rests_on(thing, said))


def _refuse_complaints(proposal: Proposal) -> None:
    """A skill has no date after which it is forgotten, so it says what to do instead."""
    if found := complaints(proposal.text):
        raise ChangeRefused(
            f"this line says only that something does not work: {found[0][:120]!r}",
            "Say on the same line what to do instead or under which condition, or keep it with"
            " memory, where it expires.",
        )
