"""The jobs of a simulated world, and the one handler they all have."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import Annotated, Any

from pydantic import BaseModel, Field

from shared.enums import FailureReason, JobType
from shared.redis_streams import JobEntry, encode_entry
from shared.schemas import EventCreate, FollowupPayload, TagsAddRequest, TextTagPayload
from worker.handlers.handler import Handler, Tools
from worker.llm.chat import Prompt
from worker.llm.structured import model_question
from worker.outcome import AddTags, Completed, CreateEvent

TYPES = (JobType.TEXT_TAG, JobType.FOLLOWUP)
OWNER = 7
TENANTS = ("crowd", "crowd", "crowd", "few", None)


class Kind(Enum):
    """What a job is like; all but the first few have to die, of one cause each."""

    PLAIN = None
    HURRIED = "may be late"
    REFUSED = FailureReason.MODEL_REFUSED
    NONSENSE = FailureReason.INVALID_ANSWER
    GONE = FailureReason.CORE_REJECTED
    """Core does not know what its effects are about."""
    EXPIRED = FailureReason.EXPIRED
    MALFORMED = FailureReason.INVALID_PAYLOAD
    POISON = FailureReason.POISON
    """The worker that asks the model about it dies."""


_WEIGHTS: Mapping[Kind, float] = {
    Kind.PLAIN: 85,
    Kind.HURRIED: 3,
    Kind.REFUSED: 3,
    Kind.NONSENSE: 2,
    Kind.GONE: 3,
    Kind.EXPIRED: 2,
    Kind.MALFORMED: 2,
}


@dataclass(frozen=True, slots=True)
class SimJob:
    """One job as its producer makes it."""

    job_id: str
    job_type: JobType
    kind: Kind
    at_s: float
    """When it is appended, in virtual seconds."""
    fields: Mapping[str, str]
    effects: int
    """How many effects its answers have at least."""


def draw_jobs(rng: Random, span_s: float, epoch_s: float) -> list[SimJob]:
    """The jobs of one world, by the time they are appended."""
    count = int(20 * 10 ** (rng.random() ** 3))  # 20 to 200, mostly few: those find as much
    times = sorted(_moments(rng, count, span_s))
    kinds = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count)
    if rng.random() < 0.1:
        kinds[rng.randrange(count)] = Kind.POISON
    return [
        _job(rng, number, kind, at_s, epoch_s)
        for number, (kind, at_s) in enumerate(zip(kinds, times, strict=True))
    ]


def _moments(rng: Random, count: int, span_s: float) -> list[float]:
    """Spread out, or in a few bursts."""
    if rng.random() < 0.5:
        return [rng.random() * span_s for _ in range(count)]
    bursts = [rng.random() * span_s for _ in range(rng.randint(1, 5))]
    return [rng.choice(bursts) + rng.random() * 5 for _ in range(count)]


def _job(rng: Random, number: int, kind: Kind, at_s: float, epoch_s: float) -> SimJob:
    job_type = rng.choice(TYPES)
    job_id = f"j{number}"
    payload: dict[str, Any] = {"memory_id": job_id, "content": job_id}
    if job_type is JobType.FOLLOWUP:
        payload = {"message": job_id}
    if kind is Kind.MALFORMED:
        payload = {"wrong": True}
    deadline = None
    if kind is Kind.EXPIRED:
        deadline = epoch_s + at_s - 1
    elif kind is Kind.HURRIED:
        deadline = epoch_s + at_s + rng.uniform(20, 600)
    elif rng.random() < 0.2:
        deadline = epoch_s + at_s + 10 * 86_400
    tenant = rng.choice(TENANTS)
    entry = JobEntry(job_id, payload, user_id=OWNER, deadline=deadline, tenant=tenant)
    fields = encode_entry(entry)
    effects = 1 if kind is Kind.GONE else 0
    return SimJob(job_id, job_type, kind, at_s, fields, effects)


# ------------------------------------------------------------------------------ handler


class Answer(BaseModel):
    """What the simulated model says: the number of the call, and how many effects it has."""

    call: Annotated[int, Field(ge=1)]
    effects: Annotated[int, Field(ge=0, le=3)]


QUESTION = model_question("answer", Answer, 64)


def _outcome(job_id: str, answer: Answer) -> Completed:
    """The effects in their order; each carries the job, the call it comes from, and its number."""
    effects: list[AddTags | CreateEvent] = []
    for number in range(answer.effects):
        words = f"{job_id} {answer.call} {number}"
        if number % 2:
            when = datetime(2030, 1, 1, tzinfo=UTC)
            body = EventCreate(owner_user_id=OWNER, event_time=when, description=words)
            effects.append(CreateEvent(body=body))
        else:
            effects.append(AddTags(memory_id=job_id, body=TagsAddRequest(tags=[words])))
    result = {"call": answer.call, "effects": answer.effects}
    return Completed(result=result, effects=tuple(effects))


async def _tag(payload: TextTagPayload, tools: Tools) -> Completed:
    return _outcome(payload.content, await tools.ask(QUESTION, Prompt("", payload.content)))


async def _follow_up(payload: FollowupPayload, tools: Tools) -> Completed:
    return _outcome(payload.message, await tools.ask(QUESTION, Prompt("", payload.message)))


HANDLERS: Mapping[JobType, Handler[Any]] = {
    JobType.TEXT_TAG: Handler(JobType.TEXT_TAG, TextTagPayload, _tag),
    JobType.FOLLOWUP: Handler(JobType.FOLLOWUP, FollowupPayload, _follow_up),
}
