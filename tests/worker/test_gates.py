"""A service that is away is asked by one job at a time, and everybody who waits is woken."""

import asyncio
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from tests.builders import QuickParking, turn
from worker.clock import Clock
from worker.errors import Service
from worker.gates import PROBE_EVERY_MAX_S, Expired, Gate, Gates
from worker.job import HandBack
from worker.parking import Parking

BOTH = (Service.CORE, Service.MODEL)


@dataclass
class Post:
    """A gate, its parking and its clock, which only `later` moves."""

    parking: Parking = field(default_factory=Parking)
    now: float = 100.0

    def __post_init__(self) -> None:
        clock = Clock(elapsed=lambda: self.now, jitter=lambda: 0.0)
        self.gates = Gates(self.parking, clock)
        self.gate = self.gates[Service.MODEL]

    def later(self, seconds: float) -> None:
        """Let time pass on the gate's clock."""
        self.now += seconds

    def waiting(self, time_left: float | None = None) -> "asyncio.Task[None]":
        """Somebody who waits at the gate; not yet begun."""
        return asyncio.create_task(self.gate.wait(lambda: time_left))


def places(gate: Gate) -> int:
    """How many wait at a gate."""
    return len(gate._places)  # pyright: ignore[reportPrivateUsage] - nothing may leak there


def seconds_closed(post: Post, who: object) -> float:
    """How long the gate keeps a job out, to a quarter of a second."""
    before = post.now
    while not post.gate.try_enter(who):
        post.later(0.25)
    return post.now - before


# ------------------------------------------------------------------------- closing


def test_open_for_everybody() -> None:
    """Nobody waits while nothing has gone wrong."""
    post = Post()
    assert post.gate.is_open
    assert all(post.gate.try_enter(who) for who in ("a", "b"))
    assert not post.gate.wants_probe
    assert post.gates.closed(BOTH) == []
    assert post.gates.away() == {}


def test_the_first_of_a_crowd_closes_it() -> None:
    """64 jobs that find out together are one outage: one line, one backoff."""
    post = Post()
    with capture_logs() as logs:
        for number in range(64):
            post.gate.trip(f"job {number}", "503", None)
    assert [line["event"] for line in logs] == ["service_away"]
    assert (post.gate.is_open, post.gates.away()) == (False, {str(post.gate.service): "503"})
    assert seconds_closed(post, "probe") == 1.0


def test_one_probe_at_a_time() -> None:
    """It alone may go on asking, as often as it likes, until it has said what it found."""
    post = Post()
    post.gate.trip("a", "503", None)
    assert not post.gate.try_enter("b")
    post.later(1.0)
    assert post.gate.wants_probe
    assert post.gate.try_enter("b")
    assert post.gate.try_enter("b")
    assert not post.gate.try_enter("c")
    assert not post.gate.wants_probe


def test_tripped_probes_wait_longer_up_to_four_seconds() -> None:
    """So that a second after its return costs a second, and a dead server little."""
    post = Post()
    post.gate.trip("a", "503", None)
    waits: list[float] = []
    for _ in range(5):
        waits.append(seconds_closed(post, "a"))
        post.gate.trip("a", "503", None)
    assert waits == [1.0, 2.0, 4.0, PROBE_EVERY_MAX_S, PROBE_EVERY_MAX_S]


def test_one_that_may_be_back_is_tried_at_once() -> None:
    """By the one probe there may be: who waits is told, and an open gate stays open."""
    post = Post()
    post.gate.hurry()
    assert post.gate.is_open
    for _ in range(4):
        post.gate.trip("a", "refused", None)
        post.later(PROBE_EVERY_MAX_S)
        assert post.gate.try_enter("a")
    post.gate.trip("a", "refused", None)
    assert not post.gate.try_enter("b")
    post.gate.hurry()
    assert post.gate.wants_probe
    assert post.gate.try_enter("b")
    post.gate.hurry()
    assert not post.gate.try_enter("c")


def test_nobody_hurries_a_service_that_has_named_a_time() -> None:
    """`Retry-After` is kept to, also where its health is good before that."""
    post = Post()
    post.gate.trip("a", "429", 3.0)
    post.gate.hurry()
    assert seconds_closed(post, "b") == 3.0


async def test_who_waits_is_woken_to_try() -> None:
    """A job that is parked for seconds more does not wait for them."""
    post = Post()
    post.gate.trip("a", "refused", None)
    waiting = post.waiting()
    await turn()
    assert not waiting.done()
    post.gate.hurry()
    await turn()
    assert waiting.done()
    assert post.gate.try_enter("waited")
    assert places(post.gate) == 0


@pytest.mark.parametrize(("asked_s", "closed_s"), [(0.0, 1.0), (0.5, 1.0), (30.0, 30.0)])
def test_what_the_service_asks_for_is_a_floor(asked_s: float, closed_s: float) -> None:
    """`Retry-After` is kept to, and does not shorten the backoff."""
    post = Post()
    post.gate.trip("a", "429", asked_s)
    assert seconds_closed(post, "b") == closed_s


