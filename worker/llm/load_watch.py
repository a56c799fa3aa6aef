"""Asks servers for their load while they work for us, and tells the limits.

About once a second, a little more or less, so that workers that share a server do not all act on
one moment; not at all while nothing is asked of it. Whatever comes back, nothing fails of it. In
the same moment the worker tells the others what it uses of the server, and hears what they do.

vLLM can also tell its load with each answer (`endpoint-load-metrics-format`). That is left alone:
it says what waits and not what runs, costs its log a line each time, and a word a second is enough.
"""

import asyncio
import math
import re
from collections.abc import Callable, Sequence

import structlog

from worker.errors import JobError
from worker.llm.breaker import State
from worker.llm.limit import Load
from worker.llm.peers import Peers
from worker.llm.replica import Replica
from worker.llm.watching import watch_each

log = structlog.get_logger(__name__)

EVERY_S = 1.0
IDLE_S = 30.0
"""So long after its last call a server is not asked any more."""
TELL_EVERY_S = 10.0
_NUMBER_MAX = 32
_LINE = re.compile(
    rb"^vllm:(num_requests_running|num_requests_waiting|kv_cache_usage_perc"
    rb"|prompt_tokens_total|generation_tokens_total)([{ ][^\n]*)$",
    re.MULTILINE,
)


def read_load(body: bytes) -> Load | None:
    """The load in Prometheus' text format: sums over engines and models, of caches the fullest.

    None for whatever it cannot be read from.
    """
    found: dict[bytes, list[float]] = {}
    for name, rest in _LINE.findall(body):
        number = _number(rest)
        if number is None:
            return None
        found.setdefault(name, []).append(number)
    running, waiting = found.get(b"num_requests_running"), found.get(b"num_requests_waiting")
    if running is None or waiting is None:
        return None
    kv = max(found.get(b"kv_cache_usage_perc", [0.0]))
    read, made = found.get(b"prompt_tokens_total"), found.get(b"generation_tokens_total")
    tokens = None if read is None or made is None else sum(read) + sum(made)
    return Load(sum(running), sum(waiting), kv, tokens)


def _number(rest: bytes) -> float | None:
    """The value of a line, after its labels and before its time."""
    words = rest.rpartition(b"}")[2].split(None, 1)
    if not words or len(words[0]) > _NUMBER_MAX:
        return None
    try:
        number = float(words[0])
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


class LoadWatch:
    """Watches every server that has a limit.

    Args:
        replicas: the servers.
        elapsed: monotonic seconds.
        chance: 0 to 1, drawn for each pause.
        peers: the other workers.
    """

    def __init__(
        self,
        replicas: Sequence[Replica],
        elapsed: Callable[[], float],
        chance: Callable[[], float],
        peers: Peers,
    ) -> None:
        self._peers = peers
        self._replicas = tuple(replica for replica in replicas if replica.limits)
        self._elapsed = elapsed
        self._chance = chance

    async def run(self) -> None:
        """Watch; never returns."""
        await watch_each(self._replicas, self._watch)

    async def _watch(self, replica: Replica) -> None:
        told = _Told()
        while True:
            if not replica.in_flight and self._elapsed() - replica.called_at >= IDLE_S:
                await replica.next_call()
            await asyncio.sleep(EVERY_S * (0.75 + 0.5 * self._chance()))
            if replica.preset.load_path is not None:
                await self.look(replica)
            if replica.in_flight:
                replica.has_heard(await self._peers.meet(replica.url, replica.using()))
            told.tell(replica, self._elapsed())

    async def look(self, replica: Replica) -> None:
        """Ask one server once."""
        load = None
        try:
            load = read_load(await replica.client.load())
        except JobError as error:
            log.debug("load_not_told", server=replica.server, cause=error.cause)
        except Exception as error:  # ours or a library's: the jobs do not need this answer
            log.debug("load_not_told", server=replica.server, cause=type(error).__name__)
        # One that is left alone is known to be away; its limit is what it was when it comes back.
        if load is not None or replica.breaker.state is State.CLOSED:
            replica.has_said(load)


class _Told:
    """What the log says of one server's limits: only when a reason changes, and not too often."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._at = -math.inf

    def tell(self, replica: Replica, now: float) -> None:
        """Write one line for what has changed, unless there was one a moment ago."""
        reasons = {str(role): str(limit.reason) for role, limit in replica.limits.items()}
        if reasons == self._said or now - self._at < TELL_EVERY_S:
            return
        first, self._said, self._at = not self._said, reasons, now
        limits = {str(role): limit.value for role, limit in replica.limits.items()}
        waiting = None if replica.load is None else replica.load.waiting
        if not first:
            log.info(
                "model_limit", server=replica.server, limits=limits, why=reasons, waiting=waiting
            )
