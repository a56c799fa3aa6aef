"""What operators have paused is not taken; what is answered is still delivered."""

from typing import Any

import pytest

from shared.enums import JobType
from tests.builders import claimed
from tests.worker.test_claiming import LEASE_S, MATCH, TEXT, Desk, quiet
from worker.errors import Service
from worker.marks import tenant_field, type_field
from worker.queue.claimed_entry import ClaimedEntry


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


async def test_what_changes_is_looked_at_once(desk: Desk) -> None:
    """What was handed back while it was paused, and tenants that have no turn, wait for nothing."""
    await quiet(desk)
    desk.later(0.1)
    for marks in ([tenant_field("a")], [tenant_field("a"), type_field(TEXT)], []):
        desk.claiming.limits.marks.heed(marks, [])
        await desk.claiming.next()
        await desk.claiming.next()
        assert [call.verb for call in desk.queue.calls] == ["reclaim", "claim", "claim"]
        desk.queue.calls.clear()


async def test_what_is_heard_while_it_looks_is_heeded(desk: Desk) -> None:
    """Before it waits at the server for what may be paused now."""
    await quiet(desk)
    desk.later(LEASE_S)
    reclaim = desk.queue.reclaim

    async def heard_meanwhile(room: int, **asked: Any) -> list[ClaimedEntry]:
        desk.claiming.limits.marks.heed([type_field(TEXT)], [])
        return await reclaim(room, **asked)

    desk.queue.reclaim = heard_meanwhile
    assert await desk.claiming.next() == []
    assert [call.verb for call in desk.queue.calls] == ["reclaim"]
    await desk.claiming.next()
    assert desk.queue.calls[-1].job_types == {MATCH}
