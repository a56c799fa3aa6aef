"""The queue and the batch of a stand-in, on a clock that only steps move."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.embedded.model_scheduler import Profile, Scheduler, Sequence

SMALL = Profile(3, step_ms=10, sequence_ms=1, prefill_ms=0.5, chunk_tokens=8, cache_tokens=60)


@dataclass(slots=True)
class Server:
    """A scheduler that is driven, and what was seen of it."""

    profile: Profile
    now_s: float = 0.0
    finished: list[Sequence] = field(default_factory=list[Sequence])
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.profile, lambda: self.now_s)

    def add(self, prompt: int = 1, output: int = 1, priority: int = 0) -> Sequence:
        """A request."""
        return self.scheduler.add(prompt, output, priority)

    def begin(self) -> float | None:
        """Begin a step, checking what has to hold in the middle of it."""
        seconds = self.scheduler.begin()
        assert self.scheduler.running <= self.profile.sequences
        assert 0 <= self.scheduler.cache_use <= 1
        return seconds

    def step(self) -> bool:
        """One whole step; whether there was one to make."""
        seconds = self.begin()
        if seconds is None:
            return False
        self.now_s += seconds
        self.finished += self.scheduler.end()
        return True

    def drain(self) -> None:
        """All steps there are to make."""
        while self.step():
            pass


Action = tuple[str, int, int, int]
NUMBERS = (st.integers(1, 30), st.integers(1, 20), st.integers(-2, 2))
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), *NUMBERS),
        st.tuples(st.sampled_from(["cancel", "cancel in a step"]), *NUMBERS),
        st.tuples(st.just("step"), *NUMBERS),
    ),
    max_size=60,
)
PROFILES = st.builds(
    Profile,
    sequences=st.integers(1, 5),
    chunk_tokens=st.integers(5, 40),
    cache_tokens=st.integers(20, 200),
    by_priority=st.booleans(),
)


def play(server: Server, actions: list[Action]) -> tuple[list[Sequence], list[Sequence]]:
    """Do all of it and drain the server; returns the requests, and those that were cancelled."""
    added: list[Sequence] = []
    cancelled: list[Sequence] = []
    for action, prompt, output, priority in actions:
        if action == "add":
            added.append(server.add(prompt, output, priority))
        elif action == "step":
            server.step()
        elif added:
            seconds = server.begin() if action == "cancel in a step" else None
            victim = added[prompt % len(added)]
            if not victim.ended:
                cancelled.append(victim)
            server.scheduler.cancel(victim)
            if seconds is not None:
                server.now_s += seconds
                server.finished += server.scheduler.end()
            assert victim.ended
    server.drain()
    return added, cancelled


@given(PROFILES, ACTIONS)
def test_work_is_conserved(profile: Profile, actions: list[Action]) -> None:
    """All that was not cancelled ends once, with all its tokens; an idle server holds nothing."""
    server = Server(profile)
    added, cancelled = play(server, actions)
    assert len(server.finished) == len(added) - len(cancelled)
    assert {*server.finished} == {*added} - {*cancelled}
    wanted = sum(sequence.output_tokens for sequence in server.finished)
    written = server.scheduler.totals.generation_tokens
    assert wanted <= written <= sum(sequence.output_tokens for sequence in added)
    assert written == wanted or cancelled
    assert server.scheduler.unfinished == 0
    assert server.scheduler.cache_use == 0


@given(PROFILES, ACTIONS)
def test_nobody_overtakes_in_the_queue(profile: Profile, actions: list[Action]) -> None:
    """Whenever one starts, nobody waits who came earlier with the same or a lower number."""
    server = Server(profile)
    added, _ = play(server, actions)
    started = [sequence for sequence in added if sequence.started_s is not None]
    for one in started:
        for other in started:
            was_there = other.queued_s <= (one.started_s or 0) < (other.started_s or 0)
            assert not was_there or one.place < other.place


@given(PROFILES, st.lists(st.tuples(*NUMBERS), min_size=1, max_size=30))
def test_no_place_is_left_free(profile: Profile, requests: list[tuple[int, int, int]]) -> None:
    """With somebody in the queue, the batch, the step's tokens or the cache is full."""
    server = Server(profile)
    added = [server.add(*request) for request in requests]
    while (seconds := server.begin()) is not None:
        here = [sequence for sequence in added if not sequence.ended]
        running = [sequence for sequence in here if sequence.started_s is not None]
        waiting = [sequence for sequence in here if sequence.started_s is None]
        if waiting and len(running) < profile.sequences:
            writing = sum(sequence.first_step is not None for sequence in running)
            unread = sum(sequence.prompt_tokens - sequence.read for sequence in running)
            head = min(waiting, key=lambda sequence: sequence.place)
            room = head.room + sum(sequence.room for sequence in running)
            assert unread >= profile.chunk_tokens - writing or room > profile.cache_tokens
        server.now_s += seconds
        server.finished += server.scheduler.end()


def test_a_step_costs_what_the_profile_says() -> None:
    """The step itself, each of the batch, each token of a prompt that is read in it."""
    server = Server(SMALL)
    server.add(prompt=4, output=2)
    assert server.begin() == pytest.approx(0.010 + 0.001 + 4 * 0.0005)
    assert server.scheduler.end() == []
    server.add(prompt=2, output=1)
    assert server.begin() == pytest.approx(0.010 + 2 * 0.001 + 2 * 0.0005)
    assert len(server.scheduler.end()) == 2
    assert server.begin() is None


