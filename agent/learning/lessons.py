"""Whether a note may be believed at once, later, or only by its owner's word.

`said`: it rests on what the owner told to hold; it is active at once. `open`: it rests on what was
done; it is a candidate until the outcome of its run is known. `held`: nothing was done that it
could rest on, or it repeats a task, a guess, a proposal of the model, a story of one day, or says
that something does not work; no outcome proves that, so it stays a candidate until its owner
approves it or another session finds the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from agent.learning.negative import negative
from agent.learning.sayings import UNSPACED, Saying, denied, for_once, retracts, sayings

if TYPE_CHECKING:
    from agent.conversation import Conversation

Weight = Literal["said", "open", "held"]
WEIGHTS: dict[Weight, str] = {
    "said": "rests on the owner's words",
    "open": "waits for the outcome of its run",
    "held": "nothing proves this yet; waits for the owner, or for another session to find the same",
}

_MARKS = re.compile(r"(\s*\((in [~/][^()\n]*|until \d{4}-\d\d-\d\d)\)\.?)+\s*\Z")

_WORD = re.compile(r"[^\W_]+(?:[./@:_-]+[^\W_]+)*")
_IDLE = frozenset(
    "the and for that this with are was were has have had not but its his her their our your from"
    " into onto about will would should could must may might can does did use used uses using user"
    " users owner wants want likes like prefers prefer always never every each when then than also"
    " only just very been being who whom which what where there here all any some one ones please"
    " remember note keep mind says said tell told der die das den dem des ein eine einen einem und"
    " ist sind war hat haben nicht mit für von auf dass wird werden soll nutzer immer bitte les des"
    " une est sont dans pour avec que qui pas sur par utilisateur toujours los las una uno son está"
    " están para con por del que usuario siempre nunca".split()
)
_PROPOSES = re.compile(
    r"\b(i|we) (would |'d |could |can |might |may )?(propose|suggest|recommend|plan|advise|prefer"
    r"|could|might|would)\b|\bi'd\b|\bshall (i|we)\b|\bshould (i|we)\b|\bhow about\b|\bproposal\b"
    r"|\boption(s)?\b|\bdraft\b|\bwe could\b|\bone way\b|\bwould you like\b|\bdo you want\b"
    r"|\blet me know\b|\bvorschlag\b|\bich (schlage|würde|empfehle)\b|\bwir könnten\b|\bsollen"
    r" wir\b"
    r"|\bje (propose|suggère|recommande)\b|\bon pourrait\b|\bpropongo\b|\bsugiero\b|\bpodríamos\b"
    r"|\?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_STORY = re.compile(
    r"\b(today|yesterday|this (session|time|morning|run|task|conversation)|just now|earlier"
    r"|was asked|asked (me|us|for)|user asked|we (fixed|made|did|tried|wrote|converted|ran|found)"
    r"|i (fixed|made|did|tried|wrote|converted|ran|found|have)|has been (fixed|done|made|written)"
    r"|the task (was|is)|in this (chat|session|run)|heute|gestern|wurde gebeten|in dieser sitzung"
    r"|aujourd'hui|a demandé|cette session|hoy|ayer|pidió|esta sesión)\b",
    re.IGNORECASE,
)
_LEARNING = frozenset(("memory", "skill_manage", "skill_view", "skills_search", "session_search"))
_PLAN = re.compile(
    r"\b(todo|to do|next step|we will|i will|will be|going to|plan(s|ned|ning)? to|planned"
    r"|still (need|has|have) to|later we|wird (noch|bald)|geplant|als nächstes|prévu|va être"
    r"|próximo paso|se va a|planead[oa])\b",
    re.IGNORECASE,
)


def weigh(entry: str, conversation: Conversation) -> Weight:
    """What a note's words rest on in this conversation, as it stands now."""
    entry = claim(entry)
    words = _telling(entry)
    said = sayings(conversation.own)
    standing = [one for one in said if one.worth == "standing"]
    if _rests(entry, words, standing) and not _goes(entry, conversation.own):
        if not negative(entry) or any(one.asked and negative(one.text) for one in standing):
            return "said"
    passing = [one.text for one in said if one.worth == "passing"]
    hardly = _share(words, passing) > _share(words, [one.text for one in standing])
    repeats = hardly and _share(words, passing) >= 0.5
    once = _share(words, [text for text in passing if for_once(text)]) >= 1 / 3
    proposed = _share(words, _proposals(conversation)) >= 0.5
    if not _worked(conversation) or repeats or once or proposed or _goes(entry, conversation.own):
        return "held"
    return "held" if negative(entry) or _STORY.search(entry) or _PLAN.search(entry) else "open"


