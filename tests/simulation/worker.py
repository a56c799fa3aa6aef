"""The daemon in a simulated process: composed by its own composition root.

Only what reaches out of the process is replaced: the three services, the clock, the health port.
Everything here that knows how the engine is put together is in this file.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from shared.config import load_settings
from tests.simulation.core import CoreLink
from tests.simulation.jobs import HANDLERS, TYPES
from tests.simulation.model import ModelLink
from tests.simulation.process import Process
from tests.simulation.redis_server import EPOCH_S
from tests.simulation.virtual_loop import VirtualLoop
from worker import app
from worker.clock import Clock
from worker.config import Settings
from worker.lifecycle import ExitCode, Shutdown
from worker.llm import structured
from worker.redis_clients import RedisClients

PREFIX = "s"


@dataclass(frozen=True, slots=True)
class Services:
    """What one process reaches others by."""

    redis: RedisClients
    core: CoreLink
    model: ModelLink


@dataclass(eq=False, slots=True)
class Daemon:
    """One start of the daemon."""

    process: Process
    shutdown: Shutdown
    main: "asyncio.Task[ExitCode]"

    def signal(self) -> None:
        """SIGTERM: the first drains, the second cuts the grace period short."""
        self.process.loop.post(self.shutdown.ask, "SIGTERM")


def draw_settings(rng: Random) -> Settings:
    """The settings of all workers of one world."""
    return load_settings(
        Settings,
        llm_stream_prefix=PREFIX,
        llm_timeout_s=60,
        worker_concurrency=rng.choice([2, 4, 8]),
        worker_held_max=rng.choice([10, 50]),
        worker_lease_s=rng.choice([60, 90, 120]),
        worker_grace_s=rng.choice([0, 10, 30]),
        worker_job_types=TYPES,
        worker_outbox_max=rng.choice([3, 1_000]),
    )


def start(process: Process, settings: Settings, services: Services) -> Daemon:
    """Start the daemon in a process."""
    shutdown = Shutdown()
    outside = cast("Any", app.Outside)(services.redis, services.core, services.model, None)
    serve = app._serve  # pyright: ignore[reportPrivateUsage] - the daemon less its sockets
    main = process.loop.create_task(serve(settings, outside, shutdown), name="main")
    process.loop.post(_nothing)
    return Daemon(process, shutdown, main)


@contextmanager
def in_simulation(rng: Random) -> Generator[None]:
    """Give the daemon the virtual clock, and a name that is the same in every run."""
    clock = Clock(now=lambda: EPOCH_S + _elapsed(), elapsed=_elapsed, jitter=rng.random)
    with (
        mock.patch.multiple(
            app,
            HANDLERS=HANDLERS,
            HealthServer=_NoHealthServer,
            Clock=lambda: clock,
            consumer_name=lambda: _loop().name,
        ),
        mock.patch.object(structured, "time", SimpleNamespace(perf_counter=_elapsed)),
    ):
        yield


def _loop() -> VirtualLoop:
    return cast("VirtualLoop", asyncio.get_running_loop())


def _elapsed() -> float:
    return _loop().time()


class _NoHealthServer:
    """A health port that nobody asks."""

    def __init__(self, *_: object) -> None: ...

    async def start(self) -> int:
        """It is up at once."""
        return 0

    async def stop(self) -> None:
        """There is nothing to close."""


def _nothing() -> None: ...
