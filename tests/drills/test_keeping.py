"""Workers that end are started again."""

import asyncio
import os
from pathlib import Path

import pytest

from drills import keeping
from tests.process.bench import until
from worker.embedded.service import Service


@pytest.mark.process
async def test_what_ends_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each end is taken down with its exit code, and it never stays away."""
    monkeypatch.setattr(keeping, "RESTART_AFTER_S", 0.0)
    short = Service("short", ["this"], "http://127.0.0.1:1", tmp_path, dict(os.environ))
    notes = tmp_path / "orchestrator.log"
    short.start()
    keeper = asyncio.create_task(keeping.keep_running([short], notes))

    async def has_ended_twice() -> bool:
        assert not keeper.done()
        return notes.exists() and notes.read_text().count("short ended with exit code 0") >= 2

    try:
        await until(has_ended_twice, what="two ends")
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        short.stop()
    assert short.log.count("Beautiful is better than ugly.") >= 2
