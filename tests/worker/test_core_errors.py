"""What is said of a Core that is away: where it is, why, and what answers in its place."""

import errno

import aiohttp
import pytest

from worker.core_errors import Contact, from_answer, from_exception
from worker.errors import Halt, Snooze

CORE = Contact("http://core:8000", timeout_s=10, token="secret-token")
PAGE = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>" + b"nginx" * 99
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "x")


def test_one_that_is_not_there() -> None:
    """Address and cause, and no name of a class."""
    for error, cause in ((REFUSED, "connection refused"), (ValueError(), "the connection failed")):
        said = from_exception(error, CORE)
        assert isinstance(said, Snooze)
        assert str(said) == f"Core at http://core:8000 cannot be reached: {cause}"
        assert "start Core" in said.fix


def test_one_that_is_silent() -> None:
    """How long was waited, and that there is somebody."""
    said = from_exception(TimeoutError(), CORE)
    assert isinstance(said, Snooze)
    assert str(said) == "Core at http://core:8000 did not answer within 10 s"
    assert "says nothing" in said.fix


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (502, PAGE, "cannot be reached, says a proxy there (502)"),
        (502, b"upstream fault", "cannot be reached, says a proxy there (502): upstream fault"),
        (503, PAGE, "is not ready, says a proxy there (503)"),
        (504, PAGE, "does not answer in time, says a proxy there (504)"),
        (504, b"", "does not answer in time, says a proxy there (504)"),
    ],
)
def test_a_proxy_is_no_core(status: int, body: bytes, said: str) -> None:
    """What has to be started is behind it; its page is not quoted."""
    error = from_answer(status, body, "GET /a", CORE, 7)
    assert isinstance(error, Snooze)
    assert str(error) == f"Core at http://core:8000 {said}"
    assert (error.after_s, "behind the proxy" in error.fix) == (7, True)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, b'{"detail":"busy"}', 'Core at http://core:8000 answered 503: {"detail":"busy"}'),
        (503, b"", "Core at http://core:8000 answered 503"),
        (429, b"", "Core at http://core:8000 answered 429"),
        (
            500,
            b"<!DOCTYPE html><title>Oh &amp;\n no</title>x",
            "Core answered 500 to GET /a: Oh & no",
        ),
        (500, b"<html>no title", "Core answered 500 to GET /a"),
        (404, b"<none> of them", "Core answered 404 to GET /a: <none> of them"),
        (422, b"<title>secret-token</title>", "Core answered 422 to GET /a: ***"),
    ],
)
def test_cores_own_words(status: int, body: bytes, said: str) -> None:
    """Quoted, a page by its title; where all jobs wait for the same, they say the same."""
    assert str(from_answer(status, body, "GET /a", CORE)) == said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://core:8000/api/", "http://core:8000/api"),
        ("https://user:p@ss@core/api", "https://core/api"),
        ("core", "core"),
    ],
)
def test_an_address_without_its_login(url: str, shown: str) -> None:
    """What is logged holds no password."""
    assert str(Contact(url, 1)) == f"Core at {shown}"


def test_no_address_at_all() -> None:
    """No waiting mends it."""
    assert isinstance(from_exception(aiohttp.InvalidURL("x"), CORE), Halt)
