"""How many jobs may be under way, with two kinds of calls."""

from worker.llm.chat import ModelRole
from worker.llm.demand import Demand, Kind

TEXT, VISION = ModelRole.TEXT, ModelRole.VISION


def room(demand: Demand, text: tuple[int, int, int], vision: tuple[int, int, int]) -> int:
    """For so many allowed, made and waiting of each kind."""
    return demand.room({TEXT: Kind(*text), VISION: Kind(*vision)})


def test_while_nobody_waits_there_is_room_for_all_there_may_be() -> None:
    """Whatever comes."""
    assert room(Demand(), (64, 0, 0), (8, 0, 0)) == 72
    assert room(Demand(), (64, 64, 0), (8, 3, 0)) == 72


def test_with_too_many_of_one_kind_the_other_has_what_it_uses_and_one_more() -> None:
    """So none is claimed to wait here, and the other kind comes in as fast as it is claimed."""
    demand = Demand()
    assert room(demand, (64, 64, 8), (8, 0, 0)) == 65
    assert [room(demand, (64, 64, 0), (8, used, 0)) for used in (1, 2, 7, 8)] == [66, 67, 72, 72]


def test_one_call_that_ends_is_no_end_of_the_crowd() -> None:
    """Clearly fewer than may be are."""
    demand = Demand()
    room(demand, (64, 64, 1), (8, 0, 0))
    assert room(demand, (64, 63, 0), (8, 0, 0)) == 65
    assert room(demand, (64, 51, 0), (8, 0, 0)) == 65
    assert room(demand, (64, 50, 0), (8, 0, 0)) == 72
    assert room(demand, (64, 64, 0), (8, 0, 0)) == 72
    room(demand, (2, 2, 1), (8, 0, 0))
    assert room(demand, (2, 1, 0), (8, 0, 0)) == 3


def test_both_kinds_crowded() -> None:
    """Each has all it may."""
    assert room(Demand(), (64, 64, 1), (8, 8, 1)) == 72


def test_of_one_kind_only() -> None:
    """It has what it may."""
    demand = Demand()
    assert demand.room({TEXT: Kind(64, 64, 5)}) == 64
    assert demand.room({}) == 0
