"""The example that follows the events, run as it stands there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.events import EventName, JobEvent, encode_event
from shared.redis_streams import Keys
from worker.embedded.redis_server import RedisServer
from worker.embedded.service import clean_environ
from worker.queue.redis_clients import connect

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples/follow_events.py"
pytestmark = [pytest.mark.redis, pytest.mark.process]


async def tell(url: str, *events: dict[str, str]) -> None:
    """XADD to the events' stream."""
    clients = connect(url)
    try:
        for fields in events:
            flat = [part for pair in fields.items() for part in pair]
            await clients.commands.execute_command("XADD", Keys().events, "*", *flat)
    finally:
        await clients.close()


def event(name: EventName, job_id: str) -> dict[str, str]:
    """An event's fields."""
    made = JobEvent(
        event=name, job_id=job_id, job_type="text_tag", entry_id="1-0", attempt=1, wait_ms=3, at=1.0
    )
    return encode_event(made)


def follow(server: RedisServer, *words: str) -> list[str]:
    """The lines it prints."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--redis", server.url, *words],
        env=clean_environ() | {"PYTHONPATH": str(ROOT), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


async def test_it_follows(own_server: RedisServer) -> None:
    """Each group gets every event, goes on where it was, and stumbles over nothing unknown."""
    later = {"event": "promoted", "at": "1"}
    await tell(own_server.url, event(EventName.SEEN, "j1"), later, event(EventName.DEAD, "j2"))
    expected = ["seen       text_tag         j1  try 1  wait 3 ms"]
    assert follow(own_server, "--count", "1") == expected
    expected = ["dead       text_tag         j2  try 1  wait 3 ms"]
    *again, last = follow(own_server, "--count", "2")
    assert [last] == expected
    assert [line.split()[2] for line in again] == ["j1"]  # it was stopped before it said "done"
    assert len(follow(own_server, "--count", "2", "--group", "other")) == 2
