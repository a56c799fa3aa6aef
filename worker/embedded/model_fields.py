"""What a text says about a property, judged by the property's name: `email`, `total`, `due_date`.

Each rule gives every candidate in the text, best first, so that one property takes the first and a
list takes them all.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from worker.embedded.model_dates import find_clocks, find_dates
from worker.embedded.model_words import key_words, overlap, sentences, stem, stems

_MONEY_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
_CODES = "EUR|USD|GBP|JPY|CHF|SEK|NOK|DKK|PLN|CZK|CAD|AUD|INR|CNY"
# every repetition has a bound: one long line without it takes a minute
_NUMBER = r"\d{1,3}(?:[,.' ]\d{3}){1,4}(?:[.,]\d{1,2})?(?!\d)|\d{1,15}(?:[.,]\d{1,6})?"
_SIGN = rf"[€$£¥]|\b(?:{_CODES})\b|\b(?:euros?|dollars?|pounds?)\b"
_MONEY = re.compile(rf"(?:{_SIGN})\s?(?:{_NUMBER})|(?:{_NUMBER})\s?(?:{_SIGN})", re.IGNORECASE)
_ANY_NUMBER = re.compile(rf"(?<![\w.,:/-])-?(?:{_NUMBER})(?![\w:/]|-\d|[.,]\d)")
_CURRENCY = re.compile(rf"[€$£¥]|\b(?:{_CODES})\b")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_PHONE = re.compile(r"(?<![\w.,-])(?:\+|\(?0|\(?\d{3})[\d ()/-]{5,17}\d(?!\w)")
_DIALLED = re.compile(r"\+\d[\d ()/-]{6,20}\d")
_URL = re.compile(r"https?://[^\s<>\"']{0,500}[^\s<>\"'.,;:!?)]|\bwww\.[^\s<>\"']{0,500}[\w/]")
_FIRST_NAME = r"[^\Wa-z\d_][^\W\d_]{0,30}[a-zß-ÿ]"
_MORE_NAMES = r"(?:[ \t]{1,3}[^\Wa-z\d_][^\W\d_'&-]{0,30}[^\W\d_]\b){1,4}"
_NAME = rf"{_FIRST_NAME}{_MORE_NAMES}(?![\w-]{{0,20}}\d)"
_NAMES = re.compile(rf"\b{_NAME}")
_GIVERS = re.compile(rf"\b(?:[Ff]rom|[Bb]y|[Aa]t|[Vv]on|[Bb]ei)[ \t]+({_NAME})")
_TAKERS = re.compile(rf"\b(?:[Ff]or|[Tt]o|[Dd]ear|[Ff]ür|[Aa]n)[ \t]+({_NAME})")
_PLACES = re.compile(r"\b(?:in|at|to|from|near|nach|aus|bei)\s+(?:the\s+)?([^\Wa-z\d_]\w+)")
_REFERENCES = re.compile(r"(?<!\S)#?(?=[\w/-]*\d)(?:[^\W\d_][\w/-]*|\d[\d-]{3,}\w*)(?=[\s,.;:)]|$)")
_NAME_PARTS = re.compile(r"[A-Z]?[a-zß-ÿ]+|[A-Z]+(?![a-z])|\d+")
_NEGATED = re.compile(
    r"\b(?:not|no|never|without|nicht|kein\w*|ohne)\s+(?:\w+\s+)?\w+", re.IGNORECASE
)
_QUESTION = re.compile(r"^(?:is|has|was|are|have|does|can|needs?)_")
_LINE_CHARS = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A property to fill: its name, its JSON type, and its format if the schema names one."""

    name: str
    kind: str
    format: str = ""

    @property
    def words(self) -> set[str]:
        """The stems of the name's words: `customerEmails` is about `customer` and `email`."""
        return {stem(part.lower()) for part in _NAME_PARTS.findall(self.name)}


Rule = Callable[[str, datetime], list[str]]


def find_values(field: Field, text: str, written: datetime) -> list[JsonValue]:
    """Every value the text has for a field, best first; empty when it has none.

    Relative dates are counted from `written`.
    """
    match field.kind:
        case "boolean":
            return _truth(field, text)
        case "number" | "integer":
            return _numbers(field, text)
        case "string":
            return list(dict.fromkeys(_strings(field, text, written)))
        case _:
            return []


def _truth(field: Field, text: str) -> list[JsonValue]:
    wanted = stems(" ".join(_NAME_PARTS.findall(_QUESTION.sub("", field.name))))
    if not wanted:
        return []
    if overlap(wanted, stems(text)) < 0.5:
        return []
    return [overlap(wanted, stems(_NEGATED.sub(" ", text))) >= 0.5]


def _numbers(field: Field, text: str) -> list[JsonValue]:
    money = _nearest(field, text, _MONEY)
    if field.words & _MONEY_WORDS and money:
        return [value for _, value in money]
    ranked = _nearest(field, _DIALLED.sub(" ", text), _ANY_NUMBER)
    named = [value for shared, value in ranked if shared > 0]
    return named or [value for _, value in ranked or money]


def _nearest(field: Field, text: str, pattern: re.Pattern[str]) -> list[tuple[int, JsonValue]]:
    """Numbers of a text with how many of the field's words stand around them, most first."""
    found: list[tuple[int, JsonValue]] = []
    for match in pattern.finditer(text):
        before = text[max(0, match.start() - 24) : match.start()].rpartition("\n")[2]
        after = text[match.end() : match.end() + 24].partition("\n")[0]
        around = stems(f"{before} {after}")
        found.append((len(field.words & around), _number(match.group())))
    return sorted(found, key=lambda pair: -pair[0])


