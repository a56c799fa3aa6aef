"""The model server: every call is written down, with what became of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from random import Random

import httpx2

from tests.simulation.jobs import Answer, Kind, SimJob
from tests.simulation.network import Network, Reply
from tests.simulation.process import Process
from tests.simulation.virtual_loop import VirtualLoop
from worker.errors import JobError
from worker.llm.chat import ChatRequest, Completion, ModelRole
from worker.llm.errors import ErrorReply, Target, status_error, transport_error
from worker.llm.limit import LimitFacts
from worker.llm.replica import Replica

_TARGET = Target("http://model", "m")
_FAULTS_MAX = 4
"""Faults that cost a job an attempt; one more and it might die of them."""


class End(Enum):
    """What became of a call, as its caller saw it."""

    OPEN = "open"
    """Under way; for ever so when the caller died."""
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The caller gave it up, or was taken apart."""


@dataclass(slots=True)
class ModelCall:
    """One inference that was begun."""

    number: int
    job_id: str
    caller: Process
    at_s: float
    effects: int = 0
    end: End = End.OPEN


@dataclass(slots=True)
class ModelFaults:
    """How the server fails just now; probabilities for each call."""

    away: bool = False
    busy: float = 0.0
    broken: float = 0.0
    hangs: float = 0.0
    nonsense: float = 0.0

    def calm(self) -> None:
        """Answer every request that arrives."""
        self.broken = self.hangs = self.nonsense = 0.0


@dataclass(slots=True)
class Model:
    """The server, for all workers."""

    jobs: dict[str, SimJob]
    rng: Random
    loop: VirtualLoop
    faults: ModelFaults = field(default_factory=ModelFaults)
    calls: list[ModelCall] = field(default_factory=list[ModelCall])
    _costly: dict[str, int] = field(default_factory=dict[str, int])

    def serve(self, caller: Process, job_id: str, reply: Reply) -> ModelCall | None:
        """Take a request; returns the inference it began, if it did."""
        if self.faults.away:
            reply(httpx2.ConnectError("refused"))
            return None
        if self.rng.random() < self.faults.busy:
            asked = self.rng.choice(["1", "7", "30", None])
            reply(ErrorBody(ErrorReply(self.rng.choice([429, 503]), "busy", asked)))
            return None
        call = ModelCall(len(self.calls) + 1, job_id, caller, self.loop.time())
        self.calls.append(call)
        took_s = self.rng.choice([0.2, 1.0, 3.0, 12.0]) * (0.5 + self.rng.random())
        self.loop.post_at(self.loop.time() + took_s, self._answer, call, reply)
        return call

    def _answer(self, call: ModelCall, reply: Reply) -> None:
        kind = self.jobs[call.job_id].kind
        if kind is Kind.POISON:
            call.caller.kill()
        elif kind is Kind.REFUSED:
            reply(ErrorBody(ErrorReply(400, "too long")))
        elif kind is Kind.NONSENSE or self._strikes(call.job_id, self.faults.nonsense):
            reply(Completion("I would rather not", "stop"))
        elif self._strikes(call.job_id, self.faults.broken):
            reply(ErrorBody(ErrorReply(500, "broken")))
        elif not self._strikes(call.job_id, self.faults.hangs):
            call.effects = max(self.jobs[call.job_id].effects, self.rng.randrange(4))
            answer = Answer(call=call.number, effects=call.effects)
            reply(Completion(answer.model_dump_json(), "stop", 10, 5))

    def _strikes(self, job_id: str, probability: float) -> bool:
        if self.rng.random() >= probability or self._costly.get(job_id, 0) >= _FAULTS_MAX:
            return False
        self._costly[job_id] = self._costly.get(job_id, 0) + 1
        return True


class ErrorBody(Exception):
    """An error status, on its way to the client."""

    def __init__(self, reply: ErrorReply) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class ModelLink:
    """The engine's LLM client in one process."""

    process: Process
    model: Model
    network: Network
    replicas: Sequence[Replica] = ()
    limits: Sequence[LimitFacts] = ()

    async def complete(self, request: ChatRequest) -> Completion:
        """Ask once.

        Raises:
            Retryable, Snooze, Reject: as the real client's tables have it.
        """
        begun: list[ModelCall] = []

        def serve(reply: Reply) -> None:
            call = self.model.serve(self.process, request.prompt.user.split()[0], reply)
            if call is not None:
                begun.append(call)

        end = End.FAILED
        try:
            completion: Completion = await self.network.ask(
                self.process, ("model", "ask"), serve, request.timeout_s
            )
            if completion.text.startswith("{"):
                end = End.ANSWERED
        except asyncio.CancelledError:
            end = End.CANCELLED if self.process.alive else End.OPEN
            raise
        except (ErrorBody, httpx2.HTTPError, TimeoutError) as error:
            raise _translated(error, request.timeout_s) from None
        finally:
            for call in begun:
                call.end = end
        return completion

    def context_tokens(self, role: ModelRole) -> int | None:
        """As much as one likes."""
        del role
        return 128_000


def _translated(error: Exception, timeout_s: float) -> JobError:
    if isinstance(error, ErrorBody):
        return status_error(error.reply, _TARGET, datetime.now(UTC))
    return transport_error(error, timeout_s, _TARGET)
