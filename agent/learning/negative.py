"""Claims that something does not work or is not there: true today, perhaps mended tomorrow.

Such a claim about a tool or a machine gets a date after which it is not told any more. What a
person does not want, does not eat or never does is no such claim; nor is what fails only under a
condition that is named. English, German, French and Spanish.
"""

from __future__ import annotations

import re

DAYS = 30
"""How long a negative claim is told."""

_STATES = (
    r"(broken|down|offline|unavailable|unreachable|inaccessible|unusable|unreliable|flaky|missing"
    r"|defunct|dead|blocked|disabled|out of (order|service)|timing out|crashing|failing|hanging"
    r"|useless|kaputt|defekt|offline|unerreichbar|abgestürzt|gesperrt|deaktiviert|blockiert"
    r"|cassée?s?|indisponibles?|injoignables?|inaccessibles?|en panne|hors service|bloquée?s?"
    r"|désactivée?s?|rot[oa]s?|caíd[oa]s?|averiad[oa]s?|bloquead[oa]s?|desactivad[oa]s?"
    r"|fuera de servicio|inservibles?)"
)
_IS = (
    r"(is|are|was|were|seems?|appears?|remains?|stays?|keeps?|gets?|has been|ist|sind|war|waren"
    r"|scheint|bleibt|est|sont|était|étaient|semble|reste|está|están|estaba|es|son|parece|sigue)"
)
_SLACK = (
    r"(\s+(still|currently|completely|always|often|again|now|just|permanently|not|einfach|immer"
)
_SLACK += (
    r"|noch|derzeit|wieder|gerade|ständig|toujours|encore|souvent|actuellement|siempre|todavía"
)
_SLACK += r"|aún|actualmente))*"
_NOT_THERE = r"(available|installed|supported|reachable|accessible|possible|usable|working|found"
_NOT_THERE += r"|present|configured|running|responding|enabled|allowed|there|on this machine"
_NOT_THERE += r"|verfügbar|installiert|erreichbar|unterstützt|möglich|nutzbar|vorhanden|auffindbar"
_NOT_THERE += r"|disponibles?|installée?s?|joignables?|accessibles?|possibles?|utilisables?"
_NOT_THERE += r"|prise?s? en charge|instalad[oa]s?|alcanzables?|posibles?|soportad[oa]s?)"
_WORK = r"(work|function|run|start|respond|load|connect|exist|compile|build|install|open|launch"
_WORK += r"|resolve|support|boot|answer|come up)"

