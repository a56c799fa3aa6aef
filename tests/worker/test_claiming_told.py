"""The log says that claiming has stopped when it has, and what stands in its way."""

import pytest
from structlog.testing import capture_logs

from shared.enums import JobType
from tests.builders import claimed
from tests.worker.test_claiming import Desk, quiet
from worker.errors import Service


@pytest.fixture(name="desk")
def _desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Pauses are short."""
    for name in ("_PAUSE_S", "_ROOM_WAIT_S", "_OUTAGE_FIRST_S"):
        monkeypatch.setattr(f"worker.claiming.{name}", 0.001)
    return Desk()


def back(desk: Desk, service: Service) -> None:
    """A probe gets through."""
    desk.later(1)
    assert desk.gates[service].try_enter("probe")
    desk.gates[service].passed("probe")


async def test_a_full_backlog_pauses(desk: Desk) -> None:
    """While Core takes nothing, nothing new is started; one line says why, and one that it ends."""
    await quiet(desk)
    desk.queue.new = [claimed()]
    for _ in range(2):
        desk.backlog.add(400)
    with capture_logs() as logs:
        for _ in range(3):
            assert await desk.claiming.next() == []
        assert desk.queue.calls == []
        desk.backlog.remove(400)
        assert len(await desk.claiming.next()) == 1
    assert [line["event"] for line in logs] == ["claiming_paused", "claiming_resumed"]
    assert logs[0]["why"] == "2 outcomes (800 bytes) wait for Core"


async def test_a_core_that_is_away_pauses_when_too_much_waits(desk: Desk) -> None:
    """Not before: some types are taken still, and nothing is said of a pause; then, with why."""
    await quiet(desk)
    desk.close(Service.CORE, why="connection refused")
    desk.queue.new = [claimed(JobType.TEXT_TAG)]
    with capture_logs() as logs:
        assert len(await desk.claiming.next()) == 1
        assert logs == []
        for _ in range(2):
            desk.backlog.add(400)
        assert await desk.claiming.next() == []
    [line] = logs
    assert line["event"] == "claiming_paused"
    assert line["why"] == "2 outcomes (800 bytes) wait for Core: connection refused"


async def test_a_service_that_all_types_need_pauses(desk: Desk) -> None:
    """Nothing can be taken: said once, with why, and once when it is over."""
    await quiet(desk)
    desk.close(Service.MODEL, why="it hangs")
    with capture_logs() as logs:
        for _ in range(3):
            await desk.claiming.next()
        back(desk, Service.MODEL)
        await desk.claiming.next()
    said = [(line["event"], line.get("why")) for line in logs if line["event"] != "service_back"]
    assert said == [("claiming_paused", "it hangs"), ("claiming_resumed", None)]
