"""Calls to the model are read off a connection: who is asked about, refused, cut off."""

from collections import Counter

from tests.chaos.calls import Calls

QUESTION = b"POST /v1/chat/completions HTTP/1.1\r\nHost: m\r\nX-Request-Id: c7-1-0\r\n\r\n{}"
OTHER = QUESTION.replace(b"c7", b"c8")
ANSWER = b"HTTP/1.1 200 OK\r\n\r\n{}"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}"


def _nobody(job_id: str) -> None:
    raise AssertionError(f"{job_id} was excused")


def _nothing(what: str, job_id: str) -> None:
    pass


def test_a_question_in_pieces_is_in_hand() -> None:
    """The head may come in any pieces; the job is in hand with the one that ends its id."""
    calls = Calls(_nobody, _nothing)
    watch = calls.watch()
    watch.sent(QUESTION[:50])
    assert calls.in_hand == set()
    watch.sent(QUESTION[50:])
    assert calls.in_hand == {"c7"}


def test_an_answered_question_stays_in_hand() -> None:
    """The worker may be killed before it writes the answer down."""
    calls = Calls(_nobody, _nothing)
    watch = calls.watch()
    for data in (QUESTION, OTHER):
        watch.sent(data)
        watch.received(ANSWER)
    assert calls.in_hand == {"c7", "c8"}
    assert not calls.refused


def test_a_refusal_costs_nothing() -> None:
    """A 503 is counted, and nothing is in hand."""
    calls = Calls(_nobody, _nothing)
    watch = calls.watch()
    watch.sent(QUESTION)
    watch.received(REFUSAL)
    assert calls.in_hand == set()
    assert calls.refused == Counter(c7=1)


def test_a_cut_excuses_the_question_on_its_way_once() -> None:
    """What is asked on the connection may be asked again; the worker no longer has it in hand."""
    excused: list[str] = []
    calls = Calls(excused.append, _nothing)
    watch = calls.watch()
    watch.sent(QUESTION)
    watch.cut()
    assert excused == ["c7"]
    assert calls.in_hand == set()


def test_a_cut_of_an_idle_connection_excuses_nobody() -> None:
    """Nothing was asked there."""
    excused: list[str] = []
    Calls(excused.append, _nothing).watch().cut()
    assert excused == []
