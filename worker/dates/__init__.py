"""From the words of a date to a moment in time: pure, no clock, no guess about "now".

A model copies what a text says; the arithmetic (zones, daylight saving, weekdays, "in two weeks")
is done here against the time of the message, so that a job which is run again tomorrow gives the
same answer.

    moment.py          resolve(): all the parts of what was said become one moment
    day_words.py       the days that a quote allows: expressions found, and put together
    day_rules.py       each kind of expression, and the days it stands for
    tokens.py          text cut into words, numbers and marks of known meaning
    vocabulary.py      the words themselves, in six languages
    calendar_days.py   arithmetic on days
    clock_words.py     a time of day; clock_parts.py: its words
    zone_words.py      a time zone; zone_names.py: names people give to zones
"""

from worker.dates.calendar_days import WEEKDAYS, is_plausible
from worker.dates.moment import SaidMoment, resolve
from worker.dates.zone_words import home_zone, read_zone

__all__ = ["WEEKDAYS", "SaidMoment", "home_zone", "is_plausible", "read_zone", "resolve"]
