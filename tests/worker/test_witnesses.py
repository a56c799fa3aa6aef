"""Several witnesses are told what one would be."""

from unittest.mock import Mock, call

from tests.builders import job, tagged
from worker.job import NOBODY
from worker.retry import Retry
from worker.witnesses import all_of


def test_each_is_told_of_each_step() -> None:
    """In the order in which they were given."""
    journal, made, outcome, why = Mock(), job(), tagged("m1"), Retry(1.0, "why")
    witness = all_of(journal.a, None, journal.b)
    witness.seen(made)
    witness.started(made)
    witness.retried(made, why)
    witness.told(made, outcome)
    witness.ended(made, outcome)
    witness.left(made, "handed_back")
    assert journal.method_calls == [
        *(call.a.seen(made), call.b.seen(made)),
        *(call.a.started(made), call.b.started(made)),
        *(call.a.retried(made, why), call.b.retried(made, why)),
        *(call.a.told(made, outcome), call.b.told(made, outcome)),
        *(call.a.ended(made, outcome), call.b.ended(made, outcome)),
        *(call.a.left(made, "handed_back"), call.b.left(made, "handed_back")),
    ]


def test_nobody_and_one() -> None:
    """Without going through another's hands."""
    one = Mock()
    assert all_of() is all_of(None) is NOBODY
    assert all_of(None, one) is one
