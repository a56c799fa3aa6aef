"""What is taken next: what there is room for, and only what can be answered; the dead first."""

import asyncio
from typing import cast

import pytest
from redis import exceptions
from structlog.testing import capture_logs

from shared.enums import JobType
from tests.builders import QuickParking, claimed, until
from tests.listed_queue import ListedQueue
from worker.backlog import Backlog
from worker.claiming import Claiming, Limits
from worker.clock import Clock
from worker.errors import Halt, Service
from worker.gates import Gates
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import HANDED_BACK_MS, JobQueue
from worker.slots import Slots

TEXT, MATCH = str(JobType.TEXT_TAG), str(JobType.TASK_MATCH)
NEEDS = {TEXT: (Service.MODEL,), MATCH: (Service.CORE, Service.MODEL)}
LEASE_S = 20.0


class Desk:
    """A claim loop with all that bounds it; its clock is moved by `later`, and by waits."""

    def __init__(self) -> None:
        self.queue = ListedQueue()
        self.parking = QuickParking(elapsed=lambda: self.now)
        self.now = 1_000.0
        clock = Clock(elapsed=self.parking.elapsed, jitter=lambda: 0.0)
        self.gates = Gates(self.parking, clock)
        self.slots = Slots(7, held_max=99)
        self.backlog = Backlog(outcomes_max=2, bytes_max=1_000)
        limits = Limits(self.slots, self.backlog, self.gates, NEEDS)
        queue = cast("JobQueue", self.queue)
        self.claiming = Claiming(queue, limits, clock, lease_s=LEASE_S)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def close(self, *services: Service, why: str = "503") -> None:
        """These are away."""
        for service in services:
            self.gates[service].trip(object(), why, None)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Pauses are short."""
    for name in ("_PAUSE_S", "_ROOM_WAIT_S", "_OUTAGE_FIRST_S"):
        monkeypatch.setattr(f"worker.claiming.{name}", 0.001)
    return Desk()


async def quiet(desk: Desk) -> Desk:
    """After its first look for the dead."""
    desk.later(LEASE_S)
    await desk.claiming.next()
    desk.queue.calls.clear()
    return desk


# ------------------------------------------------------------------------- how much


async def test_no_more_than_there_is_room_for(desk: Desk) -> None:
    """Of all job types, and it waits for work at the server while it may."""
    await quiet(desk)
    for _ in range(2):
        desk.slots.hold()
    desk.queue.new = [claimed(JobType.TEXT_TAG) for _ in range(9)]
    assert len(await desk.claiming.next()) == 5
    [call] = desk.queue.asked("claim")
    assert (call.room, call.job_types) == (5, {TEXT, MATCH})
    assert 0 < call.ms <= 2_000


async def test_much_room_is_filled_in_bites(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reply never has all that there is room for: it would be in memory at once."""
    monkeypatch.setattr("worker.claiming._BITE", 3)
    desk.queue.new = [claimed(JobType.TEXT_TAG) for _ in range(9)]
    assert len(await desk.claiming.next()) == 3
    assert {call.room for call in desk.queue.calls} == {3}  # the dead's entries, too


async def test_no_room(desk: Desk) -> None:
    """A turn without room asks nobody."""
    for _ in range(7):
        desk.slots.hold()
    assert await desk.claiming.next() == []
    assert desk.queue.calls == []


async def test_stopped(desk: Desk) -> None:
    """A worker that stops takes nothing, though it was about to."""
    desk.queue.new = [claimed()]
    desk.claiming.stop()
    assert await desk.claiming.next() == []
    assert desk.queue.calls == []


# ------------------------------------------------------------------------- in which order


