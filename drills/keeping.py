"""Starts workers again when they have ended, as `restart: always` does, and takes it down."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from worker.embedded.service import Service

RESTART_AFTER_S = 5.0
_LOOK_EVERY_S = 0.2


async def keep_running(workers: Sequence[Service], notes: Path) -> None:
    """Until cancelled; from the main thread, with which workers die.

    Args:
        workers: those that have been started.
        notes: a file for the lines that an orchestrator would show.
    """
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(_keep(worker, notes))


async def _keep(worker: Service, notes: Path) -> None:
    while True:
        code = worker.exit_code
        if code is not None:
            what = f"{worker.name} ended with exit code {code}; starts in {RESTART_AFTER_S:g} s"
            with notes.open("a", encoding="utf-8") as file:
                file.write(f"{datetime.now().astimezone():%H:%M:%S} {what}\n")
            await asyncio.sleep(RESTART_AFTER_S)
            worker.start()
        await asyncio.sleep(_LOOK_EVERY_S)
