"""The words of day expressions: English, German, French, Spanish, Italian, Greek.

Each word or phrase has a code (one letter, see `CODES`) and a number. What means two things in two
languages is left out, or has the meaning that does no harm: an expression nobody finds leaves the
day to the model, a wrong one takes it away.
"""

# ruff: noqa: RUF001 - Greek letters look like Latin ones

from dataclasses import dataclass

from worker.dates.folding import fold

CODES = {
    "R": "a day counted from today: number of days",
    "W": "a weekday: 0 is Monday",
    "w": "a short form of one that is a common word too",
    "M": "a month",
    "L": "the word month",
    "U": "a unit: number of days, negative where eight days may mean a week",
    "C": "a counting word",
    "n": "first to fourth",
    "i": "in, before a span of time",
    "h": "from now",
    "z": "in a week, said of a weekday: number of days",
    "x": "next",
    "X": "after next",
    "t": "this",
    "l": "last",
    "E": "end",
    "Z": "end of the month, in one word",
    "k": "a week: number of weeks ahead, Monday to Sunday",
    "K": "the same where weeks may begin on Sunday",
    "m": "a month: number of months ahead",
    "q": "weekend",
    "a": "at, before a time of day",
    "d": "an article or preposition that a day of the month may follow",
    "f": "a word that adds nothing",
    "p": "a part of the day",
    "b": "to, and, or",
    "v": "for, before a span of time",
    "g": "before, after, not, every: what follows is not the day that is meant",
    "H": "a holiday of a fixed date: month * 100 + day",
    "u": "a name with a weekday in it that is no such day",
    "_": "no word of this list, or one to pass over",
}

_WEEKDAYS = (
    "monday, montag, lundi, lunes, lunedì, Δευτέρα, Δευτέρας",
    "tuesday, tue, tues, dienstag, mardi, martes, martedì, Τρίτη, Τρίτης",
    "wednesday, wed, weds, mittwoch, mercredi, miércoles, mercoledì, Τετάρτη, Τετάρτης",
    "thursday, thu, thur, thurs, donnerstag, jeudi, jueves, giovedì, Πέμπτη, Πέμπτης",
    "friday, fri, freitag, vendredi, viernes, venerdì, Παρασκευή, Παρασκευής",
    "saturday, samstag, sonnabend, samedi, sábado, sabato, Σάββατο, Σαββάτου",
    "sunday, sonntag, dimanche, domingo, domenica, Κυριακή, Κυριακής",
)
_GERMAN_WEEKDAYS = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag")
_GERMAN_PARTS = ("morgen", "früh", "vormittag", "mittag", "nachmittag", "abend")
_SHORT_WEEKDAYS = ("mon, lun", "", "mie", "jeu, gio, jue", "ven, vie", "sat, sab", "sun, dom")
_MONTHS = (
    (
        "january, jan, januar, jänner, janvier, janv, enero, ene, gennaio, Ιανουαρίου, Ιανουάριος,"
        "Ιανουάριο, Ιαν, Γενάρη"
    ),
    (
        "february, feb, februar, février, févr, febrero, febbraio, Φεβρουαρίου, Φεβρουάριος,"
        "Φεβρουάριο, Φεβ, Φλεβάρη"
    ),
    "march, mar, märz, maerz, mars, marzo, Μαρτίου, Μάρτιος, Μάρτιο, Μαρ, Μάρτη",
    "april, apr, avril, avr, abril, abr, aprile, Απριλίου, Απρίλιος, Απρίλιο, Απρ, Απρίλη",
    "may, mai, mayo, maggio, Μαΐου, Μάιος, Μάιο, Μάη",
    "june, jun, juni, juin, junio, giugno, giu, Ιουνίου, Ιούνιος, Ιούνιο, Ιουν, Ιούνη",
    "july, jul, juli, juillet, juil, julio, luglio, lug, Ιουλίου, Ιούλιος, Ιούλιο, Ιουλ, Ιούλη",
    "august, aug, août, aout, agosto, Αυγούστου, Αύγουστος, Αύγουστο, Αυγ",
    (
        "september, sep, sept, septembre, septiembre, setiembre, settembre, sett, Σεπτεμβρίου,"
        "Σεπτέμβριος, Σεπτέμβριο, Σεπ, Σεπτ, Σεπτέμβρη"
    ),
    (
        "october, oct, oktober, okt, octobre, octubre, ottobre, ott, Οκτωβρίου, Οκτώβριος,"
        "Οκτώβριο, Οκτ, Οκτώβρη"
    ),
    "november, nov, novembre, noviembre, Νοεμβρίου, Νοέμβριος, Νοέμβριο, Νοε, Νοέμβρη",
    (
        "december, dec, dezember, dez, décembre, déc, diciembre, dicembre, dic, Δεκεμβρίου,"
        "Δεκέμβριος, Δεκέμβριο, Δεκ, Δεκέμβρη"
    ),
)
_COUNTS = (
    "one, a, an, ein, eine, einer, einem, einen, un, une, una, uno, μία, μια, ένα, έναν",
    "two, zwei, deux, dos, due, δύο, δυο",
    "three, drei, trois, tres, tre, τρεις, τρία",
    "four, vier, quatre, cuatro, quattro, τέσσερις, τέσσερα",
    "five, fünf, cinq, cinco, cinque, πέντε",
    "six, sechs, seis, sei, έξι",
    "seven, sieben, sept, siete, sette, επτά, εφτά",
    "eight, acht, huit, ocho, otto, οκτώ, οχτώ",
    "nine, neun, neuf, nueve, nove, εννέα, εννιά",
    "ten, zehn, dix, diez, dieci, δέκα",
    "eleven, elf, onze, once, undici, έντεκα",
    "twelve, zwölf, douze, doce, dodici, δώδεκα",
    "thirteen, dreizehn",
    "fourteen, vierzehn, quatorze, catorce, quattordici, δεκατέσσερις",
    "fifteen, quinze, quince, quindici, δεκαπέντε",
)
_NTHS = (
    (
        "first, erste, ersten, erster, erstem, premier, première, primer, primera, primo, prima,"
        "πρώτη, πρώτο"
    ),
    (
        "second, zweite, zweiten, zweiter, deuxième, segundo, segunda, secondo, seconda, δεύτερη,"
        "δεύτερο"
    ),
    "third, dritte, dritten, dritter, troisième, tercer, tercero, terzo, τρίτο",
    "fourth, vierte, vierten, vierter, quatrième, cuarto, quarto, τέταρτη, τέταρτο",
)
NIGHTS = "tonight, heute nacht, cette nuit, esta noche, stanotte, απόψε"
"""Phrases for a night: its small hours are tomorrow's."""