def _number(written: str) -> float:
    """Read `1,234.50`, `1.234,50`, `1234`: a last mark before three digits parts thousands."""
    digits = re.sub(r"[^\d.,-]", "", written).strip(".,")
    whole, mark, part = digits.rpartition("," if digits.rfind(",") > digits.rfind(".") else ".")
    if mark and len(part) != 3:
        return float(f"{re.sub('[.,]', '', whole)}.{part}")
    value = float(re.sub("[.,]", "", digits))
    return int(value) if value.is_integer() else value


def _strings(field: Field, text: str, written: datetime) -> list[str]:
    rule = _FORMATS.get(field.format) or next(
        (rule for asked, rule in _RULES if field.words & asked), None
    )
    exact = rule is not None and rule not in _LOOSE
    found = rule(text, written) if rule is not None else []
    if exact:
        return found
    return [*_labelled(field, text), *found] or _sentences_about(field, text)


def _labelled(field: Field, text: str) -> list[str]:
    """Values that stand behind the name itself: `Vendor: Blue Star`."""
    parts = [re.escape(part) for part in _NAME_PARTS.findall(field.name)]
    if not parts:
        return []
    name = r"[\s_-]*".join(parts)
    label = re.compile(rf"\b{name}s?[ \t]*[:=][ \t]*([^\n;]+)", re.IGNORECASE)
    return [match[1].strip(" .") for match in label.finditer(text)]


def _sentences_about(field: Field, text: str) -> list[str]:
    scored = [(overlap(field.words, stems(part)), part) for part in sentences(text)]
    return [part for score, part in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _days(text: str, written: datetime) -> list[str]:
    return [found.day.isoformat() for found in find_dates(text, written)]


def _moments(text: str, written: datetime) -> list[str]:
    found = find_dates(text, written)
    zone = written.tzinfo
    moments = [
        datetime(each.day.year, each.day.month, each.day.day, tzinfo=zone).replace(
            hour=each.at.hour if each.at else 0, minute=each.at.minute if each.at else 0
        )
        for each in found
    ]
    return [moment.isoformat() for moment in moments]


def _clocks(text: str, _written: datetime) -> list[str]:
    return [clock.isoformat("minutes") for clock in find_clocks(text)]


def _currencies(text: str, _written: datetime) -> list[str]:
    signs: list[str] = _CURRENCY.findall(text)
    return [_MONEY_SIGNS.get(sign, sign) for sign in signs]


def _names(text: str, _written: datetime) -> list[str]:
    """Capitalised pairs; on a line with numbers (`2 tickets at €40`) the words that are left."""
    names: list[str] = _NAMES.findall(text)
    if names or len(text) > _LINE_CHARS or not _ANY_NUMBER.search(text):
        return names
    plain = _ANY_NUMBER.sub(" ", _MONEY.sub(" ", text)).split()
    while plain and stem(plain[-1]) not in stems(plain[-1]):
        plain.pop()
    return [" ".join(plain).strip(" .,;:-")]


def _givers(text: str, written: datetime) -> list[str]:
    return [*_GIVERS.findall(text), *_names(text, written)]


def _takers(text: str, written: datetime) -> list[str]:
    return [*_TAKERS.findall(text), *_names(text, written)]


def _key_words(text: str, _written: datetime) -> list[str]:
    return key_words(text, 7)


def _openings(text: str, _written: datetime) -> list[str]:
    return sentences(text)


def _by(pattern: re.Pattern[str]) -> Rule:
    def rule(text: str, _written: datetime) -> list[str]:
        return pattern.findall(text)

    return rule


_emails, _urls, _phones = _by(_EMAIL), _by(_URL), _by(_PHONE)
_money, _places, _references = _by(_MONEY), _by(_PLACES), _by(_REFERENCES)
_MONEY_WORDS = {
    stem(word) for word in ("amount", "total", "price", "cost", "sum", "fee", "betrag", "preis")
}
_FORMATS: dict[str, Rule] = {
    "email": _emails,
    "uri": _urls,
    "date": _days,
    "date-time": _moments,
}


def _about(*names: str) -> set[str]:
    return {stem(name) for name in names}


_RULES: tuple[tuple[set[str], Rule], ...] = (
    (_about("email", "mail"), _emails),
    (_about("phone", "telephone", "mobile", "tel", "fax", "telefon"), _phones),
    (_about("url", "link", "website", "site", "homepage"), _urls),
    (_about("currency", "währung"), _currencies),
    (_about("date", "day", "deadline", "due", "birthday", "when", "datum", "tag"), _days),
    (_about("time", "clock", "uhrzeit"), _clocks),
    (_MONEY_WORDS, _money),
    (_about("number", "id", "code", "reference", "order", "invoice", "nummer"), _references),
    (_about("city", "place", "location", "destination", "country", "where", "ort"), _places),
    (_about("customer", "client", "recipient", "guest", "buyer"), _takers),
    (_about("vendor", "company", "supplier", "sender", "seller", "organization"), _givers),
    (_about("name", "person", "author", "contact", "hotel", "item", "product"), _names),
    (_about("keyword", "topic", "category", "label"), _key_words),
    (_about("title", "subject", "summary", "description", "content", "note"), _openings),
)
_LOOSE = {_names, _givers, _takers, _places, _references, _key_words, _openings, _money}
"""Rules for which a line `Name: value` in the text knows better."""
