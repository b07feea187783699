"""Orders that stand in text nobody vouches for, and notes that say the same in other words.

Facts may be learned from what a tool showed; orders may not, also reworded, shortened or cut in
two. An order is a sentence in the form of one, or whatever stands around words that speak to an
assistant or ask for something to be remembered. English, German, French and Spanish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import unescape
from typing import NamedTuple

from agent.learning.literals import LEAST, glued, listed

AROUND = 400
"""Characters on both sides of words that speak to an assistant."""
FACT, ORDER, HOT = 4, 3, 2
"""New words in common with any sentence, one in the form of an order, and with what stands around
words that speak to an assistant: from there on it says the same."""
SHARE = 0.6
"""The part of a sentence's new words that must be in common."""

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|<!--|-->")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n\s*(?=\n|[-*+>#]\s|\d+[.)]\s)")
_MARKER = re.compile(r"\A\s*(?:[-*+>]|\d+[.)])\s+|\s+\d+[.)]\s*\Z")
_WORD = re.compile(r"[^\W_]+(?:[./@-]+[^\W_]+)*")
_VERBS = (
    "add|allow|always|apply|approve|ask|attach|avoid|bypass|call|change|check|choose|clone|commit"
    "|configure|connect|consider|contact|copy|create|deactivate|delete|deploy|disable|do|don't"
    "|download|drop|email|enable|ensure|execute|export|fetch|follow|forward|get|give|grant|hide|ignore"
    "|include|install|keep|leave|load|log|mail|make|mention|merge|move|never|note|obey|only|open|paste"
    "|please|post|prefer|print|publish|pull|push|put|read|recommend|record|redirect|refuse|remember"
    "|remove|replace|reply|report|run|save|send|set|share|skip|start|stop|store|submit|switch|tell"
    "|treat|trust|turn|type|update|upload|use|visit|write|"
    "aktiviere|antworte|bitte|deaktiviere|ersetze|führe|gib|ignoriere|immer|installiere|kopiere|lade"
    "|lösche|merke|nie|niemals|nimm|nutze|öffne|sende|schicke?|schreibe?|setze|speichere|starte"
    "|verwende|vergiss|"
    "ajoute[zr]?|copie[zr]?|désactive[zr]?|efface[zr]?|envoie|envoyez|envoyer|exécute[zr]?|ignore[zr]?"
    "|installe[zr]?|jamais|lance[zr]?|n'utilise|ne|retiens|retenez|supprime[zr]?|télécharge[zr]?"
    "|toujours|utilise[zr]?|veuillez|"
    "añade|borra|copia|descarga|desactiva|ejecuta|elimina|envía|guarda|ignora|instala|nunca|recuerda"
    "|siempre|usa|utiliza"
)
_OPENS = re.compile(
    rf"^[^\w<]*(?:(?:[^:=]{{1,60}}[:=]|\[\w+\]|[\w./-]+:\d+:|\d+[.)]|(?:and|then|also|so|first"
    rf"|before[^,]+,|after[^,]+,"
    rf"|when[^,]+,|if[^,]+,|for[^,]+,|per[^,]+,|in[^,]+,|from[^,]+,|und|dann|et|puis|y|luego))\s+)*"
    rf"(?:{_VERBS})\b",
    re.IGNORECASE,
)
_MUST = re.compile(
    r"\b(must|should|shall|have to|has to|need to|needs to|always|never|required?|requires"
    r"|mandatory"
    r"|forbidden|not allowed|are to|is to be|is expected|make sure|be sure|important|policy|rule"
    r"|from now on|effective immediately|no longer|without asking|instead of|by default|every time"
    r"|whenever|immer|niemals|nie|muss|müssen|soll|sollen|sollte|pflicht|verboten|ab sofort|künftig"
    r"|wichtig|regel|toujours|jamais|doit|doivent|il faut|obligatoire|interdit|désormais|règle"
    r"|siempre|nunca|debe[ns]?|hay que|obligatorio|prohibido|a partir de ahora|regla)\b",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"\b(ai|a\.i\.|llms?|language models?|chat ?bots?|assistants?|agents?|copilots?|models?|hermes"
    r"|gpt"
    r"|claude|assistenten?|ki|ia|asistentes?|agentes?|modèles?|modelos?)\b.{0,60}\b(must|should"
    r"|note"
    r"|notice|instruct\w*|remember|save|store|read|see|please|hint|todo|message|reading|are|ignore"
    r"|follow|always|never|merk\w*|hinweis|beachte\w*|doi\w+|notez|deben?|nota|lire)\b"
    r"|\b(note|notice|message|memo|attention|hint|hello|hi|hey|dear|to|for|hinweis an|note aux?"
    r"|nota para"
    r"|an alle|à tous les|a todos los)\b.{0,20}\b(ais?|llms?|language models?|chat ?bots?"
    r"|assistants?"
    r"|agents?|copilots?|hermes|assistenten|ki-\w+|ia|asistentes?|agentes?)\b"
    r"|\b(remember|memori[sz]e|keep (this|that|it|the following)? ?in (your |mind|memory)|your"
    r" memory"
    r"|long-term memory|(save|store|record|persist|add|write)\b.{0,40}\b(memory|notes?|memories"
    r"|skills?"
    r"|knowledge|profile)|MEMORY\.md|USER\.md|SKILL\.md|skill_manage|for (all )?(later|future"
    r"|coming)"
    r" (sessions?|conversations?|runs?|chats?)|standing (order|rule|instruction)|from now on"
    r"|going forward|must always be known|system (prompt|message|note|notice|override)|(previous"
    r"|prior"
    r"|earlier|above|all) (instructions?|orders|rules)|new (instructions?|rules?|policy|directive)"
    r"|the (user|owner|operator|admin\w*|maintainer) (has |have )?(told|said|wants?|asked|confirmed"
    r"|approved|prefers?|agreed|decided|requires?)|on behalf of|merke? (dir|dich)|im gedächtnis"
    r"|ab (jetzt|sofort)|für alle (späteren|künftigen)|der (nutzer|benutzer|besitzer) (hat|will"
    r"|möchte)"
    r"|retiens|mémorise[zr]?|désormais|l'utilisateur (a|veut|souhaite)|recuerda|memoriza"
    r"|a partir de ahora|el usuario (ha|quiere|desea|dijo))\b"
    r"|<\|?(im_start|system|user|assistant)|\[/?INST\]|^\s*(system|user|assistant|owner"
    r"|developer)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_IDLE = frozenset(
    "the and for that this with are was were has have had not but its his her their our your you"
    " into from onto about will would can does did than then when all any some one each every also"
    " what which who where there here how why just very been being them they she him it's only"
    " always never must should shall please note rule user users owner wants der die das den dem"
    " des ein eine und ist sind mit für von auf dass les des une est sont dans pour avec que qui"
    " los las una son para con por del".split()
)

