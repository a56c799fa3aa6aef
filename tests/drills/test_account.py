"""The account balances when every job came to its one right end, and only then."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from drills.account import Account, Books, Effects, Enqueued, cast_up
from shared.enums import JobStatus

NOTE = Counter(add_tags=1, job_completed=1)
BAD = Counter(job_failed=1)


@dataclass
class Day:
    """A day of a note and a bad job, and a note that may have got in and did not."""

    enqueued: Enqueued = field(
        default_factory=lambda: Enqueued(
            {"g1": Counter(NOTE), "g2": Counter(BAD)}, {"g3": Counter(NOTE)}, refused=2
        )
    )
    statuses: dict[str, JobStatus] = field(
        default_factory=lambda: {"g1": JobStatus.COMPLETED, "g2": JobStatus.FAILED}
    )
    effects: dict[str, Effects] = field(
        default_factory=lambda: {"g1": Counter(NOTE), "g2": Counter(BAD)}
    )
    left: list[str] = field(default_factory=list[str])
    letters: list[str] = field(default_factory=lambda: ["g2"])

    def account(self) -> Account:
        """How it adds up."""
        return cast_up(self.enqueued, Books(self.statuses, self.effects, self.left, self.letters))


def test_a_good_day() -> None:
    """Each job is counted where it belongs."""
    assert Day().account() == Account(
        enqueued=2, not_taken=3, done=1, dead=1, wrongly_dead=(), left=(), lost=(), twice=()
    )
    assert Day().account().balances


def test_an_unconfirmed_job_that_was_done_is_one_of_ours() -> None:
    """Its XADD got no answer and worked all the same."""
    day = Day()
    day.statuses["g3"] = JobStatus.COMPLETED
    day.effects["g3"] = Counter(NOTE)
    account = day.account()
    assert (account.enqueued, account.not_taken, account.done) == (3, 2, 2)
    assert account.balances


def test_a_bad_job_may_be_replayed() -> None:
    """It ends as a dead letter once more, by the trainee's own hand."""
    day = Day()
    day.effects["g2"]["job_failed"] = 2
    assert day.account().balances


def _nowhere(day: Day) -> str:
    del day.statuses["g1"]
    return "lost"


def _bad_one_nowhere(day: Day) -> str:
    del day.statuses["g2"]
    day.letters.clear()
    return "lost"


def _unfinished(day: Day) -> str:
    day.statuses["g1"] = JobStatus.PROCESSING
    return "lost"


def _half_done(day: Day) -> str:
    del day.effects["g1"]["add_tags"]
    return "lost"


def _bad_one_done(day: Day) -> str:
    day.statuses["g2"] = JobStatus.COMPLETED
    return "lost"


def _unconfirmed_and_begun(day: Day) -> str:
    day.statuses["g3"] = JobStatus.PROCESSING
    return "lost"


def _effect_twice(day: Day) -> str:
    day.effects["g1"]["add_tags"] = 2
    return "twice"


def _end_twice(day: Day) -> str:
    day.effects["g1"]["job_completed"] = 2
    return "twice"


def _good_one_dead(day: Day) -> str:
    day.statuses["g1"] = JobStatus.FAILED
    day.effects["g1"] = Counter(BAD)
    return "wrongly_dead"


def _good_letter(day: Day) -> str:
    day.letters.append("g1")
    return "wrongly_dead"


def _waiting(day: Day) -> str:
    del day.statuses["g1"]
    day.left.append("g1")
    return "left"


@pytest.mark.parametrize(
    "spoil",
    [
        *(_nowhere, _bad_one_nowhere, _unfinished, _half_done, _bad_one_done),
        *(_unconfirmed_and_begun, _effect_twice, _end_twice, _good_one_dead, _good_letter),
        _waiting,
    ],
)
def test_whatever_is_wrong_shows(spoil: Callable[[Day], str]) -> None:
    """In its own row."""
    day = Day()
    row = spoil(day)
    account = day.account()
    assert not account.balances
    assert getattr(account, row)