def test_late_news_is_no_news() -> None:
    """Who asked before the gate closed tells nothing about now, neither good nor bad."""
    post = Post()
    post.gate.trip("a", "503", None)
    post.later(1.0)
    assert post.gate.try_enter("probe")
    post.gate.passed("slow")
    post.gate.trip("slow", "503", 60)
    assert not post.gate.is_open
    post.gate.passed("probe")
    assert post.gate.is_open


# ------------------------------------------------------------------------- waiting


async def test_all_are_released_at_once() -> None:
    """When the probe gets through, everybody does, and one line says so."""
    post = Post()
    post.gate.trip("a", "503", None)
    post.later(1.0)
    assert post.gate.try_enter("probe")
    waiting = [post.waiting() for _ in range(20)]
    await turn()
    assert places(post.gate) == 20
    with capture_logs() as logs:
        post.gate.passed("probe")
        post.gate.passed("probe")
    await asyncio.gather(*waiting)
    assert [line["event"] for line in logs] == ["service_back"]
    assert places(post.gate) == 0


@pytest.mark.parametrize("end", ["leave", "trip"])
async def test_a_probe_that_ends_makes_room_for_the_next(end: str) -> None:
    """Cancelled, handed back, or without luck: who waits is woken, to be it or to wait on."""
    post = Post()
    post.gate.trip("a", "503", None)
    post.later(1.0)
    assert post.gate.try_enter("probe")
    waiting = post.waiting()
    await turn()
    if end == "leave":
        post.gates.leave("probe")
    else:
        post.gate.trip("probe", "503", None)
    await waiting
    assert post.gate.try_enter("next") == (end == "leave")


async def test_who_is_no_probe_leaves_without_a_sound() -> None:
    """Only the probe's going is of interest to others."""
    post = Post()
    post.gate.trip("a", "503", None)
    post.later(1.0)
    assert post.gate.try_enter("probe")
    waiting = post.waiting()
    await turn()
    post.gates.leave("somebody")
    await turn()
    assert not waiting.done()
    assert not post.gate.try_enter("somebody")
    waiting.cancel()
    await asyncio.wait({waiting})
    assert places(post.gate) == 0


async def test_the_time_of_the_next_probe_wakes() -> None:
    """Nobody has to come by: a timer runs for as long as there is no probe."""
    parking = QuickParking()
    gate = Gates(parking, Clock(elapsed=parking.elapsed, jitter=lambda: 0.0))[Service.MODEL]
    gate.trip("a", "503", 7.0)
    await gate.wait(lambda: None)
    assert parking.waits == [7.0]
    assert gate.try_enter("b")


async def test_a_deadline_ends_the_wait() -> None:
    """A job whose time is over at the gate says why the gate was closed."""
    parking = QuickParking()
    gate = Gates(parking, Clock(elapsed=parking.elapsed))[Service.MODEL]
    gate.trip("a", "the model answered 503", 60.0)
    await gate.wait(lambda: 5.0)
    assert parking.waits == [5.0]
    with pytest.raises(Expired, match="the model answered 503"):
        await gate.wait(lambda: 0.0)
    assert places(gate) == 0


@pytest.mark.parametrize("send_away", [Parking.close, Parking.clear], ids=["close", "clear"])
async def test_sent_away(send_away: object) -> None:
    """A shutdown, or a job that must be alone, hands back who waits here too."""
    assert callable(send_away)
    post = Post()
    post.gate.trip("a", "503", None)
    waiting = [post.waiting() for _ in range(3)]
    await turn()
    send_away(post.parking)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [HandBack] * 3
    assert places(post.gate) == 0


async def test_nobody_waits_into_a_shutdown() -> None:
    """Not even for a moment."""
    post = Post()
    post.gate.trip("a", "503", None)
    post.parking.close()
    with pytest.raises(HandBack):
        await post.gate.wait(lambda: None)
    assert places(post.gate) == 0


async def test_a_probe_is_wanted_where_nobody_is() -> None:
    """Closed and due, with neither a probe nor anybody who waits and would be one."""
    post = Post()
    wants = [post.gate.wants_probe]
    post.gate.trip("a", "503", None)
    wants.append(post.gate.wants_probe)
    waiting = post.waiting()
    await turn()
    post.later(1.0)
    wants.append(post.gate.wants_probe)
    waiting.cancel()
    await asyncio.wait({waiting})
    wants.append(post.gate.wants_probe)
    assert wants == [False, False, False, True]


# ------------------------------------------------------------------------- two gates


def test_kept_out_by_one_it_is_no_probe_of_the_other() -> None:
    """Or the other would wait for a job that waits for the first."""
    post = Post()
    for service in BOTH:
        post.gates[service].trip("a", "503", None if service is Service.CORE else 30)
    post.later(1.0)
    assert post.gates.try_enter(BOTH, "b") is post.gates[Service.MODEL]
    assert post.gates[Service.CORE].wants_probe
    assert post.gates.try_enter((Service.CORE,), "c") is None


def test_through_both() -> None:
    """One job may try both, and opens both."""
    post = Post()
    for service in BOTH:
        post.gates[service].trip("a", "503", None)
    assert post.gates.closed(BOTH) == [post.gates[service] for service in BOTH]
    post.later(1.0)
    assert post.gates.try_enter(BOTH, "b") is None
    post.gates.passed(BOTH, "b")
    assert post.gates.closed(BOTH) == []
