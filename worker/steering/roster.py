"""What a worker tells of itself, as it stands in Redis: `<prefix>:workers`, one JSON by consumer.

Read by other versions than the one that wrote it: what is missing has a default, what is unknown is
left out.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SILENT_AFTER_S = 15.0
"""A worker tells of itself every five seconds; after three of those it is called silent."""
_TEXT_CHARS = 500
Text = Annotated[str, Field(max_length=_TEXT_CHARS)]


class Told(BaseModel):
    """A part of it; immutable."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class HeldJob(Told):
    """One job in a worker's hands.

    Attributes:
        claimed_at: Unix seconds, on the worker's clock.
        trouble: why its last try failed.
        due_at: when the next one is due, on the worker's clock; 0 where it waits for no time.
        waits_for: the service that is away and without which it cannot go on.
    """

    entry_id: Text
    job_type: Text
    job_id: Text = ""
    stage: Text = ""
    attempts: int = 0
    claimed_at: float = 0.0
    trouble: Text = ""
    due_at: float = 0.0
    waits_for: Text = ""


class ModelLimit(Told):
    """How much one server is sent at once, of one kind of call, and why."""

    provider: Text
    server: Text
    role: Text
    limit: int
    reason: Text
    in_flight: int = 0
    waiting: float | None = None


class ModelServer(Told):
    """One server as this worker sees it.

    Attributes:
        why: what was last wrong with it; empty once it has answered.
        broken: why it can never work as it is set up.
    """

    provider: Text
    server: Text
    breaker: Text
    in_flight: int = 0
    why: Text = ""
    broken: Text = ""


class WorkerFacts(Told):
    """One worker at one moment.

    Attributes:
        at: when it told, in Unix seconds on the server's clock.
        slots: how many of its slots are in use.
        waiting_for_core: outcomes recorded and not yet delivered.
        stages: its jobs, by job type and stage.
        heeds: what it leaves alone when that is paused: `type`, `tenant`.
        gates: services that are not asked now, and why.
        gates_s: for how many seconds they have not been.
        ended: jobs of the last minute, by job type, completed and dead.
        before: how long the streams were about a minute ago, by job type: when, in Unix seconds on
            the server's clock, and how many entries.
        jobs: some of its jobs, those that wait for another try first.
        halted: its last word, where it could not go on: why.
        halted_at: when that was, in Unix seconds on its own clock, as `started_at`.
    """

    at: float = 0.0
    host: Text = ""
    pid: int = 0
    version: Text = ""
    started_at: float = 0.0
    job_types: tuple[Text, ...] = ()
    slots: int = 0
    slots_max: int = 0
    held: int = 0
    held_max: int = 0
    waiting_for_core: int = 0
    claiming: bool = True
    draining: bool = False
    stages: dict[Text, dict[Text, int]] = {}
    ended: dict[Text, tuple[int, int]] = {}
    before: dict[Text, tuple[float, int]] = {}
    heeds: tuple[Text, ...] = ()
    gates: dict[Text, Text] = {}
    gates_s: dict[Text, float] = {}
    limits: tuple[ModelLimit, ...] = ()
    servers: tuple[ModelServer, ...] = ()
    jobs: tuple[HeldJob, ...] = ()
    halted: Text = ""
    halted_at: float = 0.0

    @property
    def parked(self) -> int:
        """Jobs that wait here for another try."""
        return sum(stages.get("parked", 0) for stages in self.stages.values())

    def ended_of(self, job_type: str) -> int:
        """Jobs of this type that ended in the last minute."""
        return sum(self.ended.get(job_type, (0, 0)))


def shortened(text: str) -> str:
    """As much of a text as fits into a fact."""
    return text if len(text) <= _TEXT_CHARS else text[: _TEXT_CHARS - 1] + "…"


def dump_facts(facts: WorkerFacts) -> bytes:
    """As Redis keeps it, but for `at`, which the server puts there."""
    return facts.model_dump_json(exclude={"at"}).encode()


def load_facts(raw: bytes) -> WorkerFacts | None:
    """What a worker told; None when it cannot be read."""
    try:
        return WorkerFacts.model_validate_json(raw)
    except ValidationError:
        return None
