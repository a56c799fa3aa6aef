"""Words of a text: which ones tell what it is about, and how much two texts share."""

import re
from collections import Counter
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")  # noqa: RUF001 - curly apostrophes are in mail
_NOISE = re.compile(r"(?<!\S)[^\s@]+@\S+|https?://\S+")
_GERMAN_DAY = r"(?!(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez))"
_UPPER = r"[^\Wa-zäöü_]"
_SENTENCE_END = re.compile(
    rf"(?:(?<=[^\d\s][.!?])|(?<=\d\d[.!?])(?=\s+{_GERMAN_DAY}\S))\s+(?={_UPPER}|[\"'(-])"
    rf"|\n\s*\n|\n(?=\s*(?:[>*•-]|(?!\d){_UPPER}))"
)
_SUFFIXES = ("ings", "ing", "ies", "ed", "es", "en", "e", "s")

_STOP_WORDS = """
    a about after again all also always am an and any are as at back be because been before being
    but by can could did do does doing done dear down each else ever every few for from further get
    give go got had has have having he hello her here hers hi him his how however i if in into is it
    it's its i'm just know let let's like make many may me might more most much must my near need
    never new no nor not now of off often on once one only or other our out over own please same see
    she should so some still such take than thank thanks that the their them then there these they
    thing things this those three through to today tomorrow too two under until up us very via want
    was way we were what when where which while who whom whose why will with would yes yesterday yet
    you your
    aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin
    bis bist bitte da damit dann danke das dass dein deine dem den denn der des dich die dies diese
    diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas
    euch euer für gegen haben hallo hat hatte hier hin hinter ich ihm ihn ihnen ihr ihre im in ins
    ist ja jede jeder jedes jetzt kann kein keine können könnte mal man mein meine mich mir mit
    morgen muss nach nicht nichts noch nun nur ob oder ohne sehr sein seine sich sie sind so soll
    sollte sondern über um und uns unser unter viel vom von vor war waren was weil wenn werde werden
    wie wieder will wir wird wo wollen zu zum zur zwar zwischen
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English and German words that say nothing about what a text is about."""


def words(text: str) -> list[str]:
    """The words of a text in their order, as they are written; no addresses, no numbers."""
    return _WORD.findall(_NOISE.sub(" ", text))


@lru_cache(maxsize=8_192)
def stem(word: str) -> str:
    """A word without its commonest endings: `booked`, `booking` and `book` are one."""
    lowered = word.lower()
    for suffix in _SUFFIXES:
        if lowered.endswith(suffix) and len(lowered) - len(suffix) >= 3:
            return lowered.removesuffix(suffix)
    return lowered


def stems(text: str) -> set[str]:
    """What a text is about: the stems of its words, stop words left out."""
    return {stem(word) for word in words(text) if word.lower() not in STOP_WORDS}


def overlap(wanted: set[str], found: set[str]) -> float:
    """The share, 0 to 1, of the wanted stems that were found."""
    return len(wanted & found) / len(wanted) if wanted else 0.0


def key_words(text: str, most: int) -> list[str]:
    """The most telling words, lower case, best first: names, long words, frequent words."""
    plain = _NOISE.sub(" ", text)
    seen: Counter[str] = Counter()
    names: set[str] = set()
    for match in _WORD.finditer(plain):
        word = match.group().lower().removesuffix("'s").removesuffix("’s")  # noqa: RUF001 - as above
        if len(word) < 3 or word in STOP_WORDS:
            continue
        seen[word] += 1
        if match.group()[0].isupper() and not _starts_sentence(plain, match.start()):
            names.add(word)
    ranked = sorted(seen, key=lambda word: -_weight(word, seen[word], is_name=word in names))
    forms: dict[str, str] = {}
    for word in ranked:
        forms.setdefault(stem(word), word)  # of `lemon` and `lemons`, the better one
    return list(forms.values())[:most]


def sentences(text: str) -> list[str]:
    """The sentences of a text, word for word; a line that starts anew is one of its own."""
    return [part for part in (piece.strip() for piece in _SENTENCE_END.split(text)) if part]


def _starts_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 8) : start].rstrip(" \t\"'(*-")
    return not before or before[-1] in ".!?:\n"


def _weight(word: str, count: int, *, is_name: bool) -> float:
    return count + (2.0 if is_name else 0.0) + min(len(word), 12) / 4
