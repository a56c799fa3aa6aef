"""When a server is left alone, for how long, and how it is tried again; on a clock of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.llm.breaker import (
    OPEN_MAX_S,
    UNREACHED_MAX,
    WINDOW_S,
    Breaker,
    BreakerLimits,
    Pass,
    State,
    Verdict,
)

GOOD, BAD, SLOW = Verdict(), Verdict(failed=True), Verdict(slow=True)
UNREACHED = Verdict(failed=True, unreached=True)


class Bench:
    """A breaker and the time it sees."""

    def __init__(self, limits: BreakerLimits | None = None) -> None:
        self.now = 1_000.0
        self.breaker = Breaker(limits or BreakerLimits(), lambda: self.now)

    def call(self, verdict: Verdict, times: int = 1) -> None:
        """So many calls, one after the other."""
        for _ in range(times):
            assert self.breaker.admits
            self.breaker.record(self.breaker.enter(), verdict)

    def look(self, *, well: bool) -> None:
        """Somebody looks at its health."""
        due_s = self.breaker.due_in_s
        self.breaker.seen(well=well)
        assert self.breaker.due_in_s <= due_s, "a look never makes it later"

    def meanwhile(self, move: str, number: int) -> None:
        """What happens between calls."""
        if move == "wait":
            self.now += number
        else:
            self.look(well=bool(number))

    def wait(self) -> None:
        """Until a call may try again."""
        self.now += self.breaker.due_in_s


def test_it_needs_enough_calls_to_judge() -> None:
    """Nine failures are bad luck, the tenth opens."""
    bench = Bench()
    bench.call(BAD, 9)
    assert bench.breaker.state is State.CLOSED
    bench.call(BAD)
    assert bench.breaker.state is State.OPEN
    assert not bench.breaker.admits
    assert bench.breaker.due_in_s == 5.0


@pytest.mark.parametrize(
    ("bad", "good", "state"), [(5, 5, State.OPEN), (4, 6, State.CLOSED), (0, 50, State.CLOSED)]
)
def test_a_share_of_failures_opens(bad: int, good: int, state: State) -> None:
    """Half of the calls, whatever their order in the window."""
    bench = Bench()
    bench.call(GOOD, good)
    bench.call(BAD, bad)
    assert bench.breaker.state is state


def test_slow_calls_open_too() -> None:
    """A server that answers, but always at the last moment, is no server."""
    bench = Bench()
    bench.call(SLOW, 10)
    assert bench.breaker.state is State.OPEN
    lucky = Bench()
    lucky.call(GOOD, 2)
    lucky.call(SLOW, 10)
    assert lucky.breaker.state is State.CLOSED


def test_nobody_there_needs_no_statistics() -> None:
    """A few calls in a row that did not get through; one that did begins the count again."""
    bench = Bench()
    bench.call(UNREACHED, UNREACHED_MAX - 1)
    bench.call(GOOD)
    bench.call(UNREACHED, UNREACHED_MAX - 1)
    assert bench.breaker.state is State.CLOSED
    bench.call(UNREACHED)
    assert bench.breaker.state is State.OPEN


def test_old_calls_are_forgotten() -> None:
    """What failed long ago says nothing of now."""
    bench = Bench()
    bench.call(BAD, 9)
    bench.now += WINDOW_S + 1
    bench.call(BAD, 9)
    assert bench.breaker.state is State.CLOSED


def test_a_few_probes_at_once() -> None:
    """So many calls may try, no more until one of them has ended."""
    bench = Bench(BreakerLimits(probes=2))
    bench.breaker.trip()
    bench.wait()
    first, second = bench.breaker.enter(), bench.breaker.enter()
    assert bench.breaker.state is State.HALF_OPEN
    assert not bench.breaker.admits
    bench.breaker.abandon(first)
    assert bench.breaker.admits
    bench.breaker.record(second, GOOD)
    assert bench.breaker.state is State.HALF_OPEN
    bench.call(GOOD)
    assert bench.breaker.state is State.CLOSED


@pytest.mark.parametrize("verdict", [BAD, SLOW])
def test_a_failed_probe_opens_for_twice_as_long(verdict: Verdict) -> None:
    """Up to a minute, and from the start again once it has been well."""
    bench = Bench()
    bench.breaker.trip()
    waits: list[float] = []
    for _ in range(6):
        waits.append(bench.breaker.due_in_s)
        bench.wait()
        bench.call(verdict)
    assert waits == [5, 10, 20, 40, OPEN_MAX_S, OPEN_MAX_S]
    bench.wait()
    bench.call(GOOD, 3)
    bench.breaker.trip()
    assert bench.breaker.due_in_s == 5.0


def test_what_was_begun_before_says_nothing_after() -> None:
    """A crowd that fails late neither opens it longer nor passes for probes."""
    bench = Bench()
    crowd = [bench.breaker.enter() for _ in range(30)]
    for entered in crowd[:10]:
        bench.breaker.record(entered, BAD)
    assert bench.breaker.state is State.OPEN
    due = bench.breaker.due_in_s
    for entered in crowd[10:20]:
        bench.breaker.record(entered, BAD)
    assert bench.breaker.due_in_s == due
    bench.wait()
    probe = bench.breaker.enter()
    for entered in crowd[20:]:
        bench.breaker.record(entered, GOOD)
    assert bench.breaker.state is State.HALF_OPEN
    bench.breaker.record(probe, BAD)
    assert bench.breaker.state is State.OPEN


def test_it_can_be_told() -> None:
    """A health check knows better than any window."""
    bench = Bench()
    bench.breaker.trip()
    bench.breaker.trip()
    assert bench.breaker.due_in_s == 5.0
    bench.breaker.reset()
    assert bench.breaker.state is State.CLOSED


# ------------------------------------------------------------------------ coming back


def test_who_was_away_and_is_back_is_tried_at_once() -> None:
    """Nobody waits for the time to be over, however long it has become."""
    bench = Bench()
    bench.breaker.trip()
    for _ in range(4):
        bench.wait()
        bench.call(UNREACHED)
    assert bench.breaker.due_in_s == OPEN_MAX_S
    bench.look(well=False)
    bench.now += 1
    bench.look(well=True)
    assert (bench.breaker.due_in_s, bench.breaker.admits) == (0, True)
    bench.look(well=False)
    bench.look(well=True)
    assert bench.breaker.admits, "it has not been tried yet"
    bench.call(GOOD, 3)
    assert bench.breaker.state is State.CLOSED


def test_good_health_excuses_no_bad_answers() -> None:
    """Who was never away is left alone for as long as ever, and twice as long the next time."""
    bench = Bench()
    bench.call(BAD, 10)
    for rest_s in (5, 10, 20):
        bench.look(well=True)
        assert bench.breaker.due_in_s == rest_s
        bench.look(well=True)
        assert bench.breaker.due_in_s == rest_s
        bench.wait()
        bench.call(BAD)


def test_who_comes_back_only_to_fail_is_believed_less_each_time() -> None:
    """One that dies of its first question is not killed every second."""
    bench = Bench()
    bench.breaker.trip()
    rests: list[float] = []
    for _ in range(5):
        bench.look(well=False)
        bench.look(well=True)
        rests.append(bench.breaker.due_in_s)
        bench.wait()
        bench.call(BAD)
    assert rests == [0, 5, 10, 20, 40]
    bench.look(well=False)
    bench.look(well=True)
    bench.wait()
    bench.call(GOOD, 3)
    bench.breaker.trip()
    bench.look(well=False)
    bench.look(well=True)
    assert bench.breaker.due_in_s == 0


def test_a_look_says_nothing_where_calls_do() -> None:
    """Not while it is closed, nor while it is being tried, nor of the next time it is open."""
    bench = Bench()
    bench.look(well=False)
    assert bench.breaker.state is State.CLOSED
    bench.breaker.trip()
    bench.look(well=False)
    bench.wait()
    probe = bench.breaker.enter()
    bench.look(well=False)
    assert bench.breaker.state is State.HALF_OPEN
    bench.breaker.record(probe, BAD)
    bench.look(well=True)
    assert bench.breaker.due_in_s == 10


steps = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("abandon"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 70)),
        st.tuples(st.just("look"), st.integers(0, 1)),
    ),
    max_size=200,
)


@given(steps, st.integers(1, 4))
def test_it_is_never_stuck(moves: list[tuple[str, int]], probes: int) -> None:
    """After any history: no more probes than allowed, and with time and good calls it closes."""
    bench = Bench(BreakerLimits(min_calls=3, probes=probes))
    entered: list[Pass] = []
    for move, number in moves:
        if move == "enter" and bench.breaker.admits:
            entered.append(bench.breaker.enter())
        elif move in {"wait", "look"}:
            bench.meanwhile(move, number)
        elif entered and move == "end":
            bench.breaker.record(entered.pop(0), (GOOD, BAD, SLOW, UNREACHED)[number])
        elif entered and move == "abandon":
            bench.breaker.abandon(entered.pop())
    for left in entered:
        bench.breaker.abandon(left)
    bench.wait()
    for _ in range(probes):
        bench.call(GOOD)
    assert bench.breaker.state is State.CLOSED
