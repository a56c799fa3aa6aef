"""Which server is asked: the first provider that is well, the less busy of two of its replicas.

The fallbacks are used while every replica of the first is left alone, out of its budget or set up
wrongly, and left again as soon as one of them is well.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

import structlog

from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.llm.breaker import State
from worker.llm.causes import Cause, http_cause, job_error
from worker.llm.chat import ChatRequest, Completion, ModelRole
from worker.llm.hurry import in_time
from worker.llm.limit import LimitFacts
from worker.llm.line import Line
from worker.llm.observing import Budgets
from worker.llm.pinging import trouble
from worker.llm.replica import Replica
from worker.llm.sizing import Sizing

log = structlog.get_logger(__name__)

_FORBIDDEN = http_cause(403)
"""A wrong key, or a firewall that does not like a text: one email must not stop every worker."""
_NOT_THIS_ONE = "the model server will not have this input (403), while it answers other questions"

PATIENCE_S = 5.0
"""What a call waits for the verdict of others that try a server; it takes that from no deadline."""


class _Wait(Enum):
    """What there is to wait for where nobody can be asked now."""

    VERDICT = "the model server is being tried"
    ROOM = "every model server had as much to do as it can"


@dataclass(frozen=True, slots=True, eq=False)
class Upstream:
    """A provider with its models, at one or more addresses."""

    provider: str
    models: Mapping[ModelRole, str]
    replicas: Sequence[Replica]

    @property
    def facts(self) -> dict[str, str]:
        """What a log line says of it."""
        text, vision = self.models[ModelRole.TEXT], self.models[ModelRole.VISION]
        models = text if text == vision else f"{text}, {vision}"
        return {"provider": self.provider, "model": models}


class Router:
    """The `LLM` of the daemon.

    Args:
        upstreams: in the order of preference, at least one.
        budgets: which providers may not be asked today any more.
        chance: 0 to 1, drawn for each choice between replicas.
    """

    def __init__(
        self, upstreams: Sequence[Upstream], budgets: Budgets, chance: Callable[[], float]
    ) -> None:
        self.upstreams = tuple(upstreams)
        self._budgets = budgets
        self._chance = chance
        self._used = self.upstreams[0]
        self._lines = {role: Line() for role in ModelRole}
        self._sizing = Sizing(self._lines)
        for replica in self.replicas:
            replica.moved = self._moved

    @property
    def replicas(self) -> list[Replica]:
        """Every server there is."""
        return [replica for upstream in self.upstreams for replica in upstream.replicas]

    @property
    def limits(self) -> list[LimitFacts]:
        """Every limit there is, as it is now."""
        return [facts for replica in self.replicas for facts in replica.limit_facts()]

    @property
    def in_use(self) -> str:
        """The provider that calls go to: the first one, or the one to fall back on."""
        return self._used.provider

    @property
    def away(self) -> str:
        """Why no server may be asked now; empty while one may."""
        usable = any(replica.usable for up in self._affordable() for replica in up.replicas)
        return "" if usable else str(self._nobody())

    def follow(self, resize: Callable[[int], None], roles: Sequence[ModelRole]) -> None:
        """Tell, now and whenever it changes, how many calls the servers in use take.

        Args:
            resize: told the number; while all of them are left alone it hears nothing.
            roles: the kinds of calls that are counted.
        """
        self._sizing.follow(resize, roles)
        self._moved()

    async def complete(self, request: ChatRequest) -> Completion:
        """Ask one server; another only where the first was not reached or had no room.

        Raises:
            Retryable, Snooze, Reject, Halt: see `worker.errors`; nothing else escapes.
        """
        tried: dict[Replica, JobError] = {}
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        while True:
            replica = await self._choose(tried, in_time(request, clock() - asked_at))
            try:
                return await self._ask(replica, in_time(request, clock() - asked_at))
            except Halt as error:
                if not self.set_aside(replica, error):
                    raise
            except Snooze as error:
                if error.suspect:  # this very request may be why: it is not carried on
                    error.away = bool(self.away)
                    raise
                tried[replica] = error

    def context_tokens(self, role: ModelRole) -> int | None:
        """Tokens that prompt and answer may have together, where the servers in use have said."""
        model = self._used.models[role]
        found = [
            tokens
            for replica in self._used.replicas
            if (tokens := replica.context.get(model)) is not None
        ]
        return min(found, default=None)

    def set_aside(self, replica: Replica, error: Halt) -> bool:
        """Use the others, when a server turns out to be set up wrongly; False if it was the last.

        It may be loading its model still, or a key may be renewed: it is looked at again later.
        """
        others = any(r.broken is None for r in self.replicas if r is not replica)
        if others and replica.broken is None:
            log.error("model_server_misconfigured", server=replica.server, why=str(error))
        replica.broken = error if others else None
        replica.checked = False
        return others

    async def ping(self) -> None:
        """See whether a server that may be asked answers.

        Raises:
            Retryable, Snooze, Reject, Halt: none does; the first one's reason.
        """
        servers = [replica for upstream in self._affordable() for replica in upstream.replicas]
        error = await trouble(servers) if servers else self._nobody()
        if error is not None:
            raise error

    async def close(self) -> None:
        """Close every connection."""
        for replica in self.replicas:
            await replica.client.close()

    # ---------------------------------------------------------------------- steps

    async def _ask(self, replica: Replica, request: ChatRequest) -> Completion:
        """Ask, and tell what is wrong with this request from what is wrong with the server."""
        try:
            return await replica.complete(request)
        except Halt as error:
            if error.cause == _FORBIDDEN and await replica.minds(request):
                raise job_error(Cause.REFUSED, _NOT_THIS_ONE) from None
            raise
        except Reject as error:
            too_long = error.cause == Cause.CONTEXT_TOO_LONG
            if too_long and self._others_take_more(replica, request.prompt.role):
                raise Retryable(str(error), cause=error.cause) from None
            raise

    def _others_take_more(self, replica: Replica, role: ModelRole) -> bool:
        """Whether a prompt may have been measured for another server, before the switch to this."""
        here = replica.context.get(replica.models[role], 0)
        return any(other.context.get(other.models[role], 0) > here for other in self.replicas)

    async def _choose(self, tried: dict[Replica, JobError], request: ChatRequest) -> Replica:
        role = request.prompt.role
        found = _Wait.ROOM if len(self._lines[role]) else self._pick(tried, role)
        if isinstance(found, _Wait):
            found = await self._waited(found, tried, request)
        if isinstance(found, JobError):
            raise found
        return found

    async def _waited(
        self,
        found: Replica | JobError | _Wait,
        tried: dict[Replica, JobError],
        request: ChatRequest,
    ) -> Replica | JobError:
        """What there is once the probes have ended, and then room, in the time a call may take."""
        role = request.prompt.role
        with suppress(TimeoutError):
            async with asyncio.timeout(request.timeout_s):
                if found is _Wait.VERDICT:
                    found = await self._after_verdict(tried, role)
                if found is _Wait.ROOM:
                    async with self._lines[role].place() as turn:
                        self._sizing.tell(self._used.replicas)
                        while found is _Wait.ROOM:
                            await turn()
                            found = self._pick(tried, role)
        if isinstance(found, _Wait):  # in the line it has waited long enough for a verdict, too
            cause = Cause.NO_ROOM if found is _Wait.ROOM else Cause.BREAKER_OPEN
            return job_error(cause, found.value)
        return found

    async def _after_verdict(
        self, tried: dict[Replica, JobError], role: ModelRole
    ) -> Replica | JobError | _Wait:
        """What there is once the probes have ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while (found := self._pick(tried, role)) is _Wait.VERDICT:
                    await self._next_verdict()
                return found
        return _Wait.VERDICT

    def _pick(self, tried: dict[Replica, JobError], role: ModelRole) -> Replica | JobError | _Wait:
        """The server to ask, why there is none, or what there is to wait for."""
        last = [*tried.values()][-1] if tried else None
        for upstream in self._affordable():
            usable = [replica for replica in upstream.replicas if replica.usable]
            fresh = [replica for replica in usable if replica not in tried]
            roomy = [replica for replica in fresh if replica.has_room(role)]
            if roomy:
                return self._take(upstream, self._less_busy(roomy))
            if fresh:  # they are well, and will have room again
                return _Wait.ROOM
            if usable and last is not None:  # no outage yet: not what the fallbacks are for
                return last
        if last is not None:
            return last
        return _Wait.VERDICT if self._being_tried() else self._nobody()

    def _less_busy(self, replicas: Sequence[Replica]) -> Replica:
        """The power of two choices: near the best balance, and no herd on the least busy one."""
        if len(replicas) == 1:
            return replicas[0]
        first = min(int(self._chance() * len(replicas)), len(replicas) - 1)
        step = 1 + min(int(self._chance() * (len(replicas) - 1)), len(replicas) - 2)
        one, other = replicas[first], replicas[(first + step) % len(replicas)]
        return one if one.in_flight <= other.in_flight else other

    def _take(self, upstream: Upstream, replica: Replica) -> Replica:
        # A probe is no switch: most calls still go elsewhere.
        if upstream is not self._used and replica.breaker.state is State.CLOSED:
            old = {f"old_{name}": value for name, value in self._used.facts.items()}
            new = {f"new_{name}": value for name, value in upstream.facts.items()}
            log.info("model_switched", **old, **new)
            self._used = upstream
            self._moved()
        return replica

    def _nobody(self) -> JobError:
        """Why nobody may be asked. It names no time: whoever comes back first ends the wait."""
        if all(self._budgets.wait_s(up.provider) is not None for up in self.upstreams):
            return job_error(Cause.BUDGET_SPENT, "the day's tokens are used up")
        broken = [replica.broken for replica in self.replicas if replica.broken is not None]
        if len(broken) == len(self.replicas):
            return broken[0]
        said = [replica.last_error for replica in self.replicas if replica.last_error]
        why = f": {said[0]}" if said else ""
        return job_error(Cause.BREAKER_OPEN, f"every model server is being left alone{why}")

    def _moved(self) -> None:
        """Somewhere there may be more room, or less."""
        for line in self._lines.values():
            line.move()
        self._sizing.tell(self._used.replicas)

    def _affordable(self) -> list[Upstream]:
        return [up for up in self.upstreams if self._budgets.wait_s(up.provider) is None]

    def _being_tried(self) -> list[Replica]:
        """The servers whose probes are all out: each of these ends, and somebody else may ask."""
        return [
            replica
            for upstream in self._affordable()
            for replica in upstream.replicas
            if replica.broken is None
            and replica.breaker.state is State.HALF_OPEN
            and not replica.breaker.admits
        ]

    async def _next_verdict(self) -> None:
        """Return when a probe has ended, or when another server may be tried."""
        dues = [
            replica.breaker.due_in_s
            for upstream in self._affordable()
            for replica in upstream.replicas
            if replica.broken is None and replica.breaker.state is State.OPEN
        ]
        waits = [asyncio.ensure_future(replica.verdict()) for replica in self._being_tried()]
        try:
            await asyncio.wait(
                waits, timeout=min(dues, default=None), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for waiting in waits:
                waiting.cancel()
