"""A time of day out of the many spellings of one; what has two readings has none."""

import re

from worker.dates.clock_parts import HOURS, LEADS, MIDNIGHTS, NOONS, PARTS, Part
from worker.dates.folding import fold

DAY = 24 * 60
"""Minutes of a day, and the time of day that is its end."""
_LONGEST = 40

_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2})"
    r"(?: ?(?:[:.]|h|uhr|heures?) ?(?P<minute>[0-9]{2})(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?"
    r"(?P<rest> ?\D{0,30})"
)
_FOUR_DIGITS = re.compile(r"(?P<hour>[01][0-9]|2[0-4])(?P<minute>[0-5][0-9])(?: ?(?:h|hrs|uhr))?")
_SPOKEN = re.compile(
    r"(?:(?P<step>half past|(?:a )?quarter past|(?:a )?quarter to) )?"
    r"(?P<hour>[a-z]{2,7}|[0-9]{1,2})(?: o'clock)? (?P<rest>[^0-9]{2,30})"
)
_STEPS = {None: 0, "half past": 30, "quarter past": 15, "quarter to": -15}
_RANGE = re.compile(r" ?(?:-| to | bis ) ?")
_WORDS = re.compile(r"[^\W\d_]+")


def read_clock(text: str) -> int | None:
    """Minutes from midnight, up to `DAY` for the end of the day; of a range its beginning.

    Returns:
        None for what is no time, and for what can be two: "8", "half past eight".
    """
    said = fold(text, _LONGEST).strip(" .,;()")
    whole = _one_clock(said)
    if whole is not None:
        return whole
    ends = _RANGE.split(said)
    return _beginning(ends[0], ends[1]) if len(ends) == 2 else None


def says_midnight(text: str) -> bool:
    """Whether a text has a word for midnight."""
    return not MIDNIGHTS.isdisjoint(_WORDS.findall(fold(text, 400)))


def _beginning(start: str, end: str) -> int | None:
    """`3-5 pm` begins in the afternoon, `11 am - 1 pm` does not."""
    last = _one_clock(end)
    if last is None:
        return None
    alone = _one_clock(start)
    part = end.lstrip("0123456789:.h")
    first = alone if alone is not None else _one_clock(f"{start} {part.strip()}")
    return first if first is not None and first < last else None


def _one_clock(said: str) -> int | None:
    said = _without_lead(said)
    if said in NOONS:
        return DAY // 2
    if said in MIDNIGHTS:
        return DAY
    four = _FOUR_DIGITS.fullmatch(said)
    if four is not None:
        return _of_day(int(four["hour"]), int(four["minute"]))
    match = _CLOCK.fullmatch(said)
    if match is not None:
        has_minutes = match["minute"] is not None
        part = PARTS.get(match["rest"].strip())
        if part is not None or not match["rest"].strip():
            minute = int(match["minute"] or 0)
            return _clock(int(match["hour"]), minute, part, alone=has_minutes)
    return _spoken(said)


def _without_lead(said: str) -> str:
    for lead in LEADS:
        rest = said.removeprefix(lead)
        # "t15:30" and "~15" need no space, "at" does.
        if rest != said and (rest[:1] == " " or (lead in {"t", "~"} and rest[:1].isdigit())):
            return rest.strip()
    return said


def _spoken(said: str) -> int | None:
    match = _SPOKEN.fullmatch(said)
    if match is None:
        return None
    part = PARTS.get(match["rest"])
    word = match["hour"]
    hour = int(word) if word.isdigit() else HOURS.get(word)
    if part is None or part is Part.ON_THE_CLOCK or hour is None:
        return None
    minutes = _clock(hour, 0, part, alone=False)
    step = (match["step"] or "").removeprefix("a ") or None
    return None if minutes is None else minutes + _STEPS[step]


def _clock(hour: int, minute: int, part: Part | None, *, alone: bool) -> int | None:
    """The minutes of an hour in a part of the day.

    Args:
        hour: as it was written.
        minute: of the hour.
        part: None when none was named.
        alone: whether it is a time without a part of the day too: `9:30` is, `9` is not.
    """
    if part is None or part is Part.ON_THE_CLOCK:
        # From 13 on an hour without minutes can only be a time of a 24-hour clock.
        is_clock = alone or part is Part.ON_THE_CLOCK or hour > 12
        return _of_day(hour, minute) if is_clock else None
    if not 1 <= hour <= 12:
        fits = part is not Part.AM and part is not Part.MORNING if hour else _is_early(part)
        return _of_day(hour, minute) if fits else None
    hours = _HOURS_OF[part]
    by_day = hour if hour in hours else hour % 12 + 12
    if part is Part.AM and hour == 12:
        by_day = 0
    return _of_day(by_day, minute) if by_day in hours else None


def _is_early(part: Part) -> bool:
    return part in {Part.AM, Part.MORNING}


_HOURS_OF = {
    Part.AM: range(12),
    Part.PM: range(12, 24),
    Part.MORNING: range(1, 12),
    Part.AFTERNOON: range(12, 21),
    Part.EVENING: range(16, 24),
    # "Friday, 2 at night" is of Friday or of Saturday: nobody knows.
    Part.NIGHT: range(20, 24),
}


def _of_day(hour: int, minute: int) -> int | None:
    minutes = hour * 60 + minute
    return minutes if minute < 60 and minutes <= DAY else None