def test_long_prompts_are_read_in_chunks() -> None:
    """What a step's tokens cannot hold is read in the next; the last chunk brings a token."""
    server = Server(SMALL)
    long, short = server.add(prompt=20, output=1), server.add(prompt=1, output=1)
    read: list[tuple[int, int]] = []
    while server.step():
        read.append((long.read, short.read))
    assert read == [(8, 0), (16, 0), (20, 1)]
    assert server.finished == [long, short]


def test_the_batch_makes_everyone_slower_and_all_of_them_faster() -> None:
    """Ten alike take longer together than one alone, and much less than ten times that."""
    took_s: list[float] = []
    for at_once in (1, 10):
        server = Server(Profile(10, step_ms=10, sequence_ms=1, prefill_ms=0))
        for _ in range(at_once):
            server.add(output=20)
        server.drain()
        took_s.append(server.now_s)
    assert took_s == [pytest.approx(20 * 0.011), pytest.approx(20 * 0.020)]


def test_lower_priorities_come_first_where_they_count() -> None:
    """By number, then by arrival; without the policy by arrival alone."""
    for by_priority, order in ((True, [2, 0, 3, 1]), (False, [0, 1, 2, 3])):
        server = Server(Profile(1, chunk_tokens=1, by_priority=by_priority))
        added = [server.add(priority=priority) for priority in (0, 5, -1, 0)]
        server.drain()
        assert server.finished == [added[number] for number in order]


def test_a_cancelled_one_makes_room_at_the_next_step() -> None:
    """In the queue, while its prompt is read and while it writes; a second time changes nothing."""
    server = Server(Profile(2, chunk_tokens=4))
    writing, reading = server.add(1, 50), server.add(50, 1)
    queued, heir, other = server.add(), server.add(), server.add()
    server.step()
    assert (server.scheduler.running, server.scheduler.waiting) == (2, 3)
    for sequence in (writing, reading, queued, queued):
        server.scheduler.cancel(sequence)
    assert (server.scheduler.running, server.scheduler.waiting) == (0, 2)
    assert server.scheduler.cache_use == 0
    server.step()
    assert server.finished == [heir, other]


def test_who_comes_during_a_step_does_not_wait_yet() -> None:
    """It counts as unfinished; as waiting only when the next step has no place for it."""
    server = Server(Profile(2))
    server.add(output=9)
    server.begin()
    second, third = server.add(output=9), server.add(output=9)
    assert (server.scheduler.waiting, server.scheduler.unfinished) == (0, 3)
    server.scheduler.end()
    server.begin()
    assert (server.scheduler.running, server.scheduler.waiting) == (2, 1)
    assert (second.started_s, third.started_s) == (0.0, None)
    gone = server.add()
    server.scheduler.cancel(gone)
    assert server.scheduler.unfinished == 3


def test_seconds_of_places_and_of_the_queue_are_exact() -> None:
    """Each second counts once for everyone who runs or waits in it, until they end or leave."""
    server = Server(Profile(2, step_ms=1_000, sequence_ms=0, prefill_ms=0))
    _, long, leaving = server.add(output=1), server.add(output=3), server.add(output=9)
    server.step()  # the first and the second run, the third waits
    server.begin()
    server.now_s += 0.5
    server.scheduler.cancel(leaving)  # in the middle of a step it runs in
    server.now_s += 0.5
    server.finished += server.scheduler.end()
    server.step()
    server.now_s += 5.0  # nobody is there
    totals = server.scheduler.totals
    assert long.ended
    assert (totals.running_s, totals.waiting_s, totals.steps) == (2 + 1.5 + 1, 1, 3)


def test_cache_in_use_is_what_was_read_and_written() -> None:
    """Token by token, and given back at the end."""
    server = Server(SMALL)
    server.add(prompt=12, output=3)
    held: list[float] = []
    while server.step():
        held.append(server.scheduler.cache_use * 60)
    assert held == [pytest.approx(8), pytest.approx(13), pytest.approx(14), 0]


def test_a_full_cache_keeps_the_queue_waiting() -> None:
    """Room is kept for the whole answer; what is larger than the cache runs alone."""
    server = Server(SMALL)
    first, second, huge = server.add(5, 30), server.add(5, 30), server.add(5, 100)
    server.begin()
    assert (server.scheduler.running, server.scheduler.waiting) == (1, 2)
    server.drain()
    assert server.finished == [first, second, huge]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Profile(sequences=0),
        lambda: Profile(cache_tokens=0),
        lambda: Profile(step_ms=-1),
        lambda: Profile(sequences=9, chunk_tokens=8),
    ],
)
def test_profiles_no_server_has(wrong: Callable[[], Profile]) -> None:
    """They are refused before anything runs."""
    with pytest.raises(ValueError, match=r"have to|cannot"):
        wrong()


def test_a_step_that_was_not_begun_cannot_end() -> None:
    """Whoever drives it has lost count."""
    with pytest.raises(RuntimeError, match="begun"):
        Server(SMALL).scheduler.end()
