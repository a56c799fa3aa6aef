"""The two tables: what follows from a status, and from a broken connection."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import FailureReason
from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.llm.errors import ErrorReply, Target, retry_after_s, status_error, transport_error

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = "sk-very-secret-key"
TARGET = Target("http://llm:8080/v1", "mistral", KEY)


def _error(status: int, body: str = "", retry_after: str | None = None) -> JobError:
    return status_error(ErrorReply(status, body, retry_after), TARGET, NOW)


def _body(**error: object) -> str:
    return json.dumps({"error": error})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (100, Retryable),
        (302, Halt),
        (400, Reject),
        (401, Halt),
        (402, Halt),
        (403, Halt),
        (404, Halt),
        (405, Halt),
        (408, Retryable),
        (409, Retryable),
        (413, Reject),
        (422, Reject),
        (425, Retryable),
        (429, Snooze),
        (431, Reject),
        (500, Retryable),
        (501, Retryable),
        (502, Snooze),
        (503, Snooze),
        (504, Snooze),
        (529, Snooze),
        (999, Retryable),
    ],
)
def test_each_status_has_its_consequence(status: int, kind: type[JobError]) -> None:
    """The table, as it is meant."""
    assert type(_error(status)) is kind


@given(st.integers(100, 599), st.text(max_size=400), st.none() | st.text(max_size=40))
def test_every_status_is_one_of_the_four(status: int, body: str, retry_after: str | None) -> None:
    """Any status, body and header give one error, the same one again, in one short line."""
    first, second = _error(status, body, retry_after), _error(status, body, retry_after)
    assert type(first) in {Retryable, Snooze, Reject, Halt}
    assert (type(first), first.args, vars(first)) == (type(second), second.args, vars(second))
    assert str(first).isprintable()
    assert len(str(first)) < 2_000


@given(
    st.recursive(
        st.none() | st.text(max_size=5),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["error", "message", "param", "code", "detail"]), x)
        ),
    )
)
def test_any_json_body_is_survived(value: object) -> None:
    """Servers disagree about the shape of an error."""
    assert isinstance(_error(400, json.dumps(value)), Reject)


@pytest.mark.parametrize(
    "body",
    [
        _body(message="maximum context length is 10 tokens", param="input_tokens", code=400),
        _body(message="maximum context length is 10 tokens", param="input_text"),
        _body(message="maximum context length is 10", code="context_length_exceeded"),
    ],
)
def test_a_prompt_that_is_too_long_says_so(body: str) -> None:
    """A person reads what to do: the prompt is too long for this model."""
    error = _error(400, body)
    assert isinstance(error, Reject)
    assert error.reason is FailureReason.MODEL_REFUSED
    assert str(error).startswith("the prompt is too long for mistral: maximum context")


def test_a_wrong_key_names_the_setting_and_shows_no_key() -> None:
    """Not even when the server repeats the key."""
    for status in (401, 403):
        error = _error(status, _body(message=f"Incorrect API key provided: {KEY[:8]}*"))
        assert "LLM_API_KEY" in str(error)
        assert "sk-" not in str(error)
    assert KEY not in str(_error(500, f"Authorization: Bearer {KEY}"))
    assert KEY not in repr(TARGET)


def test_an_unknown_model_and_a_wrong_address_differ() -> None:
    """Both stop the worker, each with the setting to look at."""
    unknown = _body(message="The model `mistral` does not exist.", param="model")
    assert "has no model 'mistral'" in str(_error(404, unknown))
    assert "'mistral'" in str(_error(404, _body(message="model 'mistral' not found")))
    assert "LLM_BASE_URL" in str(_error(404, '{"detail": "Not Found"}'))


def test_foreign_text_is_one_short_printable_line() -> None:
    """Whatever the server writes cannot break a log line or fill it."""
    shown = str(_error(500, "a\nb\x1b[31m\u202e" + "x" * 5_000))
    assert shown.startswith("the model server answered 500: a b\\x1b[31m\\u202exxx")
    assert shown.isprintable()
    assert len(shown) < 340


def test_repeated_input_is_left_out() -> None:
    """Validation errors often quote the request, which holds private text."""
    assert "diary" not in str(_error(422, "[{'loc': ['x'], 'input': 'my diary'}]"))
    assert "diary" not in str(_error(400, _body(message="bad [input_value='my diary']")))


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("86400", 120.0),
        ("9" * 400, 120.0),
        ("-3", None),
        ("soon", None),
        ("nan", None),
        ("", None),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9.0),
        (format_datetime(NOW - timedelta(days=9), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 120.0),
        ("Mon, 04 May 2026 12:00:30 -0000", 30.0),
    ],
)
def test_retry_after_in_both_forms(header: str | None, wait: float | None) -> None:
    """Seconds or a date, never more than two minutes, nonsense is ignored."""
    assert retry_after_s(header, NOW) == wait
    error = _error(503, "", header)
    assert isinstance(error, Snooze)
    assert error.after_s == wait


def _caused(outer: Exception, *causes: BaseException) -> Exception:
    link: BaseException = outer
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return outer


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (
            _caused(Exception("timed out"), httpx2.ConnectTimeout(""), OSError(111, "refused")),
            Snooze,
            "refused",
        ),
        (
            _caused(
                Exception("timed out"),
                httpx2.ConnectTimeout("Server disconnected"),
                aiohttp.ServerDisconnectedError(),
            ),
            Snooze,
            "the connection broke off",
        ),
        (_caused(Exception("x"), httpx2.ConnectError("no such host")), Snooze, "no such host"),
        (_caused(Exception("x"), httpx2.ReadTimeout("")), Retryable, "within 60 s"),
        (
            _caused(Exception("x"), httpx2.ReadTimeout(""), aiohttp.SocketTimeoutError()),
            Retryable,
            "within 60 s",
        ),
        (TimeoutError(), Retryable, "within 60 s"),
        (_caused(Exception("x"), httpx2.ReadError("half")), Retryable, "broke off: half"),
        (_caused(Exception("x"), httpx2.UnsupportedProtocol("x")), Halt, "LLM_BASE_URL"),
        (Exception(""), Retryable, "failed: Exception"),
        (Exception(KEY), Retryable, r"\*\*\*"),
    ],
)
def test_connections_are_told_apart_by_their_causes(
    error: Exception, kind: type[JobError], said: str
) -> None:
    """An absent server costs no attempt, a silent one does."""
    result = transport_error(error, 60, TARGET)
    assert type(result) is kind
    with pytest.raises(kind, match=said):
        raise result
