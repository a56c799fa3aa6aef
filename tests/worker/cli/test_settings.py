"""Messages on the way out: for a person, on standard error, harmless to a terminal."""

import pytest
import typer

from worker.cli.settings import fail, printable
from worker.lifecycle import ExitCode


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe ≥ 1 …", "größe ≥ 1 …"),
        ("two\nlines", "two\nlines"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("\r\t\x07\x7f\x9b", r"\r\t\x07\x7f\x9b"),
        ("\u202eevil\ud800", r"\u202eevil\ud800"),
    ],
)
def test_control_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    """Text that cannot move the cursor, ring the bell or turn the line around."""
    assert printable(text) == shown


def test_to_fail_is_a_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error; misconfigured unless something else is said."""
    for code in (ExitCode.MISCONFIGURED, ExitCode.CRASHED):
        with pytest.raises(typer.Exit) as caught:
            fail("no\x1b", code)
        assert caught.value.exit_code == code
        assert capsys.readouterr() == ("", "llm-worker: no\\x1b\n")
    with pytest.raises(typer.Exit) as caught:
        fail("no")
    assert caught.value.exit_code == 2
