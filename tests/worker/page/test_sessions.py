"""What is signed with the admin token."""

from collections.abc import Callable

import pytest

from worker.page.sessions import LASTS_S, NONCE_BYTES, Sessions

NOW = 1_800_000_000.0
NONCE = bytes(range(NONCE_BYTES))
ONE = Sessions("a-token-of-this-test")
CHANGES: list[Callable[[str], str]] = [
    lambda _: "",
    lambda _: "x" * 9_999,
    lambda value: "9" + value[1:],
    lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
    lambda value: value + "\n",
    lambda value: value.replace(".", ""),
    lambda value: value.replace("1", "\N{ARABIC-INDIC DIGIT ONE}", 1),
    lambda value: f"{'9' * 12}.{value.partition('.')[2]}",
]


def test_a_session_is_known_until_it_ends() -> None:
    """Then one signs in again."""
    value = ONE.begin(NOW, NONCE)
    assert ONE.knows(value, NOW)
    assert ONE.knows(value, NOW + LASTS_S - 1)
    assert not ONE.knows(value, NOW + LASTS_S)


def test_another_worker_with_the_same_token_knows_it() -> None:
    """And one that was restarted; a new token ends every session."""
    value = ONE.begin(NOW, NONCE)
    same, other = Sessions("a-token-of-this-test"), Sessions("another-token-of-this")
    assert same.knows(value, NOW)
    assert same.cookie == ONE.cookie
    assert same.form_key(value) == ONE.form_key(value)
    assert not other.knows(value, NOW)
    assert other.cookie != ONE.cookie


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_not_known(change: Callable[[str], str]) -> None:
    """Nor what nobody has signed."""
    assert not ONE.knows(change(ONE.begin(NOW, NONCE)), NOW)


def test_a_form_is_of_its_session() -> None:
    """Not of another's, and none goes without."""
    first, second = ONE.begin(NOW, NONCE), ONE.begin(NOW, NONCE[::-1])
    key = ONE.form_key(first)
    assert ONE.is_form_key(key, first)
    assert not ONE.is_form_key(key, second)
    assert not ONE.is_form_key("", first)
    assert not ONE.is_form_key("\udcff", first)
    assert key not in first


@pytest.mark.parametrize("token", ["", "a-token-of-this-tes", "a-token-of-this-test ", "\udcff"])
def test_no_other_token_is_taken(token: str) -> None:
    """Whatever bytes it is made of."""
    assert ONE.takes("a-token-of-this-test")
    assert not ONE.takes(token)
