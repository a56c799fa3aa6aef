"""Where a request comes from."""

import pytest

from worker.page.origins import is_own_form, is_own_name


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1:8081", True),
        ("localhost:8081", True),
        ("LOCALHOST", True),
        ("[::1]:8081", True),
        ("10.1.2.3", True),
        ("Gpu-Box.:8081", True),
        ("evil.example:8081", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("user@evil.example", False),
        ("gpu-box@evil.example", False),
        ("", False),
        ("[::1", False),
        (":8081", False),
        ("127.0.0.1:port", True),
        ("\x00", False),
    ],
)
def test_a_name_that_nobody_else_can_give_it(host: str, own: bool) -> None:
    """An address is no name; a name is ours, or may have been made to lead here."""
    assert is_own_name(host, {"gpu-box"}) is own


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:8081"}, True),
        ({"Origin": "https://127.0.0.1:8081"}, True),
        ({"Origin": "http://127.0.0.1:8082"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://[::1"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8081"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_a_form_of_another_site(headers: dict[str, str], own: bool) -> None:
    """Browsers say where it comes from; what is no browser sends nothing and has no cookies."""
    assert is_own_form({"Host": "127.0.0.1:8081"} | headers) is own
