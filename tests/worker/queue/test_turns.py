"""Each job type has its share by weight, at any room; nobody starves, saves up, or is fined."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from worker.queue.turns import LOOKAHEAD, Turns

WEIGHTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 1_000), min_size=1)
ROOMS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def taken(turns: Turns, room: int, waiting: Mapping[str, int]) -> list[str]:
    """What a claim takes: each type's share, then again while some leave theirs."""
    left = Counter(waiting)
    found: list[str] = []
    shares = turns.order(room).shares
    for least in (0, *[1] * room):
        for name, share in shares.items():
            count = min(max(share, least), left[name], room - len(found))
            left[name] -= count
            found += [name] * count
    turns.took(found)
    return found


@given(WEIGHTS, st.integers(0, 50))
def test_the_room_is_shared_out(weights: Mapping[str, int], room: int) -> None:
    """Exactly the room, over all types, each of which is named: it may have what is left."""
    order = Turns(weights).order(room)
    assert sum(order.shares.values()) == room
    assert set(order.shares) == set(weights)
    assert order.lookahead == LOOKAHEAD


@given(WEIGHTS, ROOMS)
def test_shares_by_weight(weights: Mapping[str, int], rooms: list[int]) -> None:
    """While all have work, no two are further apart than one turn of each, at room 1 and any."""
    turns, started = Turns(weights), Counter[str]()
    for room in rooms:
        started.update(taken(turns, room, dict.fromkeys(weights, 10**6)))
        for a, weight_a in weights.items():
            for b, weight_b in weights.items():
                apart = started[a] / weight_a - started[b] / weight_b
                assert apart <= 1 / weight_a + 1 / weight_b + 1e-9


@given(WEIGHTS)
def test_nobody_starves(weights: Mapping[str, int]) -> None:
    """Between two jobs of the lightest, each other has no more than its weight's worth and one."""
    turns, waits = Turns(weights), Counter[str]()
    lightest = min(weights, key=lambda name: (weights[name], name))
    for _ in range(500):
        [name] = taken(turns, 1, dict.fromkeys(weights, 10**6))
        if name == lightest:
            waits.clear()
        waits[name] += 1
        for other in weights.keys() - {lightest}:
            assert waits[other] <= weights[other] / weights[lightest] + 1


def test_nobody_saves_up() -> None:
    """Who had nothing for a thousand turns gets his share from now on, not a thousand turns."""
    turns = Turns({"busy": 1, "late": 1})
    for _ in range(1_000):
        taken(turns, 1, {"busy": 1})
    both = {"busy": 99, "late": 99}
    assert Counter(taken(turns, 1, both)[0] for _ in range(10)) == {"busy": 5, "late": 5}


def test_nobody_is_fined() -> None:
    """What one used while the other had nothing is not held against it."""
    turns = Turns({"heavy": 8, "light": 1})
    for _ in range(100):
        taken(turns, 16, {"light": 16})
    both = {"heavy": 99, "light": 99}
    assert Counter(taken(turns, 1, both)[0] for _ in range(18))["light"] in {1, 2, 3}


def test_the_first_in_line_is_he_who_had_nothing() -> None:
    """So that his job, when it comes, does not wait for others'."""
    turns = Turns({"a": 1, "b": 1, "c": 5})
    for _ in range(5):
        taken(turns, 3, {"a": 9, "c": 9})
    assert next(iter(turns.order(1).shares)) == "b"


def test_only_these() -> None:
    """A type whose service is away is not asked, and has lost nothing but its turns."""
    turns = Turns({"a": 1, "b": 1})
    assert turns.order(4, ["b"]).shares == {"b": 4}
    assert turns.order(4, []).shares == {}
    assert turns.order(1, ["b", "unknown"]).shares == {"b": 1}
