"""What a worker tells of itself, while it works."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.enums import FailureReason, JobType
from tests.builders import Streams, job, until
from tests.engine import Engine, forever
from worker.claiming import Limits
from worker.clock import Clock
from worker.errors import Halt, Service
from worker.job import Stage
from worker.llm.breaker import State
from worker.llm.limit import LimitFacts, Reason
from worker.outcome import Completed, Failed
from worker.steering.portrait import JOBS_TOLD_MAX, Portrait, Sitter
from worker.steering.roster import dump_facts, load_facts

pytestmark = pytest.mark.redis


def _replica(state: State, broken: str = "") -> Any:
    return SimpleNamespace(
        provider="vllm",
        server="gpu:8000",
        breaker=SimpleNamespace(state=state),
        last_error="it hangs",
        in_flight=3,
        broken=Halt(broken) if broken else None,
    )


def _portrait(engine: Engine, clock: Clock | None = None) -> Portrait:
    facts = LimitFacts("vllm", "gpu:8000", "text", 12, Reason.QUEUE, 3, 1.0)
    router = SimpleNamespace(replicas=[_replica(State.OPEN, "401")], limits=[facts])
    limits = Limits(engine.slots, engine.backlog, engine.gates, {})
    sitter = Sitter(engine.leases, limits, cast("Any", router), lambda: False)
    return Portrait(sitter, list(JobType), clock or Clock())


async def test_an_idle_worker(engine: Engine) -> None:
    """Who it is, what it takes, which servers it has; it survives the way through Redis."""
    facts = _portrait(engine).taken()
    assert (facts.held, facts.slots, facts.slots_max, facts.stages) == (0, 0, 16, {})
    assert facts.job_types == tuple(JobType)
    [limit] = facts.limits
    assert (limit.limit, limit.reason, limit.in_flight) == (12, "queue", 3)
    [server] = facts.servers
    assert (server.breaker, server.why, server.broken) == ("open", "it hangs", "401")
    assert load_facts(dump_facts(facts)) == facts


async def test_one_with_its_hands_full(engine: Engine) -> None:
    """Its jobs by type and stage, and the first hundred by name; nothing of their payloads."""
    engine.run = forever
    made = Streams(engine.clients.commands, engine.keys)
    for _ in range(4):
        await made.add(JobType.TEXT_TAG)
    async with engine.running() as running:
        await until(lambda: engine.asked == 4)
        engine.gates[Service.CORE].trip(object(), "503", None)
        facts = _portrait(engine).taken()
        one, two, *_ = engine.leases
        one.stage, two.gate = Stage.DELIVER, Service.MODEL
        later = _portrait(engine).taken()
        engine.gates[Service.MODEL].trip(object(), "502", None)
        last = _portrait(engine).taken()
        running.cancel()
        await asyncio.wait({running})
    assert facts.stages == {"text_tag": {"infer": 4}}
    assert (facts.held, facts.slots) == (4, 4)
    assert len(facts.jobs) == 4
    assert all(each.job_id and each.stage == "infer" for each in facts.jobs)
    assert facts.gates == {"core": "503"}
    waits = [[each.waits_for for each in told.jobs] for told in (facts, later, last)]
    assert waits == [[""] * 4, ["core", "", "", ""], ["core", "model", "", ""]]
    assert "ferry" not in facts.model_dump_json()
    assert JOBS_TOLD_MAX == 100


def test_jobs_are_counted_on_their_way_to_the_log(engine: Engine) -> None:
    """Completed and dead, by job type."""
    portrait = _portrait(engine, Clock(elapsed=lambda: 100.0))
    told: list[object] = []
    report = portrait.counting(lambda job, outcome: told.append((job, outcome)))
    for outcome in (Completed(result={}), Failed(reason=FailureReason.BUG, message="")):
        report(job(), outcome)
    assert portrait.taken().ended == {"text_tag": (1, 1)}
    assert len(told) == 2
