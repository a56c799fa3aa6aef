"""Whatever the words are: no exception, a moment that can be written, the same one everywhere."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.dates import SaidMoment, is_plausible, resolve
from worker.dates.vocabulary import CODES, LEXICON

ZONES = (
    *("Europe/Athens", "America/Havana", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia", "America/St_Johns", "UTC"),
)
_BITS = st.one_of(
    st.sampled_from(sorted(LEXICON)),
    st.sampled_from([*".,-/:()", "5", "31", "29", "2028", "1st", "14.12.", "3/4", "3 pm", "14:30"]),
    st.integers(0, 9999).map(str),
    st.text(max_size=6),
)
_QUOTES = st.one_of(st.text(max_size=200), st.lists(_BITS, max_size=12).map(" ".join))
_SHORT = st.none() | st.text(max_size=40) | st.lists(_BITS, max_size=4).map(" ".join)
_DAYS = _SHORT | st.dates().map(date.isoformat)
_TIMES = _SHORT | st.times().map(lambda each: each.isoformat("minutes"))
_SAID = st.builds(
    SaidMoment,
    day=_DAYS,
    time=_TIMES,
    weekday=_SHORT,
    zone=_SHORT | st.sampled_from(ZONES),
    quote=_QUOTES,
)
_SENT = st.none() | st.datetimes(timezones=st.sampled_from(ZONES).map(ZoneInfo) | st.none())
_HOMES = st.sampled_from(ZONES).map(ZoneInfo)


@given(said=_SAID, home=_HOMES, sent=_SENT)
def test_a_moment_can_be_written(said: SaidMoment, home: ZoneInfo, sent: datetime | None) -> None:
    """Never an exception; a date for a day, else an offset of whole minutes and a sane year."""
    moment = resolve(said, home, sent)
    if moment is None:
        return
    assert is_plausible(moment) or moment.year in {1972, 2200}  # a gap or a midnight further
    if isinstance(moment, datetime):
        offset = moment.utcoffset()
        assert offset is not None
        assert offset % timedelta(minutes=1) == timedelta(0)
        assert datetime.fromisoformat(moment.isoformat()) == moment


@given(said=_SAID, home=_HOMES, sent=_SENT)
def test_twice_is_the_same(said: SaidMoment, home: ZoneInfo, sent: datetime | None) -> None:
    """And in whatever zone the message's time is told."""
    moment = resolve(said, home, sent)
    assert resolve(said, home, sent) == moment
    if sent is not None and sent.tzinfo is not None and is_plausible(sent):
        told = sent.astimezone(UTC)
        if is_plausible(told):
            assert resolve(said, home, told) == moment


@contextmanager
def _machine_in(zone: str, patch: pytest.MonkeyPatch) -> Generator[None]:
    with patch.context() as inner:
        inner.setitem(os.environ, "TZ", zone)
        time.tzset()
        try:
            yield
        finally:
            inner.undo()
            time.tzset()


@given(said=_SAID, home=_HOMES, sent=_SENT, machine=st.sampled_from(ZONES))
def test_the_machine_does_not_matter(
    said: SaidMoment, home: ZoneInfo, sent: datetime | None, machine: str
) -> None:
    """Its local zone is none of the message's."""
    with _machine_in("UTC", pytest.MonkeyPatch()):
        moment = resolve(said, home, sent)
    with _machine_in(machine, pytest.MonkeyPatch()):
        assert resolve(said, home, sent) == moment


class _NoClock(datetime):
    """A datetime nobody may ask for the time."""

    @classmethod
    def now(cls, tz: object = None) -> "_NoClock":
        raise AssertionError(tz)

    today = now  # pyright: ignore[reportAssignmentType] - the same trap


def test_the_clock_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is run again tomorrow gives the same answer."""
    monkeypatch.setattr("worker.dates.moment.datetime", _NoClock)
    monkeypatch.setattr("worker.dates.day_rules.datetime", _NoClock)
    sent = datetime.fromisoformat("2026-06-01T09:00:00+03:00")
    said = SaidMoment(None, "18:00", quote="on Friday at six")
    moment = resolve(said, ZoneInfo("Europe/Athens"), sent)
    assert moment is not None
    assert moment.isoformat() == "2026-06-05T18:00:00+03:00"


@given(said=st.dates(date(1990, 1, 1), date(2190, 1, 1)), ahead=st.integers(0, 300))
def test_a_date_in_words_is_that_date(said: date, ahead: int) -> None:
    """Whenever a message of the months before says it, with or without its year."""
    sent = datetime(said.year, said.month, said.day, 12, tzinfo=UTC) - timedelta(days=ahead)
    written = f"{said.day} {said:%B}"
    assert resolve(SaidMoment(quote=written), UTC, sent) == said
    assert resolve(SaidMoment(quote=f"{said:%A}, {written} {said.year}"), UTC, sent) == said


def test_every_word_has_a_known_code() -> None:
    """A slip in the tables would make a word mean nothing."""
    assert {meaning.code for meaning in LEXICON.values()} == set(CODES)
