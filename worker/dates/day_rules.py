"""Each kind of day expression: its shape in token codes, and the days it stands for.

A weekday alone is the next one to come; on that very weekday it may be today or in a week. "Next
Friday" is the coming one or that of next week, as people disagree; where both are one day, it is
that. A date without year is the next one, or one of the last few days.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from worker.dates.calendar_days import (
    Days,
    coming,
    day_of,
    days_from,
    month_after,
    month_days,
    nearest,
    nth_weekday,
    week,
    week_from_sunday,
)
from worker.dates.tokens import Token

MINUTES_OF_NIGHT = 5 * 60
_WEEK = 7
_DAYS_TO_FIND_A_NUMBERED_WEEKDAY = 62
_LAST_DAYS_OF_MONTH = 10


@dataclass(frozen=True, slots=True)
class Setting:
    """What expressions are counted from."""

    sent: datetime
    """The message's time where its reader is."""
    minutes: int | None
    """The time of day that was said, in minutes from midnight."""

    @property
    def today(self) -> date:
        """The day of the message."""
        return self.sent.date()

    def is_over(self, day: date) -> bool:
        """Whether the moment that is meant would be no later than the message."""
        now = self.sent.hour * 60 + self.sent.minute
        return self.minutes is not None and day == self.today and self.minutes <= now


Span = list[Token]
Reading = Callable[[Span, Setting], Days | None]


def _only(span: Span, codes: str) -> list[Token]:
    return [token for token in span if token.code in codes]


def _number(span: Span, codes: str, default: int = 0) -> int:
    return next((token.number for token in span if token.code in codes), default)


def _dates(year: int, month: int, days: range, setting: Setting) -> Days:
    found = (
        day_of(year, month, day) if year else nearest(month, day, setting.today) for day in days
    )
    return frozenset(day for day in found if day is not None)


def _date(span: Span, setting: Setting) -> Days:
    """One day of a month or, "3-5 June", any of several."""
    numbers = [token.number for token in _only(span, "NO")]
    days = range(min(numbers), max(numbers) + 1)
    return _dates(_number(span, "Y"), _number(span, "M"), days, setting)


def _numeric(span: Span, setting: Setting) -> Days:
    token = span[-1]
    days = [_dates(token.number, month, range(day, day + 1), setting) for month, day in token.dates]
    return frozenset[date]().union(*days)


def _numeric_range(span: Span, setting: Setting) -> Days | None:
    """`12.-14.6.`: from a day to a date."""
    last = _numeric(span, setting)
    if len(last) != 1:
        return None
    end = next(iter(last))
    first = _number(span, "NO")
    return _dates(end.year, end.month, range(first, end.day + 1), setting) or None


def _slashed_days(span: Span, setting: Setting) -> Days | None:
    """`3/4 June`: either day."""
    numbers = [int(number) for number in re.findall("[0-9]+", span[0].text)]
    year, month = _number(span, "Y"), _number(span, "M")
    return _dates(year, month, range(min(numbers), max(numbers) + 1), setting) or None


def _relative(span: Span, setting: Setting) -> Days:
    ahead = span[0].number
    small_hours = setting.minutes is not None and setting.minutes < MINUTES_OF_NIGHT
    if span[0].is_night and small_hours and setting.sent.hour * 60 >= MINUTES_OF_NIGHT:
        ahead += 1
    return days_from(setting.today + timedelta(days=ahead), 1)


def _span_days(span: Span) -> set[int]:
    """How many days "two weeks" are; "in acht Tagen" and its like may be a week, or eight days."""
    unit = next(token for token in reversed(span) if token.code == "U")
    counts = [token.number for token in _only(span, "CN")]
    if not counts:  # "tomorrow week" is a week from tomorrow; "tomorrow days" is nothing
        return {unit.number} if unit.number >= _WEEK else set()
    count = counts[0]
    if unit.number > 0:
        return {count * unit.number}
    return {count, count - 1} if count in {8, 15} else {count}


def _ahead(span: Span, setting: Setting) -> Days | None:
    """Counted from today, or from the day that is named."""
    base = setting.today + timedelta(days=_number(span, "R"))
    return frozenset(base + timedelta(days=days) for days in _span_days(span)) or None


