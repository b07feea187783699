"""The words of a text as they are compared: folded, stemmed, without the commonest.

English endings are taken off. Other languages are met when a request is compared with a library:
`skills/kin.py` finds the known words that share a root, an ending or a part with one asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Thai and Lao, kana, Han, Hangul: no spaces between words, or particles grown onto them
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
_WORD = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")
_IN_PAIRS = re.compile(f"[{_UNSPACED}]")
_MARKS = re.compile("[\u0300-\u036f]")
_PARTICLE = re.compile("[的了吗呢吧把请帮我你您们]")
_HIRAGANA = re.compile("[\u3040-\u309f]{2}")

STOP = frozenset(
    # English
    " a about after again all also an and any are as at be because been before but by can could"
    " did do does don done each for from get give go got had has have he her here his how i if"
    " in into is it its just know let like ll look make many me more most my need new next no"
    " not now of off on one only or other our out over per please put re same see she should"
    " show so some such sure tell than thank thanks that the their them then there these they"
    " thing this those to too up us use used user using ve very want was way we well were what"
    " when where which who why will with without work would yes yet you your yours"
    # German
    " aber alle allem allen alles als am an auch auf aus bei beim bin bis bitte da damit danke"
    " das dass dein deine dem den der des dich die dies diese diesem diesen dieser dieses dir"
    " doch du ein eine einem einen einer eines er es etwas euch fur habe haben hast hat hatte"
    " hier ich ihr im in ist ja jede jeden jeder jedes jetzt kann kannst kein keine keinen mach"
    " mache machen mal man mehr mein meine meinem meinen meiner mich mir mit muss nach nein nicht"
    " noch nur ob oder ohne schon sein seine sich sie sind so soll sollen uber um und uns unser"
    " unsere unseren unter vom von vor war was wenn wer wie will wir wird wo zu zum zur"
    # French
    " au aux avec avoir bien c ca ce ces cet cette ceux comme d dans de des donc du elle en est"
    " et etre eux faire fais fait faut il ils j je l la le les leur lui m ma mais me merci mes"
    " moi mon n ne non nos notre nous on ou oui par pas peux plait plus pour pourrais pouvez qu"
    " que quel quelle quelles quels qui s sa sans se ses si son sont sous stp sur ta te tes toi"
    " ton tous tout toute toutes tu un une veux vos votre vous y"
    # Spanish
    " al algo ante antes como con cual cuando de del desde donde el ella ellos en era es esa ese"
    " eso esta este esto estos favor fue gracias ha hace hacer hacia han has hasta hay haz la"
    " las le les lo los me mi mis muy necesito nos o os para pero por porque puede puedes que"
    " quiero se ser si sin sobre soy su sus tambien te tengo ti tiene todas todo todos tu tus un"
    " una unas uno unos y ya yo".split()
)


def terms(text: str) -> Iterator[str]:
    """The words of a text as they are compared. Scripts without spaces give pairs of characters."""
    for word in _WORD.findall(fold(text)):
        if _IN_PAIRS.match(word):
            yield from _pairs(word)
        elif word not in STOP:
            yield stem(word)


def fold(text: str) -> str:
    """The text without differences of case, width and accents."""
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare).casefold()


def _pairs(word: str) -> Iterator[str]:
    """Chinese particles part words; Japanese inflection, all in hiragana, says little."""
    for piece in _PARTICLE.split(word):
        if len(piece) == 1:
            yield piece
        for at in range(len(piece) - 1):
            if not _HIRAGANA.match(piece, at):
                yield piece[at : at + 2]


@lru_cache(maxsize=32768)
def stem(word: str) -> str:
    """A word without its commonest English endings: reports, reporting, reported -> report."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 3 and re.search("[aeiouy]", root):
            word = root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


COMMON = frozenset(
    stem(word)
    for word in (
        " again ahora aide alguien algun alt always anfang annee anybody anything ask away ayer"
        " bad besser big bit bon bonne boss bring buena bueno cada came come cosa course day"
        " deux dia dos drei encore erst evening ever every everybody everything fertig first"
        " five four friday gerade gestern good gran grand great gross guess gut half hand heute"
        " hier hour hoy immer jamais jour kind klein kurz lang last later least left letzte"
        " letzten leute little lot luego maybe mejor mieux minute moment monday month morgen"
        " morning much mucho nada nadie neu neue neuen never nice nie night nobody nouveau nuevo"
        " nunca otra otro people pequeno petit peu place poco premier primero quelque quite"
        " rather ready really richtig sache saturday say seem semaine semana several siempre"
        " somebody someone something soon souvent still stimmt stuff sunday tag take temps ten"
        " thing think third three thursday tiempo todavia today together tomorrow tonight"
        " toujours tres trois trop tuesday two ultimo vez viel viele vielleicht wednesday week"
        " whole wieder woche wonder wrong year yesterday ziemlich zwei"
    ).split()
)
"""Said of everything; only in a small library they look rare."""

PROCEDURAL = frozenset(
    stem(word)
    for word in (
        " about add address after against alone another answer anyone approve ask asked back"
        " before begin behind belong below beside between both call cannot case change check"
        " choose code collect column come command copy count data decide differ done else empty"
        " end error every example exist exit explain fail figure file finally find finish first"
        " folder follow form found give goes group guess head hold ignore input inside instead"
        " itself keep key know large last later least leave left limit line link list long"
        " longer look lost made make matter may mean measure mend miss more move must name need"
        " never not note noted nothing number often old older once open order other outside own"
        " owner page part pass path people pitfall place plan point prepare print procedure"
        " prove put quote read real refuse repeat report result right root row run said save say"
        " script sentence set several short show since size skill small someone something source"
        " stand start stay step still tell text thing time true turn type under until user value"
        " verification want web whatever whether who whole without word work write written year"
    ).split()
)
"""Found in the instructions of skills for whatever work."""
