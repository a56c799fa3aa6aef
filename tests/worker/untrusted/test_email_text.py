"""What in an email is its writer's own."""

import pytest

from worker.untrusted.email_text import own_words


@pytest.mark.parametrize(
    ("email", "own"),
    [
        ("Yes, Friday.\n\nOn Monday, Ann wrote:\n> Friday?\n> Ann", "Yes, Friday.\n\n"),
        ("Ja.\nAm Montag schrieb Ann:\n\n> Freitag?", "Ja.\n"),
        ("Oui.\nLundi, Ann a écrit :\n> Vendredi ?", "Oui.\n"),
        ("Yes.\n-- \nBo\nTel. 1", "Yes.\n"),
        ("Yes.\n----- Original Message -----\nFrom: Ann\nFriday?", "Yes.\n"),
    ],
)
def test_quotes_and_signatures_go(email: str, own: str) -> None:
    """With the line that introduces them; a line says how much is missing."""
    said = own_words(email)
    assert said.startswith(own)
    assert said.removeprefix(own).startswith("[… ")
    assert said.removeprefix(own).endswith(" characters left out …]")


def test_answers_between_quotes_stay() -> None:
    """Who answers point by point is read point by point."""
    assert own_words("> Friday?\nYes.\n> At 3?\n\nAt 4.\n") == (
        "[… 9 characters left out …]\nYes.\n[… 7 characters left out …]\nAt 4.\n"
    )


@pytest.mark.parametrize(
    "email",
    [
        "Plain words: nothing quoted.",
        "Ann wrote:\nnothing that is quoted",
        "Look:\n--\n" + "a rule between two parts\n" * 40,
        "---------- Forwarded message ---------\nFrom: Ann\nFriday at 3!",
        "> All of it\n> is quoted",
        "-- \nOnly a signature",
        "",
    ],
)
def test_what_is_not_a_quote_stays(email: str) -> None:
    """A forwarded mail is what it brings; where all is quoted, all is read."""
    assert own_words(email) == email


def test_takes_linear_time() -> None:
    """Lines made to be looked at again and again (the test's own limit stops it)."""
    for line in ("--", "x wrote:", ">", "-----", ""):
        own_words(f"a\n{line}\n" * 50_000)
