"""Each call once."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from worker.embedded.core_database import open_database, transaction
from worker.embedded.core_ledger import Call, Change, Ledger, Refused, to_json

CALL = Call("k1", "POST", "/events")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of its own file."""
    with closing(open_database(tmp_path / "core.sqlite3")) as connection:
        yield Ledger(connection)


def test_a_repeated_call_is_answered_from_memory(ledger: Ledger) -> None:
    """The second time nothing runs, and the answer is the same text."""
    first = ledger.once(CALL, 201, lambda: Change({"id": "e1"}, "create_event"))
    second = ledger.once(CALL, 201, lambda: pytest.fail("ran twice"))
    assert (first.status, first.body, first.replayed) == (201, '{"id":"e1"}', False)
    assert (second.status, second.body, second.replayed) == (201, '{"id":"e1"}', True)
    assert ledger.replays() == 1
    assert ledger.effects() == {"create_event": 1}


@pytest.mark.parametrize(
    "other",
    [
        Call("k2", "POST", "/events"),
        Call("k1", "PATCH", "/events"),
        Call("k1", "POST", "/events/2"),
    ],
)
def test_key_method_and_path_make_a_call(ledger: Ledger, other: Call) -> None:
    """A call that differs in any of them is another call."""
    ledger.once(CALL, 201, lambda: Change(1, "create_event"))
    assert not ledger.once(other, 201, lambda: Change(2, "create_event")).replayed
    assert ledger.effects() == {"create_event": 2}


def test_without_a_key_every_call_runs(ledger: Ledger) -> None:
    """An empty key is no key."""
    call = Call("", "POST", "/events")
    answers = [ledger.once(call, 201, lambda: Change(1, "create_event")) for _ in range(2)]
    assert not any(answer.replayed for answer in answers)
    assert ledger.effects() == {"create_event": 2}


def test_a_refusal_is_not_remembered(ledger: Ledger) -> None:
    """The same key may succeed later, when the reason is gone."""

    def refuse() -> Change:
        raise Refused(404, "no such memory")

    with pytest.raises(Refused, match="no such memory"):
        ledger.once(CALL, 201, refuse)
    assert not ledger.once(CALL, 201, lambda: Change(1)).replayed


def test_a_forgotten_call_counts_no_more(tmp_path: Path) -> None:
    """After a change was undone, its key starts afresh and its effect is taken back."""
    with closing(open_database(tmp_path / "core.sqlite3")) as connection:
        ledger = Ledger(connection)
        ledger.once(CALL, 201, lambda: Change(1, "create_job"))
        with transaction(connection):
            ledger.forget(CALL, "create_job")
        assert ledger.effects() == {}
        assert not ledger.once(CALL, 201, lambda: Change(2, "create_job")).replayed


def test_infinity_is_refused() -> None:
    """JSON has no word for it, so it is refused rather than written."""
    with pytest.raises(Refused, match="too large"):
        to_json({"n": float("inf")})