def _worked(conversation: Conversation) -> bool:
    """Whether anything was done that a note may rest on."""
    calls = conversation.calls.values()
    return any(call.status == "ok" and call.name not in _LEARNING for call in calls)


def claim(entry: str) -> str:
    """A note without the marks of where and until when it holds."""
    return _MARKS.sub("", entry)


def drops(entry: str, conversation: Conversation) -> bool:
    """Whether the owner's last words take back what a note rests on."""
    own = conversation.own
    if not own or not (retracts(own[-1]) or denied(own[-1:])):
        return False
    entry = claim(entry)
    words = _telling(entry)
    if _goes(entry, own[-1:]):
        return True
    before = [one for one in sayings(own[:-1]) if one.worth == "standing"]
    now = [one for one in sayings(own) if one.worth == "standing"]
    return _rests(entry, words, before) and not _rests(entry, words, now)


def asked_for(entry: str, conversation: Conversation) -> bool:
    """Whether the owner asks for this note in his last words."""
    said = [one for one in sayings(conversation.own[-1:]) if one.worth == "standing" and one.asked]
    entry = claim(entry)
    return bool(said) and _rests(entry, _telling(entry), said)


def _rests(entry: str, words: set[str], standing: Sequence[Saying]) -> bool:
    """At least half of its words were told to hold, a third where it was asked to remember them,
    and every number and name in it was."""
    texts = [one.text for one in standing]
    told = _all_words(texts)
    if any(value not in told for value in _values(entry)):
        return False
    share = _share(words, texts)
    asked = [one for one in standing if one.asked]
    if asked and standing and asked[-1] is standing[-1]:
        # Asked for in another language it may be written down in English.
        return share >= 1 / 3 or any(one.foreign for one in asked)
    return share >= 0.5


def _goes(entry: str, own: Sequence[str]) -> bool:
    """Whether it holds on to a word that the owner said is not it."""
    words = {word.casefold() for word in _WORD.findall(entry)}
    return bool(words & denied(own)) and not re.search(r"\b(not|never|no|nicht|kein|pas)\b", entry)


def _proposals(conversation: Conversation) -> list[str]:
    """The model's own texts that propose something."""
    return [
        message.text
        for message in conversation.messages
        if message.role == "assistant" and _PROPOSES.search(message.text)
    ]


def _share(words: set[str], texts: Iterable[str]) -> float:
    said = set().union(*(_telling(text) for text in texts), set())
    return len(words & said) / len(words) if words else 0.0


def _telling(text: str) -> set[str]:
    """The beginnings of the words that say something. Short ones count if they are names or
    numbers."""
    found: set[str] = set()
    for word in _WORD.findall(text):
        plain = word.casefold()
        if plain in _IDLE:
            continue
        if UNSPACED.search(word):
            found.update(plain[at : at + 2] for at in range(len(plain) - 1))
        elif len(word) > 2 or not word.islower() or not word.isascii():
            found.add(plain[:5].rstrip("s") or plain)
    return found


def _values(text: str) -> set[str]:
    """Numbers, paths, addresses and names: what a paraphrase keeps as it was."""
    marked = re.sub(r"(?:^|[.!?:]\s+)\W*\w+", " ", text)
    named = {word.casefold() for word in _WORD.findall(marked) if word[:1].isupper()}
    coded = {word.casefold() for word in _WORD.findall(text) if _coded(word)}
    return {word for word in named | coded if word not in _IDLE and word not in ("i", "user")}


def _coded(word: str) -> bool:
    return any(one.isdigit() or one in "/@_" for one in word) or "." in word.strip(".")


def _all_words(texts: Iterable[str]) -> set[str]:
    return {word.casefold() for text in texts for word in _WORD.findall(text)}
