"""Core: applies each idempotency key once, and remembers who told it what, and when."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from shared.enums import JobStatus
from shared.schemas import LLMJobUpdate, TaskResponse
from tests.simulation.jobs import Kind, SimJob
from tests.simulation.network import Broken, Network, Reply
from tests.simulation.process import Process
from tests.simulation.virtual_loop import VirtualLoop
from worker.core_errors import from_status
from worker.outcome import AddTags, Effect

_TIMEOUT_S = 10.0
SLOW_S = 15.0
"""Longer than a client waits: it is done, and nobody hears of it."""


@dataclass(frozen=True, slots=True)
class Final:
    """The last word about a job, as Core has it."""

    status: JobStatus
    result: dict[str, Any] | None
    said: str
    by: str


@dataclass(frozen=True, slots=True)
class Applied:
    """An effect that was carried out."""

    number: int
    call: int
    after_final: bool


@dataclass(slots=True)
class CoreFaults:
    """How Core fails just now; probabilities for each request."""

    away: bool = False
    broken: float = 0.0
    slow: float = 0.0

    def calm(self) -> None:
        """Answer every request that arrives."""
        self.broken = self.slow = 0.0


@dataclass(slots=True)
class Core:
    """The server, for all workers.

    Attributes:
        unknown: jobs it has never heard of.
        wrongs: requests no worker should ever have made.
    """

    jobs: dict[str, SimJob]
    unknown: frozenset[str]
    rng: Random
    loop: VirtualLoop
    faults: CoreFaults = field(default_factory=CoreFaults)
    finals: dict[str, Final] = field(default_factory=dict[str, Final])
    effects: dict[str, list[Applied]] = field(default_factory=dict[str, list[Applied]])
    wrongs: list[str] = field(default_factory=list[str])
    _answers: dict[str, str] = field(default_factory=dict[str, str])

    def serve(self, who: str, request: "Request", reply: Reply) -> None:
        """Take a request: do what it asks, and answer with a status."""
        if self.faults.away:
            reply(Broken("refused"))
        elif self.rng.random() < self.faults.broken:
            reply(self.rng.choice([500, 503]))
        else:
            status = self._carry_out(who, request)
            slow = self.rng.random() < self.faults.slow
            delay_s = SLOW_S if slow else self.rng.random() * 0.05
            self.loop.post_at(self.loop.time() + delay_s, reply, status)

    def _carry_out(self, who: str, request: "Request") -> int:
        if request.job_id in self.unknown:
            return 404
        if request.effect is not None and self.jobs[request.job_id].kind is Kind.GONE:
            return 404
        if request.key:
            earlier = self._answers.setdefault(request.key, request.body)
            if earlier != request.body:
                self.wrongs.append(f"{request.key}: two bodies: {earlier} / {request.body} ({who})")
                return 422
        if request.update is not None:
            return self._update(who, request.job_id, request.update)
        self._apply(request)
        return 200

    def _update(self, who: str, job_id: str, update: LLMJobUpdate) -> int:
        final = self.finals.get(job_id)
        if not update.status.is_final:
            if final is not None and final.by == who:
                self.wrongs.append(f"{job_id}: processing after {final.status} by the same {who}")
            return 200
        new = Final(update.status, update.result, update.error_message or "", who)
        if final is None:
            self.finals[job_id] = new
        elif (final.status, final.result, final.said) != (new.status, new.result, new.said):
            self.wrongs.append(
                f"{job_id}: {final.status} by {final.by}, then {new.status} by {who}"
            )
            return 409
        return 200

    def _apply(self, request: "Request") -> None:
        applied = self.effects.setdefault(request.job_id, [])
        number, call = request.numbers()
        if all(each.number != number for each in applied):
            applied.append(Applied(number, call, request.job_id in self.finals))


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a word about a job, or an effect of its answer."""

    job_id: str
    key: str = ""
    update: LLMJobUpdate | None = None
    effect: Effect | None = None

    @property
    def body(self) -> str:
        """What was sent, as JSON."""
        if self.effect is not None:
            return self.effect.body.model_dump_json()
        return "" if self.update is None else self.update.model_dump_json(exclude_unset=True)

    def numbers(self) -> tuple[int, int]:
        """The effect's place among those of its answer, and the model call it comes from."""
        _, call, number = words_of(self.effect).split() if self.effect else ("", "0", "0")
        return int(number), int(call)


def words_of(effect: Effect) -> str:
    """What the handler wrote into an effect."""
    return effect.body.tags[0] if isinstance(effect, AddTags) else effect.body.description


@dataclass(frozen=True, slots=True)
class CoreLink:
    """The engine's Core client in one process; raises what the real client's table has."""

    process: Process
    core: Core
    network: Network

    async def mark_processing(self, job_id: str) -> None:
        """Say that work has begun."""
        update = LLMJobUpdate(status=JobStatus.PROCESSING)
        await self._send("processing", Request(job_id, update=update))

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """Say the last word about a job."""
        await self._send("finish", Request(job_id, key, update=update))

    async def apply(self, effect: Effect, *, key: str) -> None:
        """Carry out one effect."""
        await self._send("effect", Request(words_of(effect).split()[0], key, effect=effect))

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """Nobody has anything to do."""
        del user_id
        return []

    async def ping(self) -> None:
        """It is there."""

    async def _send(self, verb: str, request: Request) -> None:
        def serve(reply: Reply) -> None:
            self.core.serve(self.process.name, request, reply)

        try:
            status = await self.network.ask(self.process, ("core", verb), serve, _TIMEOUT_S)
        except (Broken, TimeoutError) as error:
            status = 504 if isinstance(error, TimeoutError) else 503
        if status >= 300:
            raise from_status(status, f"Core answered {status} to {verb}")
