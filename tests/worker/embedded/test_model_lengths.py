"""Lengths of answers."""

from dataclasses import replace

from worker.embedded.model_lengths import LengthProfile, Lengths


def test_lengths_repeat_and_spread() -> None:
    """The same seed, the same lengths; half of them above the median; none out of bounds."""
    profile = LengthProfile(100, 0.8, seed=3)
    drawn, again = ([lengths.draw(400) for _ in range(2_000)] for lengths in twice(profile))
    assert drawn == again
    assert 0.45 < sum(length > 100 for length in drawn) / 2_000 < 0.55
    assert 1 <= min(drawn) < 30
    assert max(drawn) == 400
    assert Lengths(replace(profile, sigma=0)).draw(400) == 100
    assert [Lengths(replace(profile, seed=4)).draw(400) for _ in range(1)] != drawn[:1]


def twice(profile: LengthProfile) -> tuple[Lengths, Lengths]:
    """Two of the same."""
    return Lengths(profile), Lengths(profile)
