"""The limit: within its bounds, never ahead of its use, fair, and right for the server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.llm.batching_server import Toy, jain
from worker.llm.limit import (
    CALM_S,
    HOLD_S,
    KV_MAX,
    OVERLOAD_CUT,
    QUEUE_MAX,
    STALE_S,
    AdaptiveLimit,
    Bounds,
    Load,
    Reason,
    levelled,
)

IDLE = Load(running=20, waiting=0)
QUEUED = Load(running=20, waiting=10)


def limit(start: int = 8, *, cap: int = 64, measured: bool = True) -> AdaptiveLimit:
    """One with a floor of 2."""
    return AdaptiveLimit(Bounds(2, cap, start), measured=measured)


LOADS = st.builds(
    Load, st.floats(0, 300, width=32), st.floats(0, 300, width=32), st.floats(0, 1, width=32)
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["told", "silent", "answered", "overloaded"]),
        LOADS,
        st.floats(0, 1.5),
        st.floats(0, 20),
    ),
    max_size=60,
)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50), st.booleans(), STEPS)
def test_it_stays_within_its_bounds_and_grows_only_with_use(
    floor: int,
    cap: int,
    start: int,
    measured: bool,
    steps: list[tuple[str, Load, float, float]],
) -> None:
    """Whatever happens in whatever order."""
    tested, now = AdaptiveLimit(Bounds(floor, cap, start), measured=measured), 0.0
    for kind, load, use, after_s in steps:
        before, in_flight, now = tested.value, int(use * tested.value), now + after_s
        _step(tested, kind, load, in_flight, now)
        assert min(floor, cap) <= tested.value <= cap
        if tested.value > before:
            assert kind in {"told", "answered"}
            assert in_flight >= 0.8 * before
            assert load.queue <= QUEUE_MAX or kind == "answered"


def _step(tested: AdaptiveLimit, kind: str, load: Load, in_flight: int, now: float) -> None:
    match kind:
        case "told":
            tested.has_told(load, in_flight, now)
        case "silent":
            tested.has_not_told(now)
        case "answered":
            tested.has_answered(in_flight, now)
        case _:
            tested.is_overloaded(now)


@given(LOADS, LOADS, st.integers(2, 64), st.floats(0, 1))
def test_more_waiting_never_makes_it_larger(one: Load, other: Load, start: int, use: float) -> None:
    """Of two servers that differ in nothing else, the one with more in its queue gets less."""
    found: list[int] = []
    for waiting in sorted([one.waiting, other.waiting]):
        tested = limit(start)
        tested.has_told(Load(one.running, waiting), int(use * start), 1.0)
        found.append(tested.value)
    assert found[0] >= found[1]


def test_it_grows_by_a_quarter_a_second_while_nothing_waits() -> None:
    """From 8 to its cap within ten seconds."""
    tested, values = limit(), list[int]()
    for second in range(12):
        values.append(tested.value)
        tested.has_told(IDLE, tested.value, float(second))
    assert values[:5] == [8, 10, 12, 15, 19]
    assert (tested.value, tested.reason) == (64, Reason.CAP)


def test_one_that_is_not_used_stays() -> None:
    """Nothing is known of what the server would make of more."""
    tested = limit(20)
    for second in range(20):
        tested.has_told(IDLE, 15, float(second))
    assert (tested.value, tested.reason) == (20, Reason.GROWING)


def test_a_queue_cuts_in_proportion_and_once() -> None:
    """What is still being worked off is no reason to cut again."""
    tested = limit(30)
    tested.has_told(QUEUED, 30, 1.0)
    assert (tested.value, tested.reason) == (20, Reason.QUEUE)
    tested.has_told(QUEUED, 30, 2.0)
    assert tested.value == 20
    tested.has_told(QUEUED, 20, 3.0)
    assert tested.value == 13


def test_after_a_queue_it_grows_carefully_until_it_has_been_calm() -> None:
    """Else it would overshoot by a quarter again and again."""
    tested = limit(30)
    tested.has_told(QUEUED, 30, 0.0)
    for second in range(1, 4):
        tested.has_told(IDLE, tested.value, float(second))
    assert 20 <= tested.value <= 24
    for second in range(int(CALM_S), int(CALM_S) + 5):
        tested.has_told(IDLE, tested.value, float(second))
    assert tested.value > 40


def test_a_short_queue_is_as_it_should_be() -> None:
    """The server is full, and has the next one ready: one waits gladly, two are one too many."""
    tested = limit(65, cap=99)
    tested.has_told(Load(running=63, waiting=2), 65, 1.0)
    assert (tested.value, tested.reason) == (63, Reason.FULL)
    tested = limit(64, cap=99)
    tested.has_told(Load(running=63, waiting=1), 64, 1.0)
    assert (tested.value, tested.reason) == (64, Reason.FULL)


def test_a_full_cache_cuts() -> None:
    """Before the server throws work out; whatever its queue is."""
    tested = limit(40)
    tested.has_told(Load(running=40, waiting=0, kv=KV_MAX), 40, 1.0)
    assert (tested.value, tested.reason) == (36, Reason.KV)


def test_an_overload_cuts_once_for_all_that_was_sent_before() -> None:
    """Twenty refusals of one moment are one; after a while it grows again."""
    tested = limit(50)
    for _ in range(20):
        tested.is_overloaded(1.0)
    assert (tested.value, tested.reason) == (int(50 * OVERLOAD_CUT), Reason.OVERLOAD)
    tested.has_told(IDLE, 30, 2.0)
    assert tested.value == 30
    tested.has_told(IDLE, 30, 2.0 + HOLD_S)
    assert tested.value > 30


def test_a_server_that_falls_silent_has_its_limit_for_a_while() -> None:
    """Then as little as may be; and with its next word it grows again."""
    tested = limit(30)
    tested.has_told(IDLE, 10, 0.0)
    for second in range(int(STALE_S)):
        tested.has_not_told(1.0 + second)
        assert (tested.value, tested.reason) == (30, Reason.STALE)
    tested.has_not_told(1.0 + STALE_S)
    assert (tested.value, tested.reason) == (2, Reason.STALE)
    tested.has_told(IDLE, 2, 2.0 + STALE_S)
    assert (tested.value, tested.reason) == (4, Reason.GROWING)


def test_an_idle_time_is_no_silence() -> None:
    """Nobody asked, so nobody was silent: the first miss after it counts from itself on."""
    tested = limit(30)
    tested.has_told(IDLE, 10, 0.0)
    tested.has_not_told(10_000.0)
    assert tested.value == 30


@pytest.mark.parametrize("measured", [True, False])
def test_without_metrics_it_grows_by_one_a_second_of_success(measured: bool) -> None:
    """A server that is never asked, or has never told."""
    tested = limit(8, measured=measured)
    tested.has_not_told(0.0)
    assert tested.reason is Reason.NO_METRICS
    for tenth in range(35):
        tested.has_answered(tested.value, tenth / 10)
    assert (tested.value, tested.reason) == (11, Reason.NO_METRICS)
    tested.has_answered(3, 60.0)
    assert tested.value == 11
    tested.is_overloaded(61.0)
    assert tested.value == 6
    tested.has_told(IDLE, 6, 70.0)
    assert tested.reason is Reason.GROWING


def test_floor_and_cap_are_named() -> None:
    """So that one sees that it would go on."""
    tested = limit(3)
    tested.has_told(Load(2, 50), 3, 1.0)
    assert (tested.value, tested.reason) == (2, Reason.FLOOR)


@pytest.mark.parametrize("seats", [16, 24, 64, 150, 256])
@pytest.mark.parametrize("mean_s", [0.3, 3.0])
def test_one_worker_keeps_a_server_full_without_a_queue(seats: int, mean_s: float) -> None:
    """At least 98 % of the seats work, at most 5 % of what runs waits."""
    seen = Toy(seats, [0.0], mean_s=mean_s, seed=seats).run(150, from_s=40)
    assert seen.busy >= 0.98
    assert seen.queue <= 0.05


@pytest.mark.parametrize(("seats", "workers"), [(16, 2), (64, 2), (64, 4), (64, 8), (256, 8)])
def test_workers_that_share_a_server_share_it_evenly(seats: int, workers: int) -> None:
    """None has to know of the others."""
    seen = Toy(seats, [0.0] * workers, mean_s=1.0, seed=workers).run(180, from_s=60)
    assert seen.fairness >= 0.9
    assert seen.busy >= 0.98
    assert seen.queue <= 0.05


@pytest.mark.parametrize(
    ("seats", "workers"), [(32, 2), (64, 2), (64, 4), (64, 8), (256, 2), (256, 8)]
)
def test_who_comes_late_gets_its_share(seats: int, workers: int) -> None:
    """It begins with 8 on a server that others have filled, and ends with as much as they."""
    joins = [0.0] * (workers - 1) + [60.0]
    seen = Toy(seats, joins, mean_s=1.0, seed=workers).run(300, from_s=200)
    assert seen.fairness >= 0.9
    assert seen.busy >= 0.98


LIMITS = st.lists(st.floats(2, 1_000), min_size=1, max_size=16)


@given(LIMITS)
def test_levelling_keeps_the_sum_and_brings_limits_together(limits: list[float]) -> None:
    """Nobody below the lowest, nobody above the highest, and after some rounds all are equal."""
    for _ in range(40):
        others = [limits[:n] + limits[n + 1 :] for n in range(len(limits))]
        after = [levelled(own, rest) for own, rest in zip(limits, others, strict=True)]
        assert sum(after) == pytest.approx(sum(limits))
        slack = 1e-9 * max(limits)
        assert min(limits) - slack <= min(after)
        assert max(after) <= max(limits) + slack
        limits = after
    assert max(limits) - min(limits) <= 0.001


def test_a_limit_is_drawn_to_the_others() -> None:
    """Up or down, within its own bounds, and it says why."""
    tested = limit(10)
    tested.is_shared([30.0])
    assert (tested.value, tested.reason) == (13, Reason.SHARED)
    tested.is_shared([1.0] * 99)
    assert (tested.value, tested.reason) == (9, Reason.SHARED)
    tested.is_shared([tested.exact])
    assert tested.value == 9
    tested.is_shared([9_999.0])
    assert (tested.value, tested.reason) == (64, Reason.CAP)
    tested.is_shared([2.0])
    assert (tested.value, tested.reason) == (54, Reason.SHARED)


@pytest.mark.parametrize(("seats", "workers"), [(64, 2), (64, 8), (256, 2), (256, 4), (256, 16)])
def test_workers_that_hear_of_each_other_draw_level_in_seconds(seats: int, workers: int) -> None:
    """The one that comes last has its share at once; the server is as full as before."""
    joins = [0.0] * (workers - 1) + [60.0]
    toy = Toy(seats, joins, mean_s=1.0, seed=workers, heard=True)
    seen = toy.run(120, from_s=60)
    assert seen.even_at_s is not None
    assert seen.even_at_s <= 6
    assert seen.fairness >= 0.97
    assert seen.busy >= 0.98
    assert seen.queue <= 0.05


def test_who_needs_little_is_no_measure_for_the_others() -> None:
    """It has what it needs, and they have the rest of the server."""
    toy = Toy(64, [0.0, 0.0, 0.0], mean_s=1.0, seed=1, heard=True)
    toy.needs[0] = 4
    seen = toy.run(120, from_s=60)
    assert seen.busy >= 0.98
    assert jain(seen.limits[1:]) >= 0.97
    assert seen.limits[0] < seen.limits[1] / 3
