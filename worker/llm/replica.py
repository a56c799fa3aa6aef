"""One model server: its client, its breaker, how much it is doing for us, what is known of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import structlog

from worker.errors import Halt, JobError
from worker.llm.breaker import Breaker, Pass, State, Verdict
from worker.llm.causes import Cause, as_outage, http_cause, rule
from worker.llm.chat import ChatRequest, Completion, ModelRole, Prompt
from worker.llm.client import OpenAIChat
from worker.llm.limit import AdaptiveLimit, LimitFacts, Load
from worker.llm.observing import Watchers
from worker.llm.providers import Provider
from worker.tracing import UNTRACED, current

log = structlog.get_logger(__name__)

SLOW_SHARE = 0.75
"""A call is slow from this share of the time it may take."""

_OVERLOADS = {Cause.TIMEOUT, *map(http_cause, (429, 503, 504, 529))}
"""What a server does that has too much to do."""

_PORTS = {"http": 80, "https": 443}
_HARMLESS = Prompt("You are friendly.", "Say yes.")


@dataclass(slots=True, eq=False)
class Replica:
    """One address of a provider.

    Attributes:
        limits: how many calls of each kind at once; a kind without one has no limit.
        in_flight: calls we have there now.
        load: what it said last of its load, if it ever did.
        called_at: when the last call began or ended, in monotonic seconds.
        heard: how often it has answered a call, or told that it had something done.
        silent: whether it was left alone because it had calls and was not heard, and was not since.
        moved: told whenever there may be more room, or less.
        context: tokens by model, where the server has told.
        broken: why it can never work as it is set up; None while it may.
        last_error: what was last wrong with the server itself; empty once it has answered.
        checked: whether its models and its structured output have been looked at.
    """

    url: str
    preset: Provider
    models: Mapping[ModelRole, str]
    client: OpenAIChat
    breaker: Breaker
    watchers: Watchers
    limits: Mapping[ModelRole, AdaptiveLimit] = field(
        default_factory=dict[ModelRole, AdaptiveLimit]
    )
    in_flight: int = 0
    load: Load | None = None
    called_at: float = float("-inf")
    heard: int = 0
    silent: bool = False
    moved: Callable[[], None] = lambda: None
    context: dict[str, int] = field(default_factory=dict[str, int])
    broken: Halt | None = None
    checked: bool = False
    last_error: str = ""
    _tokens: float | None = None
    _flights: Counter[ModelRole] = field(default_factory=Counter[ModelRole])
    _called: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _told: State = State.CLOSED
    _verdicts: set[asyncio.Future[None]] = field(default_factory=set[asyncio.Future[None]])

    @property
    def provider(self) -> str:
        """The preset's name."""
        return str(self.preset.name)

    @property
    def server(self) -> str:
        """Its name in logs and metrics."""
        return urlsplit(self.url).netloc

    @property
    def usable(self) -> bool:
        """Whether a call may be made now."""
        return self.broken is None and self.breaker.admits

    def has_room(self, role: ModelRole) -> bool:
        """Whether one more call of this kind is within its limit."""
        limit = self.limits.get(role)
        return limit is None or self._flights[role] < limit.value

    def flights(self, role: ModelRole) -> int:
        """Calls of this kind that we have there now."""
        return self._flights[role]

    async def complete(self, request: ChatRequest) -> Completion:
        """Make one call; only while `usable`.

        Raises:
            Retryable, Snooze, Reject, Halt: as the client does; what fails a probe is the server's
                fault and no attempt of the job's.
        """
        was_silent = self.silent
        entered = self.breaker.enter()
        self.tell()
        if (span := current()) is not UNTRACED:
            where = urlsplit(self.url)
            model, server = self.models[request.prompt.role], where.hostname or ""
            span.say(
                provider=self.provider,
                model=model,
                server=server,
                port=where.port or _PORTS[where.scheme],
            )
        with self._flight(request.prompt.role):
            started = self.watchers.elapsed()
            try:
                completion = await self.client.complete(request)
            except JobError as error:
                self._ended(request, error.cause, self.watchers.elapsed() - started, None)
                if _is_hurry(request, error.cause):
                    self.breaker.abandon(entered)
                    raise
                sick = self.ails(error)
                unreached = error.cause == Cause.CONNECTION_ERROR
                self.breaker.record(entered, Verdict(failed=sick, unreached=unreached))
                if sick and self.breaker.state is not State.CLOSED:
                    raise as_outage(error, was_silent=was_silent) from None
                raise
            except BaseException:
                self.breaker.abandon(entered)
                raise
            else:
                took_s = self.watchers.elapsed() - started
                self._ended(request, "ok", took_s, completion)
                slow = not request.hurried and took_s >= self._slow_s(request)
                self.last_error = ""
                self._is_heard()
                self._succeeded(entered, slow=slow)
                return completion

    @contextmanager
    def _flight(self, role: ModelRole) -> Generator[None]:
        self.in_flight += 1
        self._flights[role] += 1
        self.called_at = self.watchers.elapsed()
        self._called.set()
        try:
            yield
        finally:
            self.in_flight -= 1
            self._flights[role] -= 1
            self.called_at = self.watchers.elapsed()
            self.tell()

    def _succeeded(self, entered: Pass, *, slow: bool) -> None:
        self.breaker.record(entered, Verdict(slow=slow))

    def _slow_s(self, request: ChatRequest) -> float:
        return self.watchers.slow_s or SLOW_SHARE * request.timeout_s

    def _ended(
        self, request: ChatRequest, outcome: str, took_s: float, completion: Completion | None
    ) -> None:
        model = self.models[request.prompt.role]
        self.watchers.observer.called(self.provider, model, outcome, took_s, completion)
        if not _is_hurry(request, outcome):
            self._limited(request.prompt.role, outcome)
        if completion is not None:
            tokens = completion.tokens_in + completion.tokens_out
            self.watchers.budgets.count(self.provider, tokens)

    def _limited(self, role: ModelRole, outcome: str) -> None:
        limit, now = self.limits.get(role), self.watchers.elapsed()
        if limit is None:
            return
        if outcome in _OVERLOADS:
            limit.is_overloaded(now)
        elif outcome == "ok":
            limit.has_answered(self._flights[role], now)

    def ails(self, error: JobError) -> bool:
        """Remember an error that is the server's own; whether it is. That it hangs says more."""
        sick = rule(error.cause).against_server
        if sick and not (self.silent and error.cause == Cause.TIMEOUT):
            self.last_error = str(error)
        return sick

    def has_said(self, load: Load | None) -> None:
        """The server was asked for its load; None: there was nothing to be made of its answer."""
        now = self.watchers.elapsed()
        for role, limit in self.limits.items():
            if load is None:
                limit.has_not_told(now)
            else:
                limit.has_told(load, self._flights[role], now)
        if load is not None and (load.tokens is None or load.tokens != self._tokens):
            self._is_heard()
        self._tokens = load.tokens if load is not None else self._tokens
        self.load = load
        self.moved()

    def using(self) -> dict[str, float]:
        """Its limits that this worker could do with more of, by kind."""
        return {
            str(role): limit.exact
            for role, limit in self.limits.items()
            if limit.is_used(self._flights[role])
        }

    def has_heard(self, others: Sequence[Mapping[str, float]]) -> None:
        """Other workers have told what they use of this server."""
        using = self.using()
        for role, limit in self.limits.items():
            theirs = [other[role] for other in others if role in other]
            if theirs and role in using:
                limit.is_shared(theirs)
        self.moved()

    @property
    def resting(self) -> bool:
        """Whether no call has begun since somebody asked for the next one."""
        return not self._called.is_set()

    async def next_call(self) -> None:
        """Return when another call begins."""
        self._called.clear()
        await self._called.wait()

    def limit_facts(self) -> list[LimitFacts]:
        """Its limits as they are now."""
        waiting = None if self.load is None else self.load.waiting
        return [
            LimitFacts(
                provider=self.provider,
                server=self.server,
                role=str(role),
                limit=limit.value,
                reason=limit.reason,
                in_flight=self._flights[role],
                waiting=waiting,
            )
            for role, limit in self.limits.items()
        ]

    def tell(self) -> None:
        """Say once when the breaker has turned, and wake those who wait for a probe or for room."""
        state = self.breaker.state
        if state is not self._told:
            self._told = state
            self.watchers.observer.breaker(self.provider, self.server, str(state))
            if state is State.OPEN:
                self.client.takes_priority = self.preset.priorities  # it may come back set up anew
                self._opened.set()
                due_s = round(self.breaker.due_in_s, 1)
                why = self.last_error or "its answers were slow"
                log.warning("model_server_left_alone", server=self.server, for_s=due_s, why=why)
            elif state is State.CLOSED:
                log.info("model_server_used_again", server=self.server)
        for waiting in self._verdicts:
            if not waiting.done():
                waiting.set_result(None)
        self.moved()

    def _is_heard(self) -> None:
        self.heard += 1
        self.silent = False

    def is_silent(self, why: str) -> None:
        """It is left alone, as after many failures; the calls that it has go on."""
        self.last_error = why
        self.silent = True
        self.breaker.trip()
        self.tell()

    async def left_alone(self) -> None:
        """Return when its breaker has opened, be it since this was last asked."""
        await self._opened.wait()
        self._opened.clear()

    async def minds(self, request: ChatRequest) -> bool:
        """Whether it is only this request that is refused: the model answers another one.

        Raises:
            Retryable, Snooze, Reject: it cannot be told now.
        """
        question = replace(request, prompt=_HARMLESS, max_tokens=16)
        try:
            await self.client.ask(question, self.models[request.prompt.role])
        except Halt:
            return False
        return True

    async def verdict(self) -> None:
        """Return when one more call has ended here."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._verdicts.add(waiting)
        try:
            await waiting
        finally:
            self._verdicts.discard(waiting)


def _is_hurry(request: ChatRequest, outcome: str) -> bool:
    """Whether a call has failed only because there was next to no time left for it."""
    return request.hurried and outcome == Cause.TIMEOUT
