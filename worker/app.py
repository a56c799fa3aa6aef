"""The composition root: the only file that knows all the rooms."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack

import structlog
from aiohttp.typedefs import Handler

from shared.redis_streams import Keys
from worker.clock import Clock
from worker.config import Settings
from worker.consumer import Consumer, Hands
from worker.errors import Halt, JobError, Service
from worker.hands import build_hands
from worker.janitor import Janitor
from worker.lifecycle import (
    ExitCode,
    Shutdown,
    background,
    drain_within,
    finished_before,
    listening,
)
from worker.llm.load_watch import LoadWatch
from worker.llm.returning import ReturnWatch
from worker.llm.silence import SilenceWatch
from worker.measuring import Running, measure
from worker.model_side import (
    build_load_watch,
    build_preflight,
    build_return_watch,
    build_silence_watch,
)
from worker.observability.health import Check, Health, Heartbeats, pages
from worker.observability.health_server import HealthServer
from worker.observability.onlookers import Onlookers, build_telling
from worker.observability.redis_check import redis_check
from worker.observability.traces import open_traces
from worker.outside import Outside, open_outside
from worker.page.opening import PageRoom, open_page
from worker.processes.obeying import ParentLine
from worker.queue.job_queue import JobQueue
from worker.queue.peer_board import RedisPeers
from worker.queue.upkeep import Upkeep
from worker.queue.writing import Writing
from worker.steering.last_word import say_halted_early
from worker.steering.loop import Steering, build_steering
from worker.steering.presence import Presence
from worker.strays import Strays

log = structlog.get_logger(__name__)

_SWEEP_EVERY_S = 30.0
_CLAIM_STUCK_S = 60.0
"""A turn of the claim loop takes seconds; the rest is room for a slow Redis to time out."""


async def run(settings: Settings, parent: ParentLine | None = None) -> ExitCode:
    """Run the daemon until a signal, a word of its parent's where it has one, or a `Halt`."""
    shutdown = Shutdown()
    async with AsyncExitStack() as stack:
        stack.enter_context(listening(shutdown.ask) if parent is None else parent.obeyed(shutdown))
        try:
            outside = await open_outside(settings, stack)
        except Halt as error:
            log.error("halted", why=str(error))  # noqa: TRY400 - its words, not its traceback
            await say_halted_early(settings, consumer_name(), str(error), Clock())
            return ExitCode.HALTED
        return await _serve(settings, outside, shutdown, parent)


