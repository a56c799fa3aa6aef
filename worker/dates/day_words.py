"""The days that the words of a quote allow, worked out against the time of the message.

One expression decides, or several that stand together ("tomorrow, Friday 5 June") and agree. Where
there are several that do not belong together, or one that cannot be told ("before Friday", "every
Monday"), the words decide nothing.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from worker.dates.calendar_days import Days, is_plausible
from worker.dates.day_rules import READINGS, SHAPES, WEEKDAY_RULES, Setting
from worker.dates.tokens import Token, tokens

# What may stand between two expressions of one day: "Friday at 3 pm (12 June)".
_BETWEEN = re.compile(r"[fdp,():atT-]{0,6}")
_GUARD = re.compile(r"g[fdt]{0,2}")
_LONGEST_GUARD = 3
_HABITS = frozenset({"le", "il"})
"""French and Italian articles that make a bare weekday a weekly one."""


@dataclass(frozen=True, slots=True)
class _Found:
    rule: str
    start: int
    end: int
    weekday: int | None
    days: Days | None


def days_said(quote: str, sent: datetime, minutes: int | None = None) -> Days | None:
    """The days that a quote can mean.

    Args:
        quote: the words of the message.
        sent: the message's time in the zone its words are read in.
        minutes: the time of day that goes with the day, from midnight; tells "tonight at 1" and
            "Friday" on a Friday.

    Returns:
        None when the words do not say; no day at all when what they say contradicts itself.
    """
    if not is_plausible(sent):
        return None
    said = tokens(quote)
    codes = "".join(token.code for token in said)
    merged: list[_Found] = []
    for each in _expressions(said, codes, Setting(sent, minutes)):
        gap = codes[merged[-1].end : each.start] if merged else ""
        if merged and _BETWEEN.fullmatch(gap):
            merged[-1] = _both(merged[-1], each, gap)
        else:
            merged.append(each)
    if any(_is_habit(found, said) for found in merged):
        return None
    readings = {found.days for found in merged}
    return readings.pop() if len(readings) == 1 else None


def weekday_said(text: str) -> int | None:
    """The weekday that a text names, 0 for Monday; None when it names none or several."""
    named = {token.number for token in tokens(text) if token.code in "Ww"}
    return named.pop() if len(named) == 1 else None


def _expressions(said: list[Token], codes: str, setting: Setting) -> list[_Found]:
    found: list[_Found] = []
    for match in SHAPES.finditer(codes):
        rule = match.lastgroup or ""
        span = said[match.start() : match.end()]
        weekday = next((token.number for token in span if token.code in "Ww"), None)
        guarded = any(
            _GUARD.fullmatch(codes, max(0, match.start() - length), match.start())
            for length in range(1, _LONGEST_GUARD + 1)
        )
        days = None if guarded else READINGS[rule](span, setting)
        only_weekday = weekday if rule in WEEKDAY_RULES else None
        found.append(_Found(rule, match.start(), match.end(), only_weekday, days))
    return found


def _both(one: _Found, other: _Found, gap: str) -> _Found:
    """Two expressions side by side: a weekday beside a date picks among its days."""
    days = _common(one, other)
    if days is not None and not days and ("T" in gap or "-" in gap):
        days = None  # "Monday 10:00, Tuesday 12:00": two days after all, no contradiction
    return _Found(other.rule, one.start, other.end, None, days)


def _common(one: _Found, other: _Found) -> Days | None:
    if one.days is None or other.days is None:
        return None
    if one.weekday is not None and other.weekday is not None:
        return one.days if one.days == other.days else None
    if one.weekday is not None:
        return frozenset(day for day in other.days if day.weekday() == one.weekday)
    if other.weekday is not None:
        return frozenset(day for day in one.days if day.weekday() == other.weekday)
    return one.days & other.days


def _is_habit(found: _Found, said: list[Token]) -> bool:
    return found.rule == "weekday" and found.start > 0 and said[found.start - 1].text in _HABITS
