"""The daemon in a simulated process: composed by its own composition root.

Only what reaches out of the process is replaced: the three services, the clock, the health port.
Everything here that knows how the engine is put together is in this file.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar, cast
from unittest import mock

from shared.config import load_settings
from tests.simulation.core import CoreLink
from tests.simulation.jobs import HANDLERS, TYPES
from tests.simulation.model import ModelLink
from tests.simulation.process import Process
from tests.simulation.redis_server import EPOCH_S
from tests.simulation.virtual_loop import VirtualLoop
from worker import app, hands
from worker.clock import Clock
from worker.config import Settings
from worker.lifecycle import ExitCode, Shutdown
from worker.llm import structured
from worker.llm.prices import NO_PRICES
from worker.observability.metrics import Metrics
from worker.observability.report import report
from worker.queue.redis_clients import RedisClients
from worker.steering import loop as steering
from worker.workshop import NoDocuments

PREFIX = "s"
_BEAT_EVERY_S = 60.0
"""Seldom: an idle hour would be nothing but beats."""


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

    def tell(self) -> None:
        """A message on the control channel."""
        heard = _ControlChannel.ears.get(self.process.name)
        if heard is not None:
            self.process.loop.post(heard)


def draw_settings(rng: Random) -> Settings:
    """The settings of all workers of one world."""
    return load_settings(
        Settings,
        llm_stream_prefix=PREFIX,
        llm_timeout_s=60,
        worker_concurrency=rng.choice([2, 4, 8, 32]),
        worker_held_max=rng.choice([10, 50]),
        worker_lease_s=rng.choice([60, 90, 120]),
        worker_grace_s=rng.choice([0, 10, 30]),
        worker_processing_after_s=rng.choice([0, 0.02, 1]),
        worker_job_types=TYPES,
        worker_weights={TYPES[0]: rng.choice([1, 5])},
        worker_lookahead=rng.choice([0, 5, 250_000]),
        worker_outbox_max=rng.choice([3, 1_000]),
    )


def start(process: Process, settings: Settings, services: Services) -> Daemon:
    """Start the daemon in a process."""
    shutdown = Shutdown()
    outside = cast("Any", _outside(services))
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
            HealthServer=_NoHealthServer,
            build_preflight=_no_preflight,
            build_load_watch=_no_load_watch,
            build_return_watch=_no_health_watch,
            build_silence_watch=_no_health_watch,
            Clock=lambda: clock,
            consumer_name=lambda: _loop().name,
        ),
        mock.patch.object(hands, "HANDLERS", HANDLERS),
        mock.patch.multiple(steering, ControlChannel=_ControlChannel, _BEAT_EVERY_S=_BEAT_EVERY_S),
        mock.patch.object(structured, "time", SimpleNamespace(perf_counter=_elapsed)),
    ):
        yield


def _loop() -> VirtualLoop:
    return cast("VirtualLoop", asyncio.get_running_loop())


def _elapsed() -> float:
    return _loop().time()


def _outside(services: Services) -> SimpleNamespace:
    return SimpleNamespace(
        redis=services.redis,
        core=services.core,
        router=services.model,
        llm=services.model,
        images=None,
        documents=NoDocuments(),
        budgets=SimpleNamespace(run=_for_ever),
        prices=NO_PRICES,
        vocabulary=None,
        metrics=Metrics(),
        report=report,
    )


async def _for_ever() -> None:
    await asyncio.Event().wait()


class _NoPreflight:
    """A model that is as it should be."""

    async def start(self) -> None:
        """There is nothing to look at."""

    async def watch(self) -> None:
        """Nor later."""
        await _for_ever()


class _NoLoadWatch:
    """Slots as many as the settings say."""

    async def run(self) -> None:
        """There is nothing to watch."""
        await _for_ever()


def _no_load_watch(*_: object) -> _NoLoadWatch:
    return _NoLoadWatch()


class _NoHealthWatch:
    """The model is its own health: jobs find out when it is away, and when it is back."""

    async def run(self) -> None:
        """There is nothing to watch."""
        await _for_ever()


def _no_health_watch(*_: object) -> _NoHealthWatch:
    return _NoHealthWatch()


def _no_preflight(*_: object) -> _NoPreflight:
    return _NoPreflight()


class _ControlChannel:
    """The world speaks to those it likes; the others hear of it with their next beat."""

    ears: ClassVar[dict[str, Callable[[], None]]] = {}

    def __init__(self, *_: object) -> None: ...

    async def listen(self, heard: Callable[[], None]) -> None:
        """Until it ends."""
        name = _loop().name
        self.ears[name] = heard
        try:
            await _for_ever()
        finally:
            del self.ears[name]


class _NoHealthServer:
    """A health port that nobody asks."""

    def __init__(self, *_: object) -> None: ...

    async def start(self) -> int:
        """It is up at once."""
        return 0

    async def stop(self) -> None:
        """There is nothing to close."""


def _nothing() -> None: ...
