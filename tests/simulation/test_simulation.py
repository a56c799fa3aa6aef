"""A share of the worlds that `make simulate` runs by the thousand, and proof that they can fail."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.simulation import planted
from tests.simulation.run import Result, simulate, simulate_many

SEEDS = 200
"""About a minute of two cores."""
FOUND_WITHIN = {
    planted.settle_without_the_fence: 60,
    planted.reclaim_of_live_leases: 3,
    planted.patch_before_record: 8,
    planted.pauses_unheard: 16,
}
"""In how many seeds each bug shows at the latest."""


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_done_twice_in_any_world() -> None:
    """Whatever goes wrong in a world, all of its jobs come to their one right end."""
    failed: list[Result] = []

    def take(result: Result) -> None:
        if result.wrongs:
            failed.append(result)

    figures = await simulate_many(0, SEEDS, jobs=2, on_result=take)
    assert figures.worlds == SEEDS
    replays = [f"python -m tests.simulation --seed {result.seed}" for result in failed]
    assert not failed, "\n".join([*replays, *failed[0].wrongs])
    assert min(figures.crashes, figures.freezes, figures.drains, figures.takeovers) > SEEDS / 10


@pytest.mark.parametrize("seed", [3539])
def test_worlds_that_went_wrong_once(seed: int) -> None:
    """3539: a hand-back was cut off when a worker thawed after its grace."""
    assert simulate(seed).wrongs == []


@pytest.mark.parametrize("seed", [3, 11])
def test_a_seed_tells_the_same_story_every_time(seed: int) -> None:
    """Two runs of a seed do the same things in the same order, to the last reply."""
    first, second = simulate(seed), simulate(seed)
    assert first.lines == second.lines
    assert first.digest == second.digest
    assert simulate(seed + 1).digest != first.digest


@pytest.mark.parametrize("plant", FOUND_WITHIN, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Callable[[], AbstractContextManager[object]]) -> None:
    """With a bug in the engine some world goes wrong, and soon."""
    with plant():
        found = next((seed for seed in range(FOUND_WITHIN[plant]) if simulate(seed).wrongs), None)
    assert found is not None