def _weekday_ahead(span: Span, setting: Setting) -> Days | None:
    """`Friday week`, `a week on Friday`: counted from the coming one."""
    first = _weekday(span, setting)
    days_ahead = {_number(span, "z")} if _only(span, "z") else _span_days(span)
    weeks = {days - days % _WEEK for days in days_ahead} - {0}
    return frozenset(day + timedelta(days=days) for day in first for days in weeks) or None


def _weekday_in_weeks(span: Span, setting: Setting) -> Days | None:
    """`on Friday in two weeks`: from the coming Friday, or from this week."""
    counted = _weekday_ahead(span, setting)
    if counted is None:
        return None
    weeks = min(_span_days(span)) // _WEEK
    weekday = _number(span, "W")
    return counted | {day for day in week(setting.today, weeks) if day.weekday() == weekday}


def _weekday(span: Span, setting: Setting) -> Days:
    first = coming(_number(span, "Ww"), setting.today)
    if first != setting.today:
        return frozenset({first})
    later = first + timedelta(days=_WEEK)
    return frozenset({later}) if setting.is_over(first) else frozenset({first, later})


def _next_weekday(span: Span, setting: Setting) -> Days:
    weekday = _number(span, "W")
    today = setting.today
    first = coming(weekday, today + timedelta(days=1))
    weeks = week(today, 1) | week_from_sunday(today, 1)
    return frozenset({first, *(day for day in weeks if day.weekday() == weekday and day > today)})


def _weekday_after_next(span: Span, setting: Setting) -> Days:
    return frozenset(day + timedelta(days=_WEEK) for day in _next_weekday(span, setting))


def _last_weekday(span: Span, setting: Setting) -> Days:
    before = setting.today - timedelta(days=_WEEK)
    return frozenset({coming(_number(span, "W"), before)})


def _numbered_weekday(span: Span, setting: Setting) -> Days | None:
    """`Friday the 12th`: the next 12th that is a Friday, if it is near."""
    days = days_from(setting.today, _DAYS_TO_FIND_A_NUMBERED_WEEKDAY)
    wanted = (_number(span, "W"), _number(span, "NO"))
    fitting = sorted(day for day in days if (day.weekday(), day.day) == wanted)
    return frozenset(fitting[:1]) or None


def _nth_weekday(span: Span, setting: Setting) -> Days | None:
    """`the first Monday in June`, `the last Friday of the month`."""
    nth, weekday = _number(span, "nOl"), _number(span, "W")
    months = [month_after(setting.today, ahead) for ahead in range(13)]
    if _only(span, "M"):
        year, named = _number(span, "Y"), _number(span, "M")
        months = [(year, named)] if year else [month for month in months if month[1] == named]
    elif _only(span, "m"):
        months = [month_after(setting.today, _number(span, "m"))]
    found = [nth_weekday(month_days(*month), weekday, nth) for month in months]
    coming_ones = sorted(
        day for day in found if day is not None and (_only(span, "Y") or day >= setting.today)
    )
    return frozenset(coming_ones[:1]) or None


def _month_end(span: Span, setting: Setting) -> Days:
    """The last day; "the end of June" is any of the last ten."""
    if _only(span, "M"):
        year, month = _number(span, "Y"), _number(span, "M")
        known = _dates(year, month, range(1, 2), setting) if year else None
        first = min(known) if known else _month_to_come(month, setting)
        return frozenset(month_days(first.year, first.month)[-_LAST_DAYS_OF_MONTH:])
    return frozenset(month_days(*month_after(setting.today, _number(span, "m")))[-1:])


def _month_to_come(month: int, setting: Setting) -> date:
    today = setting.today
    return date(today.year + (month < today.month), month, 1)


def _week(span: Span, setting: Setting) -> Days:
    days = week(setting.today, span[-1].number)
    if span[-1].code == "K":
        days |= week_from_sunday(setting.today, span[-1].number)
    return days


def _week_end(span: Span, setting: Setting) -> Days:
    """`the end of the week` may be its last working day."""
    ahead = _number(span, "kK")
    return frozenset(day for day in week(setting.today, ahead) if day.weekday() >= 4)


def _weekend(_: Span, setting: Setting) -> Days:
    return frozenset(day for day in days_from(setting.today, 14) if day.weekday() >= 5)


def _month(span: Span, setting: Setting) -> Days:
    return frozenset(month_days(*month_after(setting.today, span[-1].number)))


