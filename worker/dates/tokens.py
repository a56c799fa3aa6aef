"""Text cut into tokens: dates and times in numbers, words of known meaning, marks.

The codes of a text's tokens are a string again, one letter each, in which `day_rules` looks for
expressions: rules then say nothing of languages. Linear in the text: every pattern is of bounded
length but for runs of letters or of digits, which cannot be cut in two ways.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from worker.dates.folding import fold
from worker.dates.vocabulary import LEXICON, Meaning

LONGEST_TEXT = 400
_LONGEST_PHRASE = 4

_ALONE = r"(?<![\w.,/:-])"
_ENDS = r"(?![\w/]|[.-][0-9])"
_SCAN = re.compile(
    rf"{_ALONE}(?P<year_first>[0-9]{{4}}([-/.])[0-9]{{1,2}}\2[0-9]{{1,2}})(?:(?=t[0-9])t|{_ENDS})"
    r"|(?<![\w,/:])(?<![0-9]\.)(?P<dotted>[0-9]{1,2}\. ?[0-9]{1,2}\."
    rf"(?: ?(?:19|20|21)[0-9]{{2}}|[0-9]{{2}})?){_ENDS}"
    rf"|{_ALONE}(?P<slashed>[0-9]{{1,2}}([/-])[0-9]{{1,2}}\5(?:[0-9]{{4}}|[0-9]{{2}})){_ENDS}"
    rf"|{_ALONE}(?P<pair>[0-9]{{1,2}}/[0-9]{{1,2}}){_ENDS}"
    r"|(?<!\w)(?P<clock>[0-9]{1,2}(?:[:.][0-9]{2})?(?::[0-9]{2})? ?(?:[ap]\.?m\b|uhr\b"
    r"|h(?:[0-9]{2})?\b|[πμ]\.?μ\b)\.?|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|[0-9]{1,2}\.[0-9]{2}"
    r"(?![0-9]|\.[0-9]))"
    r"|(?<!\w)(?P<number>[0-9]{1,2})(?P<ordinal>st|nd|rd|th|er|eme|e|o|a|η|ης)?(?!\w)"
    r"|(?<!\w)(?P<year>(?:19|20|21)[0-9]{2})(?!\w)"
    r"|(?P<digits>[0-9]+\w*)"
    r"|(?P<word>w/[bc]\b|[^\W\d_]+(?:['-][^\W\d_]+)*)"
    r"|(?P<mark>[^\w\s])"
)
_ELIDED = re.compile(r"[dl]'|'s$")
_MARKS = frozenset(".,-/():;!?")
_SHORT = 5
"""A word of no more letters that is a weekday or month may end in a full stop that ends nothing."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or mark.

    Codes beside those of the vocabulary: N a number, O an ordinal in digits, Y a year, T a time of
    day, S a date in numbers, Q perhaps one (`3/4`), and the marks themselves.
    """

    code: str
    text: str
    number: int = 0
    is_night: bool = False
    dates: tuple[tuple[int, int], ...] = ()
    """For S and Q, each (month, day) that it can be."""


def tokens(text: str) -> list[Token]:
    """The tokens of a text; more than `LONGEST_TEXT` characters are not read."""
    folded = fold(text, LONGEST_TEXT)
    matches = list(_SCAN.finditer(folded))
    found: list[Token] = []
    index = 0
    while index < len(matches):
        if matches[index]["word"]:
            count, meaning, words = _longest_phrase(matches, index)
            found.append(Token(meaning.code, words, meaning.number, meaning.is_night))
            index += count
            if _is_abbreviation(found[-1]) and matches[index : index + 1]:
                index += matches[index]["mark"] == "."
            continue
        found.append(_number_or_mark(matches[index], found[-1] if found else None))
        index += 1
    return found


def _longest_phrase(matches: list[re.Match[str]], start: int) -> tuple[int, Meaning, str]:
    words = list(_words_from(matches, start))
    for count in range(len(words), 0, -1):
        phrase = " ".join(words[:count])
        meaning = LEXICON.get(phrase)
        if meaning is not None:
            return count, meaning, phrase
    bare = _ELIDED.sub("", words[0])
    return 1, LEXICON.get(bare, Meaning("_")), words[0]


def _words_from(matches: list[re.Match[str]], start: int) -> Iterator[str]:
    for match in matches[start : start + _LONGEST_PHRASE]:
        if not match["word"]:
            return
        yield match["word"]


def _is_abbreviation(token: Token) -> bool:
    return token.code in "WwM" and len(token.text) < _SHORT


def _number_or_mark(match: re.Match[str], before: Token | None) -> Token:
    text = match[0]
    if match.lastgroup in {"year_first", "dotted", "slashed", "pair"}:
        is_time = match["dotted"] and before is not None and before.code == "a"
        return Token("T", text) if is_time and len(_numbers(text)) == 2 else _numbers_date(match)
    if match.lastgroup in {"number", "ordinal"}:
        return Token("O" if match["ordinal"] else "N", text, int(match["number"]))
    if match.lastgroup == "year":
        return Token("Y", text, int(text))
    if match.lastgroup == "clock":
        return Token("T", text)
    return Token(text if text in _MARKS else "_", text)


def _numbers_date(match: re.Match[str]) -> Token:
    """A date in numbers: day first where there are full stops, either order with slashes."""
    numbers = _numbers(match[0])
    if match["year_first"]:
        year, month, day = numbers
    else:
        day, month, *years = numbers
        year = _full_year(years[0]) if years else 0
    orders = (
        {(month, day)} if match["year_first"] or match["dotted"] else {(month, day), (day, month)}
    )
    dates = tuple(sorted(each for each in orders if each[0] <= 12 and each[1] <= 31))
    is_sure = len(match[0]) == len("01/02") or not match["pair"]
    code = "S" if is_sure else "Q"
    return Token(code if dates else "_", match[0], year, dates=dates)


def _full_year(year: int) -> int:
    return year if year > 99 else 2000 + year


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", text)]
