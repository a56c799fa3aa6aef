"""What becomes of the tags a model says."""

import pytest

from worker.handlers.tags import fold_tags


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (["Summer  Trip", "summer\ttrip"], ["summer trip"]),
        (["##beach!", "beach?!", "be\u200bach…"], ["beach"]),
        (["Straße", "STRASSE"], ["straße"]),
        (["cafe\u0301", "café"], ["café"]),
        (["c#", "c++", "node.js"], ["c#", "c++", "node.js"]),
        (["İ" * 60, "ok"], ["ok"]),
        (["", "  ", "#", "."], []),
        (["b", "a", "b", "c"], ["b", "a", "c"]),
    ],
)
def test_fold_tags(said: list[str], kept: list[str]) -> None:
    """Tags are folded, repeated and empty ones dropped, the order kept."""
    assert fold_tags(said) == kept