_NUMBERED = {
    ("R", -2): "day before yesterday, the day before yesterday, vorgestern, avant-hier,"
    "avant hier, anteayer, l'altro ieri, προχθές, προχτές",
    ("R", -1): "yesterday, last night, gestern, ayer, anoche, ieri, χθες, χτες",
    ("R", 0): f"{NIGHTS}, today, this morning, this afternoon, this evening, heute, heute morgen,"
    "heute früh, heute mittag, heute abend, aujourd'hui, aujourdhui, ce soir, ce matin,"
    "cet après-midi, hoy, esta mañana, esta tarde, oggi, stasera, questa sera, stamattina,"
    "questa mattina, questo pomeriggio, σήμερα, σήμερα το βράδυ, σήμερα το πρωί",
    ("R", 1): "tomorrow, tmrw, tomorrow morning, morgen, morgen früh, morgen mittag, morgen abend,"
    "demain, demain matin, demain soir, mañana, mañana por la mañana, domani, domattina,"
    "domani mattina, domani sera, αύριο, αύριο το πρωί, αύριο το βράδυ",
    ("R", 2): "day after tomorrow, the day after tomorrow, übermorgen, uebermorgen, après-demain,"
    "après demain, pasado mañana, dopodomani, dopo domani, μεθαύριο",
    ("U", 1): "day, days",
    ("U", -1): "tag, tage, tagen, jour, jours, día, días, giorno, giorni, μέρα, μέρες, ημέρα,"
    "ημέρες",
    ("U", 7): "week, weeks, woche, wochen, semaine, semaines, semana, semanas, settimana,"
    "settimane, εβδομάδα, εβδομάδες, βδομάδα, βδομάδες, week's, weeks'",
    ("U", 14): "fortnight",
    ("z", 7): "en huit",
    ("z", 14): "en quinze",
    ("k", 0): "diese woche, dieser woche, cette semaine, esta semana, questa settimana,"
    "αυτή την εβδομάδα",
    ("k", 1): "nächste woche, nächster woche, kommende woche, kommender woche,"
    "la semaine prochaine, semaine prochaine, próxima semana, semana próxima,"
    "semana que viene, prossima settimana, settimana prossima, επόμενη εβδομάδα,"
    "επόμενης εβδομάδας, την άλλη εβδομάδα",
    ("k", 2): "übernächste woche, übernächster woche",
    ("K", 0): "this week",
    ("K", 1): "next week, the following week",
    ("K", 2): "week after next, the week after next",
    ("m", 0): "this month, diesen monat, dieses monats, ce mois, este mes, questo mese",
    ("m", 1): "next month, nächsten monat, nächsten monats, nächstes monats, le mois prochain,"
    "mois prochain, próximo mes, mes que viene, prossimo mese, mese prossimo,"
    "επόμενο μήνα, επόμενου μήνα",
    ("H", 1224): "christmas eve, heiligabend, heiliger abend, réveillon de noël, nochebuena,"
    "vigilia di natale, παραμονή χριστουγέννων",
    ("H", 1225): "christmas day, jour de noël, día de navidad, giorno di natale",
    ("H", 1231): "new year's eve, silvester, nochevieja, saint-sylvestre, παραμονή πρωτοχρονιάς",
    ("H", 101): "new year's day, neujahr, neujahrstag, jour de l'an, año nuevo, capodanno,"
    "πρωτοχρονιά",
    ("l", -1): "last, letzte, letzten, letzter, letztem, vergangenen, dernier, dernière, último,"
    "pasado, ultimo, scorso, τελευταία, τελευταίο, περασμένη",
}
_PLAIN = {
    "L": "month, monat, monats, mois, mes, mese, μήνα",
    "i": "in, dans, en, dentro de, tra, fra, σε",
    "h": "from now, from today, hence, ab heute, à partir d'aujourd'hui, a partire da oggi,"
    "a partir de hoy, από σήμερα",
    "x": "next, nächste, nächsten, nächster, nächstem, prochain, prochaine, próximo, próxima,"
    "que viene, prossimo, prossima, επόμενη, επόμενο, άλλη, άλλο",
    "X": "after next, übernächste, übernächsten, übernächster",
    "t": "this, coming, the coming, diesen, dieser, diesem, kommenden, kommender, ce, cette,"
    "este, questo, questa, αυτή την, αυτό το, αυτήν την, ερχόμενη, ερχόμενο, upcoming",
    "E": "end, ende, fin, fine, final, finales, τέλος, τέλη",
    "Z": "monatsende, monatsletzten, eom",
    "q": "weekend, week-end, wochenende, fin de semana, fine settimana, σαββατοκύριακο",
    "a": "at, um, gegen, à, a las, a la, alle, ore, at about, around, vers",
    "d": "am, den, zum, le, el, il, día, el día",
    "f": "the, on, of, der, das, des, dem, im, de, du, del, della, di, da, la, by, dal, in the,"
    "την, τη, το, του, της, στο, στον, στις, στη, από, from, ab, until, till, entro, hasta,"
    "μέχρι, starting",
    "p": "morning, evening, afternoon, night, in the morning, in the evening, in the afternoon,"
    "abend, vormittag, nachmittag, früh, am morgen, am abend, am nachmittag, am vormittag, soir,"
    "matin, noche, tarde, sera, mattina, πρωί, βράδυ, απόγευμα, το πρωί, το βράδυ, το απόγευμα,"
    "por la mañana, de la mañana, por la tarde, por la noche, de la noche",
    "b": "to, and, or, bis, und, oder, au, et, ou, al, y, o, e, bis zum, έως, ως, και, ή,"
    "through, thru, jusqu'au",
    "v": "for, für, pour, por, durante, per, για, lasting, während, pendant",
    "g": "before, after, not, w/c, w/b, every, every other, every second, each, since, except,"
    "without, following, week of,"
    "the week of, week commencing, week beginning, instead of, other than, rather than, vor,"
    "vor dem, nach, nach dem, nicht, nicht am, außer, jeden, jeden zweiten, jeden ersten, jede,"
    "jeder, jedes, seit, statt,"
    "woche vom, woche ab, avant, avant le, après, chaque, tous les, depuis, sauf, pas, les,"
    "semaine du, antes de, antes del, después de, después del, cada, excepto, salvo, los,"
    "todos los, no, semana del, prima di, dopo, ogni, tutti i, tranne, non, settimana del, πριν,"
    "πριν από, μετά, κάθε, εκτός, όχι, δεν",
    "u": "good friday, black friday, easter monday, easter sunday, palm sunday, ash wednesday,"
    "cyber monday, giving tuesday, shrove tuesday, whit monday, whit sunday, vendredi saint,"
    "lundi de pâques, lundi de pentecôte, viernes santo, domingo de ramos, lunes de pascua,"
    "venerdì santo, lunedì dell'angelo, domenica delle palme, μεγάλη παρασκευή,"
    "καθαρά δευτέρα, κυριακή του πάσχα, κυριακή των βαΐων, δευτέρα του πάσχα,"
    "τρίτη φορά",
    "_": "guten morgen, jeden morgen, der morgen, den morgen, la mañana, next to,"
    "next door, dernier délai, as of today, once again, fin de semana largo",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word or phrase stands for."""

    code: str
    """A letter of `CODES`."""
    number: int = 0
    is_night: bool = False


def _phrases(text: str) -> list[str]:
    return [fold(phrase, 60) for phrase in text.split(",") if phrase.strip()]


def _lexicon() -> dict[str, Meaning]:
    words: dict[str, Meaning] = {}

    def learn(text: str, code: str, number: int = 0) -> None:
        # The first meaning stays: the tables come in the order of what weighs more.
        for phrase in _phrases(text):
            words.setdefault(phrase, Meaning(code, number, phrase in nights))

    nights = frozenset(_phrases(NIGHTS))
    for code, table, first in (
        ("W", _WEEKDAYS, 0),
        ("w", _SHORT_WEEKDAYS, 0),
        ("M", _MONTHS, 1),
        ("n", _NTHS, 1),
        ("C", _COUNTS, 1),
    ):
        for number, text in enumerate(table, first):
            learn(text, code, number)
    for number, day in enumerate(_GERMAN_WEEKDAYS):
        learn(",".join(day + part for part in _GERMAN_PARTS), "W", number)
    for (code, number), text in _NUMBERED.items():
        learn(text, code, number)
    for code, text in _PLAIN.items():
        learn(text, code)
    return words


LEXICON = _lexicon()
"""Every folded word or phrase and its meaning."""
