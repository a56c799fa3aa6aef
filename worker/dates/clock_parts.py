"""The words around a time of day, folded: numbers of hours, parts of the day, fillers."""

from enum import Enum, auto

from worker.dates.folding import fold


class Part(Enum):
    """The part of the day that makes "eight" one hour."""

    MORNING = auto()
    AFTERNOON = auto()
    EVENING = auto()
    NIGHT = auto()
    AM = auto()
    PM = auto()
    ON_THE_CLOCK = auto()
    """The clock has 24 hours here: "8 Uhr" is never in the evening."""


def _phrases(text: str) -> list[str]:
    return [fold(phrase, 40) for phrase in text.split(",")]


_PARTS = {
    Part.AM: "am, a.m., a.m, a. m., π.μ., π.μ, πμ",
    Part.PM: "pm, p.m., p.m, p. m., μ.μ., μ.μ, μμ",
    Part.MORNING: "in the morning, morning, this morning, morgens, vormittags, früh, uhr morgens,"
    "uhr früh, uhr vormittags, am morgen, uhr am morgen, du matin, h du matin, heures du matin,"
    "de la mañana, del mattino, di mattina, το πρωί, πρωί",
    Part.AFTERNOON: "in the afternoon, afternoon, this afternoon, nachmittags, am nachmittag,"
    "uhr nachmittags, uhr am nachmittag, de l'après-midi, heures de l'après-midi,"
    "h de l'après-midi, de la tarde, del pomeriggio, di pomeriggio, το απόγευμα, το μεσημέρι,"
    "μεσημέρι, απόγευμα",
    Part.EVENING: "in the evening, evening, this evening, abends, am abend, uhr abends,"
    "uhr am abend, du soir, h du soir, heures du soir, di sera, della sera, το βράδυ, βράδυ",
    Part.NIGHT: "at night, tonight, nachts, uhr nachts, de la noche, di notte",
    Part.ON_THE_CLOCK: "uhr, h, hs, hrs, hours, heures, heure, horas, hora, ώρα, godz",
}
PARTS = {phrase: part for part, text in _PARTS.items() for phrase in _phrases(text)}
"""What may follow the digits."""

NOONS = frozenset(
    _phrases(
        "noon, midday, 12 noon, 12 midday, high noon, mittag, mittags, 12 uhr mittags, zu mittag,"
        "midi, mediodía, 12 del mediodía, las 12 del mediodía, mezzogiorno, 12 το μεσημέρι"
    )
)
MIDNIGHTS = frozenset(
    _phrases(
        "midnight, 12 midnight, mitternacht, um mitternacht, minuit, medianoche, mezzanotte,"
        "μεσάνυχτα, τα μεσάνυχτα, 12 at night, 12 de la noche, las 12 de la noche"
    )
)
"""The end of the day that is named: "Friday, midnight" as people set deadlines and parties."""

LEADS = (
    *("at about", "at", "around", "about", "from", "by", "approx.", "ca.", "c.", "circa", "~"),
    *("um", "gegen", "ab", "vers", "a partir de", "a las", "a la", "las", "la", "alle ore"),
    *("alle", "ore", "στις", "t", "a", "starting at", "starting"),
)
"""What may stand before it, longest first."""

HOURS = {
    word: hour
    for hour, words in enumerate(
        (
            *("one ein eins une una", "two zwei deux dos due", "three drei trois tres tre"),
            *("four vier quatre cuatro quattro", "five funf cinq cinco cinque", "six sechs seis"),
            *("seven sieben sept siete sette", "eight acht huit ocho otto", "nine neun neuf nueve"),
            *("ten zehn dix diez dieci", "eleven elf onze once undici"),
            "twelve zwolf douze doce dodici",
        ),
        1,
    )
    for word in words.split()
}
"""Hours in words; they still need a part of the day."""
