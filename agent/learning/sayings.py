"""What the owner's sentences are worth as a ground for a note: said to hold, or not.

`standing`: told as a fact or a wish that holds from now on. `passing`: a task, a question, a guess,
hearsay, a joke, something for this once, or taken back later. Plain phrases in English, German,
French and Spanish, no model; what fits none of them is passing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Worth = Literal["standing", "passing"]


@dataclass(frozen=True, slots=True)
class Saying:
    """One sentence. `asked`: its message asks for it to be remembered. `foreign`: in another
    language than English, as far as that request tells."""

    text: str
    worth: Worth
    asked: bool = False
    foreign: bool = False


def _words(*phrases: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)({'|'.join(phrases)})(?!\w)", re.IGNORECASE)


_REMEMBER = _words(
    r"remember(?! (to|when|how|the time|that (one|time))\b)|remember (to )?(always|never)"
    r"|(please |make a )?note (that|this|down|for)|make a note|take note|keep (this |that |it )?in"
    r" mind|don't forget(?! to\b)|save (this|that|it)( for| to memory|:|$)|write (this|that|it)"
    r" down"
    r"|memori[sz]e|for (the future|next time|later sessions)|bear in mind|you should know|fyi"
)
_REMEMBER_FOREIGN = _words(
    r"merk(e)? (dir|es dir)|notier(e)?( dir)?|vergiss nicht(?! zu)|denk daran,? dass|zur kenntnis"
    r"|retiens|souviens-toi|notez? (que|bien)|n'oublie pas (que)|mémorise|garde en tête"
    r"|recuerda que|recuerda:|ten en cuenta|apunta|anota|no olvides que|guarda en la memoria"
)
_LASTING = _words(
    r"always|never|from now on|in (the )?future|every time|whenever|by default|as a rule|in general"
    r"|generally|usually|each time|any time|every (day|week|month|monday|tuesday|wednesday|thursday"
    r"|friday|saturday|sunday|morning|evening)|on (mon|tues|wednes|thurs|fri|satur|sun)days"
    r"|(i|we)('d| would)? (prefer|like|love|hate|dislike|want|need) (\w+ ){0,6}(to|in|as|with|only"
    r"|not)"
    r"|(i|we) (prefer|like|love|hate|dislike|can't stand|use|live|work|speak|eat|drink|don't)"
    r"|(call|address|greet) me|i'm|i am|my name|ab (jetzt|sofort)|immer|künftig|in zukunft|nie"
    r"|niemals|jedes mal"
    r"|standardmäßig|grundsätzlich|ich (bevorzuge|mag|hasse|wohne|lebe|arbeite|heiße|bin|nutze"
    r"|möchte|will)|wir (nutzen|verwenden|bevorzugen|sind)|désormais|dorénavant|toujours|jamais"
    r"|à l'avenir|chaque fois|par défaut|je (préfère|suis|vis|travaille|déteste|m'appelle|veux)"
    r"|j'(aime|habite|utilise)|nous (utilisons|préférons)|siempre|nunca|a partir de ahora"
    r"|de ahora en adelante|cada vez|por defecto|(yo )?(prefiero|soy|vivo|trabajo|odio|uso)"
    r"|me (gusta|llamo)|(nosotros )?(usamos|preferimos)"
)
_STATES = re.compile(
    r"^((and|but|also|so|ok|okay|yes|no|sorry|well|hi|hello|please),? )*"
    r"(the|my|our|your|his|her|their|this|that|these|those|all|every|each|it|there|we|i|they|he|she"
    r"|[A-Z][\w.-]+|[a-z]+s|`[^`]+`|die|der|das|mein\w*|unser\w*|alle|le|la|les|mon|ma|mes|notre"
    r"|nos|el|los|las|mi|mis|nuestr\w+|l'\w+)\b.{0,80}?\b"
    r"(is|are|was|has|have|lives?|uses?|holds?|contains?|needs?|runs?|goes|go|comes?|stands?|means?"
    r"|belongs?|works?|takes?|wants?|likes?|prefers?|expects?|starts?|ends?|requires?|must|reads"
    r"|costs?|sends?|gets?|keeps?|owns?|ist|sind|hat|haben|heißt|liegt|steht|braucht|gehört|läuft"
    r"|gehen|geht|wohnt|est|sont|a|ont|s'appelle|habite|va|vont|es|son|está|están|tiene|tienen|vive"
    r"|van|se llama)\b"
)
_ONCE = _words(
    r"(just |only )?(this (once|time)|for (now|today|tonight|once|the moment|the demo|this (one"
    r"|file"
    r"|report|task|run|session|mail|letter|slide|branch|pull request|pr|ticket|test|demo)))|today"
    r" only"
    r"|only (today|now|here|for this|this \w+)|one-?off|exceptionally|temporar(y|ily)|ausnahmsweise"
    r"|diesmal|dieses mal|nur (heute|diesmal|hier|jetzt|dieses)|einmalig|vorerst|cette fois"
    r"|pour (l'instant|le moment|aujourd'hui|cette)|exceptionnellement|provisoirement"
    r"|(solo )?(por )?esta vez|por ahora|solo (por )?hoy|de momento|excepcionalmente"
)
_NOW = _words(
    r"(right )?now|currently|at the moment|today|tonight|this (morning|afternoon|evening|week)"
    r"|yesterday|tomorrow|until (tomorrow|tonight|noon)|gerade|momentan|derzeit|heute|aujourd'hui"
    r"|en ce moment|hoy|ahora mismo|en este momento"
)
_LATER = _words("from now on|a partir de ahora|de ahora en adelante")
_UNSURE = _words(
    r"maybe|perhaps|might|could be|possibly|probably|i (think|guess|believe|suspect|wonder|doubt)"
    r"|not sure|no idea|unsure|suppose|imagine|assum(e|ing)|pretend|what if|if (we|i) (were|was"
    r"|used|had|switch\w*|mov\w+|chang\w+)|let's say|say we|hypothetical(ly)?|for the sake of|in"
    r" theory|consider(ing)?|thinking"
    r" (about|of)|we (could|may|should|will|plan|want to)|should we|shall we|going to|plan(s"
    r"|ning)? to"
    r"|draft|proposal|propose|(he|she|they|somebody|someone|people|bob|colleague|intern|\w+) (says?"
    r"|said|claims?|claimed|thinks?|told me|insists?|swears|wrote|heard)|apparently|allegedly|i"
    r" (heard|read)|rumou?r|supposedly|vielleicht|angenommen|stell dir vor|ich (glaube|denke"
    r"|vermute)"
    r"|nicht sicher|womöglich|wir könnten|angeblich|falls|wenn wir|peut-être|supposons|imagine que"
    r"|je (crois|pense|suppose)|pas sûre?|on pourrait|si on|il paraît|quizás?|tal vez|supongamos"
    r"|imagina|(yo )?creo que|no estoy segur[oa]|podríamos|si (usamos|hacemos)|dicen que|parece que"
)
_JEST = re.compile(
    r"🙄|😒|🤦|🙃|😂|🤣|😏|(?<!\w)/s(?!\w)|\b(lol|haha\w*|jk|just kidding|kidding|joking|joke|as if"
    r"|yeah,? right|sure,? (because|why not)|oh,? (great|good|nice|perfect|wonderful|sure|fantastic"
    r"|brilliant|lovely|joy)|wow,? (great|thanks|nice|just)|great job|well done,? (again|genius)"
    r"|thanks (a lot )?for nothing|just what i (needed|wanted)|genius|einstein|bravo|brilliant"
    r"|how (lovely|wonderful|nice)|wonderful,|fantastic,|love it when|next time (just )?delete"
    r"|because (that|it) worked (so|out) (well|great)|na toll|toll,? gemacht|ganz toll|echt toll"
    r"|klasse,|super"
    r" gemacht"
    r"|na super|witz|scherz|ironie|ja klar|c'est ça|bien sûr,|quelle bonne idée|génial,|je"
    r" plaisante"
    r"|blague|claro que sí|qué bien,|genial,|era broma|es broma)(?!\w)",
    re.IGNORECASE,
)
_PUTS_OFF = _words(
    r"(let me|i'll|i will|need to|have to) (think|check|look|sleep|discuss|ask|see)|not yet|later"
    r"|decide|don't (do|apply|use) (it|that) yet|before (we|i) (do|decide)|wait|überleg\w*|später"
    r"|noch nicht|entscheide\w*|réfléchi\w*|plus tard|pas encore|pensar\w*|más tarde|todavía no"
)
_BACK = _words(
    r"forget (that|it|this|about|what i|everything)|scratch that|never ?mind|ignore (that|this|it"
    r"|what i)|i was (wrong|mistaken|joking|kidding)|my (mistake|bad)|i take (that|it) back|take"
    r" that"
    r" back|(that|this|it)('s| is| was) (wrong|not (true|right|correct)|nonsense|a joke)|disregard"
    r"|strike that|correction|(no,? )?wait|actually,? no|i (misspoke|mixed (that|it|them) up)|i"
    r" meant"
    r"|not true|don't (save|remember|keep|store) (that|this|it)|(delete|remove|drop|undo) that"
    r"|vergiss (das|es|was)|ich (lag falsch|habe mich (geirrt|vertan))|(das )?stimmt (doch )?nicht"
    r"|nein,? doch nicht|war (ein )?(falsch|quatsch|scherz|witz)|oublie (ça|ce)|je me suis trompée?"
    r"|laisse tomber|c'(est|était) faux|olvida(lo)?( eso)?|me equivoqué|no es (verdad|cierto)"
    r"|era broma|déjalo"
)
_TASKS = re.compile(
    r"^((now|then|next|and|ok|okay|so|also|first|please|bitte|por favor|s'il te plaît|no|yes),? )*"
    r"((can|could|would|will) you|(i )?(want|need|'d like) you to|let's|remember to(?! always|"
    r" never)|don't forget to|i need|make|write|convert"
    r"|send|create|build|fix|find|look|show|check|list|add|remove|delete|rename|move|copy|open|read"
    r"|update|change|set|put|run|test|install|deploy|translate|summari[sz]e|draft|mail|use|call "
    r"(?!me)"
    r"|get|fetch|download|plot|compare|count|sort|merge|split|review|refactor|explain|give|prepare"
    r"|print|replace|try|start|stop|restart|schreib|mach|erstelle?|zeig|prüfe?|such|lösch|schick"
    r"|wandle|übersetz|fais|écris|crée|montre|vérifie|envoie|convertis|haz|escribe|crea|muestra"
    r"|revisa|envía|convierte)\b",
    re.IGNORECASE,
)
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts that set no spaces between words, or attach much to them."""
_UNSPACED_PASSING = re.compile(
    "[吗呢么嗎麼か]|如果|可能|也许|大概|今天|这次|這次|暂时|开玩笑|忘了|请(?!记)|帮我|假如|听说"
    "|もし|たぶん|今回|今日|冗談|ください|아마|만약|이번|오늘|농담|주세요"
)
_DENIED = re.compile(r"\bnot (?:the |a |an |at |in |on |to )?[`'\"]?([\w./@-]+)", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+|:\s+|\s[–—]\s")
_BACK_ABOUT = re.compile(r"[\w./@-]{4,}")


def sayings(messages: Sequence[str]) -> list[Saying]:
    """Every sentence of the owner's messages, oldest first, with what it is worth by now."""
    found: list[list[Saying]] = []
    for message in messages:
        own = own_part(message)
        found.append(list(_read(own)))
        _take_back(found)
    return [saying for sentences in found for saying in sentences]


def denied(messages: Sequence[str]) -> set[str]:
    """Words the owner said are not it, as in `release, not main`, and has not said since."""
    gone: set[str] = set()
    for message in messages:
        own = own_part(message)
        named = {word.casefold().rstrip(".") for word in _DENIED.findall(own)}
        rest = set(re.findall(r"[\w./@-]+", _DENIED.sub(" ", own).casefold()))
        gone = (gone - rest) | named
    return gone


def retracts(message: str) -> bool:
    """Whether a message begins by taking back what was said before it."""
    first = next(iter(_split(own_part(message))), "")
    return _BACK.search(first) is not None and not first.rstrip().endswith("?")


def for_once(text: str) -> bool:
    """Whether a sentence is about this one time."""
    return _ONCE.search(text) is not None


def unsure(message: str) -> bool:
    """Whether a message guesses, puts off or takes back: no word to rely on."""
    return any(_UNSURE.search(one) or _PUTS_OFF.search(one) for one in _split(own_part(message)))


_FORWARDED = re.compile(
    r"^\s*(-{2,}.*(forwarded|original|weitergeleitet|ursprüngliche|transféré|reenviado).*"
    r"|(from|von|de): .+\n(?:.+: .+\n)*?(subject|betreff|objet|asunto): .*|begin forwarded"
    r" message:?"
    r"|(on|am|le|el) .{5,80} (wrote|schrieb|a écrit|escribió).*:)\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)


def own_part(message: str) -> str:
    """A message without lines quoted with > and without a mail that was forwarded in it."""
    found = _FORWARDED.search(message)
    return _QUOTED_LINE.sub("", message[: found.start()] if found else message)


def quoted_part(message: str) -> str:
    """What somebody else wrote in a message, as far as its form tells."""
    found = _FORWARDED.search(message)
    own, rest = (message[: found.start()], message[found.start() :]) if found else (message, "")
    return "\n".join([*_QUOTED_LINE.findall(own), rest]).strip()


def _read(message: str) -> Iterator[Saying]:
    foreign = _REMEMBER_FOREIGN.search(message) is not None
    asked = foreign or _REMEMBER.search(message) is not None
    jest = _JEST.search(message) is not None
    for sentence in _split(message):
        worth: Worth = "standing" if not jest and _stands(sentence, asked) else "passing"
        yield Saying(sentence, worth, asked, foreign)


def _split(message: str) -> list[str]:
    plain = message.replace("’", "'")
    return [part.strip(' \t"“”„') for part in _SENTENCE.split(plain) if part.strip(' \t"“”„')]


def _stands(sentence: str, asked: bool) -> bool:
    """Whether a sentence tells what holds from now on."""
    if sentence.endswith(("?", "？")) or _BACK.search(sentence):
        return False
    remember = _REMEMBER.search(sentence) or _REMEMBER_FOREIGN.search(sentence)
    if _UNSURE.search(sentence) or _ONCE.search(sentence):
        return False
    if _NOW.search(_LATER.sub(" ", sentence)) and not remember:
        return False
    if UNSPACED.search(sentence):
        return not _UNSPACED_PASSING.search(sentence)
    if asked or _LASTING.search(sentence):
        return True
    return not _TASKS.match(sentence) and _STATES.match(sentence) is not None


def _take_back(found: list[list[Saying]]) -> None:
    """What a retraction in the last message makes passing: what stands before it in the message,
    else the message before; and every earlier sentence it names."""
    last = found[-1]
    for at, saying in enumerate(last):
        if not _BACK.search(saying.text) or saying.text.endswith("?"):
            continue
        if at:
            last[:at] = [_passing(one) for one in last[:at]]
        elif len(found) > 1:
            found[-2] = [_passing(one) for one in found[-2]]
        about = {word[:5].casefold() for word in _BACK_ABOUT.findall(_BACK.sub(" ", saying.text))}
        for earlier in found[:-1]:
            earlier[:] = [_passing(one) if _names(one, about) else one for one in earlier]


def _names(saying: Saying, about: set[str]) -> bool:
    said = {word[:5].casefold() for word in _BACK_ABOUT.findall(saying.text)}
    return len(about & said) >= 2


def _passing(saying: Saying) -> Saying:
    return Saying(saying.text, "passing", saying.asked, saying.foreign)