async def test_who_has_had_his_share_comes_last(desk: Desk) -> None:
    """What was started counts, whatever was asked for; what others left is not held against it."""
    await quiet(desk)
    for job_type in (JobType.TEXT_TAG, JobType.TASK_MATCH, JobType.TEXT_TAG):
        desk.queue.new = [claimed(job_type) for _ in range(7)]
        await desk.claiming.next()
    orders = [list(call.order.shares.items()) for call in desk.queue.calls if call.order]
    assert orders == [
        [(MATCH, 4), (TEXT, 3)],
        [(MATCH, 4), (TEXT, 3)],
        [(TEXT, 4), (MATCH, 3)],
    ]


# ------------------------------------------------------------------------- gates


async def test_a_closed_gate_keeps_its_job_types_out(desk: Desk) -> None:
    """The others go on; it does not wait at the server, for the gate may open meanwhile."""
    await quiet(desk)
    desk.close(Service.CORE)
    for _ in range(2):
        await desk.claiming.next()
    desk.later(1)
    assert desk.gates[Service.CORE].try_enter("probe")
    desk.gates[Service.CORE].passed("probe")
    await desk.claiming.next()
    *closed, opened = desk.queue.asked("claim")
    assert {frozenset(call.job_types or ()) for call in closed} == {frozenset(), frozenset({TEXT})}
    assert all(call.ms == 0 for call in closed)
    assert opened.job_types == {TEXT, MATCH}


async def test_one_job_as_a_probe(desk: Desk) -> None:
    """All are kept out and nobody is here to try again: in time, one job is taken for it."""
    await quiet(desk)
    desk.close(Service.MODEL)
    desk.queue.new = [claimed(JobType.TEXT_TAG) for _ in range(9)]
    assert await desk.claiming.next() == []
    desk.later(1)
    desk.queue.calls.clear()
    assert len(await desk.claiming.next()) == 1
    assert [(call.room, call.job_types) for call in desk.queue.calls] == [(1, {TEXT, MATCH})]


async def test_no_second_probe(desk: Desk) -> None:
    """Somebody is at it, or waits at the gate and will be: nothing is taken."""
    await quiet(desk)
    desk.close(Service.MODEL)
    desk.queue.new = [claimed(JobType.TEXT_TAG)]
    waiting = asyncio.create_task(desk.gates[Service.MODEL].wait(lambda: None))
    await asyncio.sleep(0)
    desk.later(1)
    assert await desk.claiming.next() == []
    await waiting
    assert desk.gates.try_enter((Service.MODEL,), waiting) is None
    assert await desk.claiming.next() == []
    desk.gates.leave(waiting)
    assert len(await desk.claiming.next()) == 1


async def test_a_probe_beside_open_gates(desk: Desk) -> None:
    """Core's gate must not stay closed because other job types can do without Core."""
    await quiet(desk)
    desk.close(Service.CORE)
    desk.queue.new = [claimed(JobType.TASK_MATCH) for _ in range(3)]
    assert await desk.claiming.next() == []
    desk.later(1)
    assert len(await desk.claiming.next()) == 1
    assert len(desk.queue.new) == 2


async def test_a_job_that_would_meet_another_closed_gate_is_no_probe(desk: Desk) -> None:
    """Core is due, the model is not: a job that needs both waits for both."""
    await quiet(desk)
    desk.close(Service.CORE)
    desk.later(1)
    desk.close(Service.MODEL)
    desk.queue.new = [claimed(JobType.TASK_MATCH)]
    assert await desk.claiming.next() == []


# ------------------------------------------------------------------------- the dead


async def test_the_dead_come_first(desk: Desk) -> None:
    """What a dead worker left is taken before new work, now and then."""
    desk.later(LEASE_S)
    desk.queue.new, desk.queue.dead = [claimed()], [claimed(), claimed()]
    assert [len(await desk.claiming.next()) for _ in range(2)] == [2, 1]
    assert [call.verb for call in desk.queue.calls] == ["reclaim", "claim"]
    desk.later(LEASE_S / 2)
    await desk.claiming.next()
    assert [call.verb for call in desk.queue.calls[2:]] == ["reclaim", "claim"]