Words = tuple[str, ...]


class Order(NamedTuple):
    """What a sentence says: the beginnings of its words, and, of an order, all of them in turn.
    `least`: how many a note must have in common to say the same. `names`: those of its stems that
    a fact only lists."""

    stems: frozenset[str]
    words: Words
    least: int
    names: frozenset[str] = frozenset()


def reworded(text: str, sources: Sequence[tuple[bool, str]], share: float = SHARE) -> list[str]:
    """The sentences of `text` that say what untrusted text said first: its orders, and its facts
    from this share of their new words on. `sources`: (trusted?, words), oldest first; words that
    somebody trusted used before are nobody's."""
    pieces = {piece: stems for piece in _pieces(text) if (stems := _stems(piece))}
    found: list[str] = []
    known: set[str] = set()
    for trusted, source in sources:
        if not pieces:
            break
        if trusted:
            known |= _stems(source)
            continue
        asked = frozenset().union(*pieces.values()) - known
        if not asked & _stems(source):
            continue
        for order in orders(source):
            if not asked.isdisjoint(order.stems):
                for piece in [
                    one for one in pieces if _same(one, pieces[one], order, known, share)
                ]:
                    found.append(piece)
                    del pieces[piece]
    return found


def _same(piece: str, stems: frozenset[str], order: Order, known: set[str], share: float) -> bool:
    common, new = (stems & order.stems) - known, stems - known
    if not common:
        return False
    if order.names and not common.isdisjoint(order.names):
        both = order.names & _names(piece)
        common, new = common - both, new - both
    least = SHARE if order.least < FACT else share
    if len(common) >= order.least and len(common) >= least * len(new):
        return True
    # A piece of an order that was cut: all of it, word for word.
    words = _plain_words(piece)
    return (
        order.least < FACT
        and len(words) >= 2
        and any(
            order.words[at : at + len(words)] == words
            for at in range(len(order.words) - len(words) + 1)
        )
    )


@lru_cache(maxsize=256)
def orders(source: str) -> tuple[Order, ...]:
    """The orders of one text."""
    plain = _TAG.sub(" ", unescape(source.replace("\\n", "\n").replace('\\"', '"')))
    found = [_order(part, HOT) for part in _regions(plain)]
    for sentence in _split(plain):
        form = _OPENS.search(sentence) or _MUST.search(sentence)
        found.append(_order(sentence, ORDER if form else FACT))
    return tuple(order for order in found if len(order.stems) >= min(order.least, HOT))


def _regions(text: str) -> Iterator[str]:
    """What stands around words that speak to an assistant; regions that touch are one."""
    start = end = -1
    for match in _CUE.finditer(text):
        if start >= 0 and match.start() - AROUND <= end:
            end = match.end() + AROUND
            continue
        if start >= 0:
            yield text[max(0, start) : end]
        start, end = max(0, match.start() - AROUND), match.end() + AROUND
    if start >= 0:
        yield text[start:end]


def _split(text: str) -> Iterator[str]:
    """Lines, and sentences that may go over several lines."""
    yield from dict.fromkeys(
        part.strip() for part in (*text.splitlines(), *_SENTENCE.split(text)) if part.strip()
    )


def _pieces(text: str) -> Iterator[str]:
    for part in (*_split(text), *(one for whole in glued(text) for one in _split(whole))):
        bare = _MARKER.sub("", part)
        if bare and not part.startswith("#"):
            yield bare


def _order(text: str, least: int) -> Order:
    if least < FACT:
        return Order(_stems(text), _plain_words(text), least)
    return Order(_stems(text), (), least, _names(text))


@lru_cache(maxsize=256)
def _names(text: str) -> frozenset[str]:
    """The stems of the names that a text only lists, as a table's head does or code its keys."""
    if sum(map(text.count, ",;|\t\n")) < LEAST - 1:
        return frozenset()
    names, rest = listed(text)
    return _stems(names) - _stems(rest) if names else frozenset()


@lru_cache(maxsize=4_096)
def _stems(text: str) -> frozenset[str]:
    words = _plain_words(text)
    return frozenset(
        word[:5].rstrip("s") or word for word in words if len(word) > 2 and word not in _IDLE
    )


def _plain_words(text: str) -> Words:
    return tuple(_WORD.findall(text.casefold().replace("\\n", " ")))
