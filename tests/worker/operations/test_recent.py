"""The jobs that something was told of lately."""

import pytest

from shared.redis_streams import Keys
from worker.operations.pluck import Row
from worker.operations.recent import latest, read_recent
from worker.queue.redis_clients import RedisClients


def _told(number: int, event: str, at: float, **more: str) -> Row:
    fields = {"event": event, "job_id": "j1", "job_type": "text_tag", "entry_id": "1-1"}
    return Row(f"1-{number}", fields | {"at": f"{at:.3f}"} | more)


def test_one_row_for_a_job() -> None:
    """Its last state, and every figure that was told; reasons only while they hold."""
    rows = [  # the newest first, as they are read; `at` is what orders them
        _told(9, "started", 2, attempt="1"),
        _told(8, "completed", 5, attempt="2", llm_ms="9"),
        _told(7, "retried", 3, cause="timeout", wait_ms="4"),
    ]
    [job] = latest(rows, 10)
    assert (job.event, job.at, job.attempt, job.why) == ("completed", 5, "2", "")
    assert (job.wait_ms, job.llm_ms) == ("4", "9")
    [job] = latest(rows[2:], 10)
    assert (job.event, job.why) == ("retried", "timeout")


def test_told_in_the_same_moment() -> None:
    """Then the one that was written last."""
    [job] = latest([_told(2, "completed", 5), _told(1, "delivered", 5)], 10)
    assert job.event == "completed"


def test_an_end_is_the_end() -> None:
    """What another connection told a little later, or wrote later, does not undo it."""
    for rows in (
        [_told(2, "delivered", 5), _told(1, "completed", 5)],
        [_told(2, "delivered", 5.002), _told(1, "completed", 5)],
    ):
        [job] = latest(rows, 10)
        assert job.event == "completed"


def test_the_latest_first_and_not_too_many() -> None:
    """A second life of a job, and the same id in another stream, are jobs of their own."""
    rows = [
        _told(3, "seen", 3),
        _told(2, "dead", 2, entry_id="1-2", reason="bug", cause="http_500"),
        _told(1, "seen", 1, job_type="document"),
    ]
    found = latest(rows, 2)
    assert [(job.entry_id, job.why) for job in found] == [("1-1", ""), ("1-2", "bug, http_500")]


@pytest.mark.parametrize("at", ["nan", "soon", "", "1e400"])
def test_an_event_that_nobody_of_ours_has_written(at: str) -> None:
    """It has a row like any other."""
    [job] = latest([Row("7-1", {"at": at})], 10)
    assert (job.event, job.job_id) == ("", "")


async def test_as_they_stand_in_redis(any_clients: RedisClients, keys: Keys) -> None:
    """Nothing, then something."""
    assert await read_recent(any_clients.commands, keys) == ()
    for row in (_told(1, "seen", 1), _told(2, "started", 2)):
        flat = [part for pair in row.fields.items() for part in pair]
        await any_clients.commands.execute_command("XADD", keys.events, "*", *flat)
    [job] = await read_recent(any_clients.commands, keys)
    assert (job.event, job.job_type) == ("started", "text_tag")