async def test_a_read_does_not_sleep_past_the_next_look(desk: Desk) -> None:
    """It ends when it is time to look for the dead."""
    await quiet(desk)
    desk.later(LEASE_S / 4 * 0.7 - 0.25)
    await desk.claiming.next()
    [call] = desk.queue.asked("claim")
    assert call.ms == pytest.approx(250, abs=1)  # pyright: ignore[reportUnknownMemberType] - pytest's


@pytest.mark.parametrize("since", ["start", "outage"])
async def test_nobody_is_taken_for_dead_too_early(desk: Desk, since: str) -> None:
    """Within a lease of the start or of an outage, only what was handed back on purpose."""
    if since == "outage":
        desk.later(10 * LEASE_S)
        desk.queue.last_outage = desk.now
    asked: list[int] = []
    for _ in range(5):
        await desk.claiming.next()
        asked += [call.ms for call in desk.queue.asked("reclaim")]
        desk.later(LEASE_S / 4)
    assert asked == [HANDED_BACK_MS] * 4 + [int(LEASE_S * 1_000)]


async def test_a_full_sweep_is_followed_by_another(desk: Desk) -> None:
    """More dead entries than room: the next turn looks again at once."""
    desk.later(LEASE_S)
    desk.queue.dead = [claimed() for _ in range(9)]
    assert [len(await desk.claiming.next()) for _ in range(2)] == [7, 2]


async def test_answers_are_delivered_though_the_model_is_away(desk: Desk) -> None:
    """They need no more than Core; what was not answered waits, but for one probe."""
    desk.later(LEASE_S)
    desk.close(Service.MODEL)
    answered = [claimed(outcome=b"{}") for _ in range(3)]
    desk.queue.dead = [claimed(), *answered, claimed()]
    assert await desk.claiming.next() == answered
    desk.later(LEASE_S)
    assert len(await desk.claiming.next()) == 1
    probe = object()
    assert desk.gates.try_enter((Service.MODEL,), probe) is None
    desk.later(LEASE_S)
    assert await desk.claiming.next() == []
    assert len(desk.queue.dead) == 1


# ------------------------------------------------------------------------- Redis away


async def test_an_outage_is_sat_out(desk: Desk) -> None:
    """A line when it begins and each minute with how long, one when it is over; work goes on."""
    await quiet(desk)
    refused = exceptions.ConnectionError("refused")
    desk.queue.errors = [refused, refused, TimeoutError("late")]
    desk.queue.new = [claimed()]
    with capture_logs() as logs:
        for found in (0, 0, 0, 1):
            assert len(await desk.claiming.next()) == found
            desk.later(30)
        desk.queue.errors = [refused]
        await desk.claiming.next()
    said = [(line["event"], line.get("away_s")) for line in logs]
    away = "redis_unavailable"
    assert said == [(away, 0), (away, 60), ("redis_back", None), (away, 0)]
    assert logs[2]["failures"] == 3


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.AuthenticationError("WRONGPASS"), "refuses this worker"),
        (exceptions.NoPermissionError("no permissions"), "refuses this worker"),
        (exceptions.ResponseError("WRONGTYPE"), "cannot serve this worker"),
    ],
)
async def test_what_no_waiting_mends(desk: Desk, error: Exception, said: str) -> None:
    """The worker stops and says why."""
    await quiet(desk)
    desk.queue.errors = [error]
    with pytest.raises(Halt, match=said):
        await desk.claiming.next()


async def test_the_wait_for_room_ends_with_room(desk: Desk) -> None:
    """A job that ends wakes the loop."""
    for _ in range(7):
        desk.slots.hold()
    desk.queue.new = [claimed()]
    found: list[ClaimedEntry] = []

    async def loop() -> None:
        while not found:
            found.extend(await desk.claiming.next())

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    desk.slots.give_back()
    await until(task.done)
