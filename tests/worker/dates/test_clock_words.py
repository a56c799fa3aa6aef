"""Times of day in many spellings. `evaluation/date_expressions` has more of them."""

import pytest

from worker.dates.clock_words import read_clock, says_midnight


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        *(("15:30", 15, 30), ("9:05", 9, 5), ("15.30", 15, 30), ("T15:30:00.123", 15, 30)),
        *(("3 pm", 15, 0), ("3.30pm", 15, 30), ("3:30 P.M.", 15, 30), ("15:30 pm", 15, 30)),
        *(("12 am", 0, 0), ("12 pm", 12, 0), ("12:30am", 0, 30), ("00:30 am", 0, 30)),
        *(("noon", 12, 0), ("Mittags", 12, 0), ("mediodía", 12, 0), ("midnight", 24, 0)),
        *(("24:00", 24, 0), ("24 Uhr", 24, 0), ("minuit", 24, 0), ("0:00", 0, 0)),
        *(("14 Uhr", 14, 0), ("um 14 Uhr 30", 14, 30), ("8 Uhr früh", 8, 0), ("8 Uhr", 8, 0)),
        *(("15h", 15, 0), ("15h30", 15, 30), ("20 heures 15", 20, 15), ("1500", 15, 0)),
        *(("8 in the morning", 8, 0), ("8 abends", 20, 0), ("three in the afternoon", 15, 0)),
        *(("12 in the afternoon", 12, 0), ("11 at night", 23, 0), ("8 de la tarde", 20, 0)),
        *(("half past eight pm", 20, 30), ("a quarter to 3 pm", 14, 45), ("3 μ.μ.", 15, 0)),
        *(("9 o'clock in the morning", 9, 0), ("~15:00", 15, 0), ("ca. 15 Uhr", 15, 0)),
        *(("15:00-17:00", 15, 0), ("3-5 pm", 15, 0), ("11 am to 1 pm", 11, 0), ("14", 14, 0)),
    ],
)
def test_read(text: str, hour: int, minute: int) -> None:
    """Every spelling with one meaning has it."""
    assert read_clock(text) == hour * 60 + minute


@pytest.mark.parametrize(
    "text",
    [
        *("", "8", "08", "8 o'clock", "half past eight", "halb neun", "evening", "in the morning"),
        *("24:01", "25:00", "12:60", "15 am", "0 pm", "2 at night", "12 in the morning", "800"),
        *(
            "15:30Z",
            "15:30+02:00",
            "3ish",
            "10-12",
            "5-3 pm",
            "1 pm - 11 am",
            "\u0660\u0668:\u0660\u0660",
            "1" * 9,
        ),
        *("twelve", "quarter past", "half past noon", "16 in the morning", ":", "-", "at", "uhr"),
    ],
)
def test_unreadable(text: str) -> None:
    """What can be two times, or none, is none."""
    assert read_clock(text) is None


def test_says_midnight() -> None:
    """The word, not its letters inside another."""
    assert says_midnight("Party until MIDNIGHT!")
    assert says_midnight("τα μεσάνυχτα")
    assert not says_midnight("the midnighters play at noon")
