"""What lasts is said when it begins and each minute, with how long."""

from worker.reminding import AGAIN_S, Reminder


def test_at_once_and_each_minute() -> None:
    """However often it is met; the seconds are counted from the first time."""
    now = 100.0
    reminder = Reminder(lambda: now)
    said: list[int | None] = []
    for _ in range(8):
        said.append(reminder.due_s())
        now += AGAIN_S / 4
    assert said == [0, None, None, None, 60, None, None, None]


def test_another_one_begins_anew() -> None:
    """What is over is not counted to the next."""
    now = 100.0
    reminder = Reminder(lambda: now)
    reminder.due_s()
    assert (reminder.over(), reminder.over()) == (True, False)
    now += 5
    assert (reminder.due_s(), reminder.due_s()) == (0, None)