def _day_of_month(span: Span, setting: Setting) -> Days:
    """`the 5th`: of this month or the next; `the 5th of next month`."""
    number, today = _number(span, "NO"), setting.today
    if _only(span, "mL"):
        days = [day_of(*month_after(today, _number(span, "m")), number)]
    else:
        days = [day_of(*month_after(today, ahead), number) for ahead in range(3)]
        days = [day for day in days if day is not None and day >= today][:1]
    return frozenset(day for day in days if day is not None)


def _holiday(span: Span, setting: Setting) -> Days:
    """`Christmas Eve`, which has one date."""
    month, day = divmod(span[0].number, 100)
    return _dates(_number(span, "Y"), month, range(day, day + 1), setting)


def _unclear(_span: Span, _setting: Setting) -> None:
    """There is a day in it, but which?"""


_F = "[fd]"
_YEAR = f"(?:-?,?{_F}{{0,2}}-?Y)?"
_CLOSED = r"(?=$|[,;:!?().aT])"
# After a bare number a full stop may only make it an ordinal: "am 5. Stock" is no day.
_DAY = rf"(?:O{_CLOSED}|N(?:\.(?![_CNOM])|(?=$|[,;:!?()aT])))"
_RULES: tuple[tuple[str, str, Reading], ...] = (
    ("unclear", rf"u|W(?=g(?!{_F}?[TNa]))", _unclear),
    ("unclear_span", rf"[CN]U{_F}{{0,2}}[xX]{_F}?W", _unclear),
    ("holiday", f"H{_YEAR}", _holiday),
    ("nth_weekday", f"[nOl]{_F}?W[fdi]{{0,3}}(?:M{_YEAR}|m|L)", _nth_weekday),
    ("numbered", f"[nO]{_F}?W(?!{_F}{{0,2}}[NO]|,)", _unclear),
    (
        "days",
        rf"(?<!a)(?:[NO]\.?{_F}?[b/,-]{_F}{{0,2}}){{1,3}}[NO]\.?{_F}{{0,2}}M{_YEAR}",
        _date,
    ),
    ("days_after", f"M{_F}?[NO][b-][NO](?![fd-]{{0,2}}M){_YEAR}", _date),
    ("numeric_days", rf"[NO]\.?[b-]{_F}{{0,2}}S", _numeric_range),
    ("slashed_days", f"Q{_F}?M{_YEAR}", _slashed_days),
    ("date", rf"[NO]\.?-?{_F}{{0,2}}M{_YEAR}", _date),
    ("date_after", rf"M{_F}?[NO](?![bfd-]{{0,2}}M){_YEAR}", _date),
    ("numeric", "S|(?<=[Wwfd])Q|(?<=W,)Q", _numeric),
    ("in_weeks_weekday", f"Wi[CN]U(?!b)|i[CN]U,?{_F}{{0,2}}W", _weekday_in_weeks),
    ("ahead", f"Ri[CN]U(?!b)|(?<!v)[CN]U{_F}{{0,2}}R|[CN]Uh|RU|i[CN]U(?!b)", _ahead),
    ("spans", "i[CN]U", _unclear),
    ("weekday_ahead", f"(?<!v)[CN]U{_F}{{0,2}}W|WU|Wz", _weekday_ahead),
    ("after_next", f"X{_F}?W|WX", _weekday_after_next),
    ("last_weekday", f"l{_F}?W|W{_F}?l", _last_weekday),
    ("next_weekday", f"x{_F}?W|W{_F}?x", _next_weekday),
    ("weekday_of", rf"W,?{_F}{{0,2}}{_DAY}", _numbered_weekday),
    ("weekday", "t?W|w(?=a?T)", _weekday),
    ("relative", "R", _relative),
    ("month_end", f"E{_F}{{0,2}}(?:L|m|M{_YEAR})|Z", _month_end),
    ("week_end", f"E{_F}{{0,2}}[kKU]", _week_end),
    ("day_of_month", rf"O{_F}{{1,2}}[mL]|(?<=f)O{_CLOSED}|(?<=d){_DAY}", _day_of_month),
    ("week", "[kK]", _week),
    ("weekend", "q", _weekend),
    ("month", "m", _month),
)
SHAPES = re.compile("|".join(f"(?P<{name}>{shape})" for name, shape, _ in _RULES))
"""Any expression in the codes of a text's tokens; `lastgroup` is the key of `READINGS`."""
READINGS = {name: reading for name, _, reading in _RULES}
WEEKDAY_RULES = frozenset({"weekday", "next_weekday", "last_weekday", "after_next"})
"""Expressions that beside another one only say its weekday."""