_FORMS = (
    rf"\b{_IS}{_SLACK}\s+{_STATES}\b",
    rf"\b{_IS}\s+(n't|not|nicht|pas|no)\b{_SLACK}\s+{_NOT_THERE}\b",
    rf"\b(ist|sind|war|waren)\b(\s+\S+){{0,4}}\s+nicht\s+{_NOT_THERE}\b",
    rf"\b(isn't|aren't|wasn't|weren't){_SLACK}\s+({_NOT_THERE}|{_STATES})\b",
    rf"\b(n'est|ne sont|n'était) (pas|plus|jamais)( encore)? {_NOT_THERE}\b",
    rf"\bno (está|están|es|son|estaba|parece){_SLACK} {_NOT_THERE}\b",
    rf"\b(does|do|did|will|would|can|could)\s?(n't|not|not ever|never){_SLACK}\s+(be )?"
    rf"({_WORK}|{_NOT_THERE})\b",
    rf"\b(cannot|can not|can't|won't|never)\s+(be\s+)?({_WORK}s?|used|reached|accessed|found"
    r"|installed|trusted|opened|started)\b",
    r"\b(has|have) stopped \w+ing\b|\b(wird|werden) nicht (gefunden|erkannt|unterstützt)\b",
    r"\b(fails?|crashes|hangs?|times? out|breaks?|errors? out)\b"
    r"|\bkeeps? (on )?(failing|crashing|hanging|timing out|breaking)\b",
    r"\b(there is|there are|we have|has|have|with) no (internet|network|access|connection|support"
    r"|display|browser|gpu|sudo|root|permission|\w+ (installed|available|access))\b",
    r"\b(no|without any) (internet|network|\w+) (access|connection|available)\b",
    r"^(no|kein|keine|pas de|sin) [\w` .-]{2,30} (here|on this machine|available|hier|verfügbar"
    r"|auf diesem rechner|ici|disponible|aquí|en esta máquina)\b",
    r"\b(does|do) not have (internet|network|access|\w+ (installed|access))\b",
    r"\b(funktioniert|funktionieren|läuft|laufen|startet|geht|antwortet|lädt|klappt|existiert)"
    r"(\s+\w+){0,3}\s+(nicht|nie|niemals)\b",
    r"\b(schlägt|schlagen|schlug)\b.{0,30}\bfehl\b|\b(stürzt|stürzen)\b.{0,30}\bab\b"
    r"|\bscheitert\b|\bist abgestürzt\b",
    r"\b(kann|können|lässt|lassen)\b.{0,40}\bnicht (installier|erreich|start|öffn|find|verwend"
    r"|benutz|nutz)\w*",
    r"\bne (marche|fonctionne|répond|démarre|tourne|charge|s'ouvre|existe)(nt)? (pas|plus|jamais)\b"
    r"|\b(échoue|plante|échouent|plantent)\b|\bimpossible (de|d')\b",
    r"\bn'a pas (accès|d'accès)|\bil n'y a (pas|plus) (de|d')",
    r"\bno (funciona|responde|arranca|carga|existe|abre|sirve|inicia)n?\b"
    r"|\b(falla|fallan|se cuelga|se cae)\b|\bno hay (acceso|conexión|red|internet|\w+ instalad)"
    r"|\bno se puede[n]? (instalar|usar|abrir|acceder|encontrar)",
)
_NEGATIVE = re.compile("|".join(f"(?:{form})" for form in _FORMS), re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(without|unless|if|when|whenever|until|only|because|before|after|on purpose|otherwise|ohne"
    r"|wenn|falls|außer|solange|nur|bevor|sans|si|sauf|quand|lorsque|tant que|sin|cuando|salvo"
    r"|a menos que|hasta que|antes)\b",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\b(instead|use|try|prefer|install|run|set|pass|replace|switch|fall back|do|stattdessen|nimm"
    r"|verwende|nutze|benutze|statt|utilise[rz]?|à la place|plutôt|utiliza|usa|en su lugar|en"
    r" vez)\b"
    r"|->|→|=>",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"^(the )?(user|owner|he|she|they|i|we|ann|der nutzer|die nutzerin|l'utilisat\w+|el usuario"
    r"|la usuaria)( | never | always | do | does )+(n't |not |never |no |ne |nicht )*"
    r"(want|like|eat|drink|work|run|use|prefer|have|answer)",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"`[^`]*\s[^`]*`")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")


def negative(text: str) -> bool:
    """Whether a sentence of this text says that something does not work or is not there."""
    return any(_claims(sentence) for sentence in _SENTENCES.split(_plain(text)))


def complaints(text: str) -> list[str]:
    """The lines that say no more than that something does not work: no condition, nothing to do
    instead, and no command of which it is true."""
    lines = [line.lstrip(" \t-*+>0123456789.)").rstrip() for line in text.splitlines()]
    return [
        line
        for line in lines
        if line
        and negative(line)
        and not _COMMAND.search(line)
        and not _INSTEAD.search(_rest(line))
    ]


def _claims(sentence: str) -> bool:
    found = _NEGATIVE.search(sentence)
    if found is None or _PERSON.match(sentence.strip()):
        return False
    return not _CONDITION.search(sentence)


def _rest(line: str) -> str:
    """The line without the words of the claim itself, such as the `run` of `does not run`."""
    return _NEGATIVE.sub(" ", _plain(line))


def _plain(text: str) -> str:
    return text.replace("’", "'").replace("`", "")