def consumer_name() -> str:
    """A name no other start of any worker has: a frozen one must never pass for its successor."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


async def _serve(
    settings: Settings, outside: Outside, shutdown: Shutdown, parent: ParentLine | None = None
) -> ExitCode:
    clock = Clock()
    queue = _queue(settings, outside, clock)
    writing = Writing(queue)
    hands = build_hands(settings, outside, queue, writing, clock)
    onlookers = _onlookers(settings, outside, queue, clock)
    steering = build_steering(settings, outside, hands, shutdown, clock)
    consumer = Consumer(hands, steering.report, clock, onlookers.witness)
    heartbeats = _heartbeats(settings, consumer, clock)
    measure(settings, outside, hands, Running(consumer, heartbeats, onlookers, shutdown))
    limits, away = lambda: outside.router.limits, hands.gates.away
    health = Health(heartbeats, _checks(settings, outside), limits, away, starting=True)
    page = _page(settings, queue, steering, shutdown, relayed=parent is not None)
    server = _health_server(settings, pages(health, outside.metrics), page)
    port = await server.start()
    if parent is not None:
        parent.tell_port(port)
    log.info("started", **_facts(settings, queue), health_port=port)
    preflight = build_preflight(settings, outside.router)
    watches = (*_model_watches(settings, outside, hands), outside.metrics.lag)
    code = ExitCode.DRAINED
    try:
        if await finished_before(shutdown.drain, preflight.start()):
            health.starting = False
            async with background(
                preflight.watch(),
                *(watch.run() for watch in watches),
                outside.budgets.run(),
                hands.leases.renew_forever(heartbeats.beat("leases")),
                writing.run(),
                onlookers.run(),
                *steering.loops(hands),
                _janitor(settings, outside, clock).sweep_forever(_sweep_every_s(settings)),
                _drain_on_signal(settings, consumer, hands, health, shutdown),
            ):
                await consumer.run()
                code = ExitCode.FORCED if shutdown.now.is_set() else code
                await _leave(queue, steering.presence.leave())
    except* Halt as group:
        code = await _halted(str(_leaf(group)), queue, steering.presence)
    finally:
        await server.stop()
        await page.close()
        await onlookers.close()
    log.info("stopped", exit_code=int(code))
    return code


def _page(
    settings: Settings, queue: JobQueue, steering: Steering, shutdown: Shutdown, *, relayed: bool
) -> PageRoom:
    return open_page(settings, queue.consumer, steering.facts, shutdown.drain, relayed=relayed)


def _health_server(
    settings: Settings, answers: Mapping[str, Handler], page: PageRoom
) -> HealthServer:
    host, port = settings.worker_health_host, settings.worker_health_port
    return HealthServer(answers, host, port, page.routes)


def _model_watches(
    settings: Settings, outside: Outside, hands: Hands
) -> tuple[LoadWatch, ReturnWatch, SilenceWatch]:
    name, keys = hands.queue.consumer, Keys(settings.llm_stream_prefix)
    peers, gate = RedisPeers(outside.redis.commands, keys, name), hands.gates[Service.MODEL]

    def away(why: str) -> None:
        gate.trip(outside.router, why, None)

    return (
        build_load_watch(settings, outside.router, hands.slots.resize, peers),
        build_return_watch(outside.router, gate.hurry),
        build_silence_watch(settings, outside.router, away),
    )


def _queue(settings: Settings, outside: Outside, clock: Clock) -> JobQueue:
    return JobQueue(
        outside.redis,
        Keys(settings.llm_stream_prefix),
        settings.worker_job_types,
        consumer_name(),
        events_kept=settings.events_max,
        elapsed=clock.elapsed,
    )


def _onlookers(settings: Settings, outside: Outside, queue: JobQueue, clock: Clock) -> Onlookers:
    name, keys = queue.consumer, Keys(settings.llm_stream_prefix)
    telling = build_telling(settings, outside.redis.commands, name, clock)
    return Onlookers(telling, open_traces(name), keys, name, outside.metrics.jobs)


def _heartbeats(settings: Settings, consumer: Consumer, clock: Clock) -> Heartbeats:
    bounds_s = {"claim": _CLAIM_STUCK_S, "leases": settings.worker_lease_s}
    heartbeats = Heartbeats(clock, bounds_s)
    consumer.on_turn(heartbeats.beat("claim"))
    return heartbeats


def _sweep_every_s(settings: Settings) -> float:
    return min(_SWEEP_EVERY_S, max(settings.worker_stray_after_s, 1.0))


def _janitor(settings: Settings, outside: Outside, clock: Clock) -> Janitor:
    keys = Keys(settings.llm_stream_prefix)
    strays = Strays(
        outside.redis.commands,
        keys,
        outside.core,
        clock,
        after_s=settings.worker_stray_after_s,
        dead_letters_kept=settings.dead_letter_max,
    )
    upkeep = Upkeep(outside.redis.commands, keys, settings.worker_job_types)
    return Janitor(upkeep, strays, clock, dead_letters_kept=settings.dead_letter_max)


async def _drain_on_signal(
    settings: Settings, consumer: Consumer, hands: Hands, health: Health, shutdown: Shutdown
) -> None:
    await shutdown.drain.wait()
    health.draining = True
    await consumer.stop()

    def cancel_rest() -> int:
        left = len(hands.leases)
        hands.leases.cancel_all()
        return left

    await drain_within(settings.worker_grace_s, shutdown, cancel_rest)
    await asyncio.Event().wait()  # the consumer ends; then this is cancelled with the others


async def _halted(why: str, queue: JobQueue, presence: Presence) -> ExitCode:
    log.error("halted", why=why)
    await _leave(queue, presence.halt(why))
    return ExitCode.HALTED


async def _leave(queue: JobQueue, last_word: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(2):
            await last_word
            await queue.leave()
    except Exception as error:  # a courtesy: an empty consumer left behind does no harm
        log.debug("consumer_left_behind", error=type(error).__name__)


def _checks(settings: Settings, outside: Outside) -> dict[str, Check]:
    async def model() -> None:
        await outside.router.ping()

    redis = redis_check(outside.redis.commands, Keys(settings.llm_stream_prefix))
    return {"redis": redis, "core": outside.core.ping, "model": model}


def _facts(settings: Settings, queue: JobQueue) -> dict[str, object]:
    return {
        "consumer": queue.consumer,
        "job_types": [str(job_type) for job_type in settings.worker_job_types],
        "concurrency": settings.worker_concurrency,
        "llm": list(settings.llm_base_url),
        "provider": str(settings.llm_provider),
        "text_model": settings.llm_text_model,
        "vision_model": settings.llm_vision_model,
        "core": settings.core_api_url,
    }


def _leaf(group: BaseExceptionGroup[JobError]) -> BaseException:
    error = group.exceptions[0]
    return _leaf(error) if isinstance(error, BaseExceptionGroup) else error
