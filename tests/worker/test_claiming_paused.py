"""What operators have paused is not taken; what is answered is still delivered."""

import pytest

from shared.enums import JobType
from tests.builders import claimed
from tests.worker.test_claiming import LEASE_S, MATCH, TEXT, Desk, quiet
from worker.errors import Service
from worker.marks import type_field


@pytest.fixture(name="desk")
def _desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Pauses are short."""
    for name in ("_PAUSE_S", "_ROOM_WAIT_S", "_OUTAGE_FIRST_S"):
        monkeypatch.setattr(f"worker.claiming.{name}", 0.001)
    return Desk()


async def test_a_paused_type_is_left_alone(desk: Desk) -> None:
    """The others are waited for at the server, as ever."""
    await quiet(desk)
    desk.claiming.limits.marks.heed([type_field(TEXT)], [])
    desk.queue.new = [claimed(JobType.TEXT_TAG), claimed(JobType.TASK_MATCH)]
    [taken] = await desk.claiming.next()
    assert taken.job_type == MATCH
    [call] = desk.queue.asked("claim")
    assert call.job_types == {MATCH}
    assert call.ms > 0
    desk.claiming.limits.marks.heed([], [])
    assert len(await desk.claiming.next()) == 1


async def test_everything_paused_takes_nothing(desk: Desk) -> None:
    """Not even by a claim for no type, which would mean all."""
    await quiet(desk)
    desk.claiming.limits.marks.heed([type_field(TEXT), type_field(MATCH)], [])
    desk.queue.new = [claimed(JobType.TEXT_TAG), claimed(JobType.TASK_MATCH)]
    assert await desk.claiming.next() == []
    assert all(call.job_types == set() for call in desk.queue.asked("claim"))


async def test_no_probe_is_taken_of_a_paused_type(desk: Desk) -> None:
    """A service that is away is tried with jobs that may run."""
    await quiet(desk)
    desk.claiming.limits.marks.heed([type_field(TEXT)], [])
    desk.close(Service.MODEL)
    desk.later(60)
    desk.queue.new = [claimed(JobType.TEXT_TAG)]
    assert await desk.claiming.next() == []


async def test_what_the_dead_left_is_delivered_if_it_is_answered(desk: Desk) -> None:
    """And waits with the others if it is not."""
    desk.claiming.limits.marks.heed([type_field(TEXT)], [])
    answered = claimed(JobType.TEXT_TAG, outcome=b"{}")
    desk.queue.dead = [claimed(JobType.TEXT_TAG), answered]
    desk.later(LEASE_S)
    assert await desk.claiming.next() == [answered]


async def test_nothing_is_taken_before_the_marks_are_known(desk: Desk) -> None:
    """A worker that has just started would take what is paused."""
    desk.claiming.limits.marks.known = False
    desk.queue.new = [claimed(JobType.TEXT_TAG)]
    assert await desk.claiming.next() == []
    assert desk.queue.calls == []
