"""One trace from the producer to the PATCH; retries and other workers' tries are linked."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from shared.enums import FailureReason, JobType
from shared.redis_streams import JobEntry, Keys
from tests.builders import PAYLOADS, QuickParking, Streams, claimed, job, tagged, until
from tests.engine import Engine
from tests.tracing import Memory, context, parent_id, said
from worker.errors import Reject, Retryable, Snooze
from worker.handlers.handler import Tools
from worker.job import Job
from worker.observability.job_traces import JobTraces
from worker.outcome import Completed, Failed
from worker.queue.job_queue import HANDED_BACK_MS, JobQueue
from worker.queue.redis_clients import RedisClients
from worker.retry import Retry
from worker.tracing import UNTRACED, Step, current, enter, step

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SECRET = "the ferry to Naxos"
PROCESS = "process t:text_tag"


@pytest.fixture(autouse=True)
def _untraced_again() -> Any:
    """A test's own task forgets its span."""
    yield
    enter(UNTRACED)


def traced(memory: Memory, consumer: str = "me") -> JobTraces:
    """A worker's witness."""
    return JobTraces(memory.collector, Keys("t"), consumer)


def produced(traceparent: str | None = TRACEPARENT, **more: Any) -> Job:
    """A job as its producer sent it."""
    facts = JobEntry("j1", {"content": SECRET}, traceparent=traceparent, tenant=SECRET)
    entry = claimed(entry_id="1700000000000-7", **more)
    return job(entry, facts=facts, job_id="j1", claimed_at=1_700_000_001.5)


def links(span: ReadableSpan) -> Sequence[int]:
    """The ids of the spans that it leads back to."""
    return [link.context.span_id for link in span.links]


# ------------------------------------------------------------------------- one job


def test_a_job_that_is_answered() -> None:
    """One span within the producer's, with what came of the job and nothing of its texts."""
    memory, made = Memory(), produced()
    witness = traced(memory)
    witness.seen(made)
    witness.started(made)
    made.attempts, made.usage.calls = 1, 2
    witness.told(made, tagged("m1"))
    witness.ended(made, tagged("m1"))
    [span] = memory.spans
    assert (span.name, span.kind.name) == (PROCESS, "CONSUMER")
    assert (f"{context(span).trace_id:032x}", f"{parent_id(span):016x}") == (TRACE, PARENT)
    assert said(span) == {
        "messaging.system": "redis",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "t:text_tag",
        "messaging.consumer.group.name": "llm-worker-group",
        "messaging.client.id": "me",
        "messaging.message.id": "1700000000000-7",
        "llm_worker.job.type": "text_tag",
        "llm_worker.job.id": "j1",
        "llm_worker.deliveries": 1,
        "llm_worker.wait_s": 1.5,
        "llm_worker.attempt": 1,
        "llm_worker.outcome": "completed",
        "llm_worker.llm.calls": 2,
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 0,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert SECRET not in memory.texts


def test_a_job_that_dies() -> None:
    """The reason and the cause, and not the message."""
    memory, made = Memory(), produced()
    witness = traced(memory)
    witness.seen(made)
    outcome = Failed(reason=FailureReason.INVALID_ANSWER, message=SECRET, cause="truncated")
    witness.ended(made, outcome)
    [span] = memory.spans
    assert said(span)["llm_worker.reason"] == "invalid_answer"
    assert said(span)["error.type"] == "truncated"
    assert span.status.status_code is StatusCode.ERROR
    assert SECRET not in memory.texts


def test_tries_are_linked() -> None:
    """Each has a span, within the same producer's and linked to the try before."""
    memory, made = Memory(), produced()
    witness = traced(memory)
    witness.seen(made)
    for attempt in (1, 2):
        witness.started(made)
        made.attempts = attempt
        witness.retried(made, Retry(1.5, SECRET, "timeout"))
    witness.started(made)
    made.attempts = 3
    witness.ended(made, tagged("m1"))
    first, second, third = memory.named(PROCESS)
    assert [links(span) for span in (first, second, third)] == [
        [],
        [context(first).span_id],
        [context(second).span_id],
    ]
    assert {parent_id(span) for span in memory.spans} == {int(PARENT, 16)}
    assert [said(span).get("error.type") for span in (first, second, third)] == [
        *("timeout", "timeout", None)
    ]
    assert said(third)["llm_worker.attempt"] == 3
    assert [dict(link.attributes or {}) for link in second.links] == [{"llm_worker.link": "retry"}]


@pytest.mark.parametrize("traceparent", [TRACEPARENT, None])
def test_another_worker_links_to_the_one_that_died(traceparent: str | None) -> None:
    """Though that has told nobody: the same trace, and the id of the span it had begun."""
    memory = Memory()
    dead, alive = traced(memory, "dead"), traced(memory, "alive")
    left = produced(traceparent)
    dead.seen(left)
    began = current().headers["traceparent"].split("-")
    found = produced(traceparent, deliveries=2, taken_from="dead")
    alive.seen(found)
    alive.ended(found, tagged("m1"))
    [span] = memory.spans
    [link] = span.links
    assert (f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") == (began[1], began[2])
    assert f"{context(span).trace_id:032x}" == began[1]
    assert dict(link.attributes or {}) == {"llm_worker.link": "redelivery"}


def test_a_job_that_comes_back() -> None:
    """Handed back and taken again by the same worker: another span, linked to the first."""
    memory = Memory()
    witness = traced(memory)
    made = produced()
    witness.seen(made)
    witness.left(made, "handed_back")
    witness.left(made, "handed_back")
    again = produced(taken_from="me")
    witness.seen(again)
    witness.left(again, "lease_lost")
    first, second = memory.named(PROCESS)
    assert context(first).span_id != context(second).span_id
    assert links(second) == [context(first).span_id]
    assert [said(span)["llm_worker.outcome"] for span in (first, second)] == [
        *("handed_back", "lease_lost")
    ]
    assert [said(span).get("error.type") for span in (first, second)] == [None, "lease_lost"]


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        "x" * 10_000,
        "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\r\nX-Evil: 1",
    ],
)
def test_a_producer_that_writes_nonsense(traceparent: str) -> None:
    """The job has a trace of its own, and no request carries what was written."""
    memory = Memory()
    made = produced(traceparent)
    assert made.facts is not None
    witness = traced(memory)
    witness.seen(made)
    assert "Evil" not in repr(current().headers)
    witness.ended(made, tagged("m1"))
    [span] = memory.spans
    assert context(span).is_valid
    assert parent_id(span) is None


def test_a_hostile_tracestate() -> None:
    """Members that are none are left out; what is passed on is a header's text."""
    memory = Memory()
    facts = JobEntry(
        "j1", {}, traceparent=TRACEPARENT, tracestate="a=1,b=2\r\nX-Evil: 1,c=é,d=" + "x" * 9_999
    )
    made = job(claimed(), facts=facts, job_id="j1")
    traced(memory).seen(made)
    state = current().headers.get("tracestate", "")
    assert state.isascii()
    assert state.isprintable()
    assert len(state) < 600


def test_who_does_not_want_to_be_recorded() -> None:
    """A producer's "not sampled" is passed on, and nothing is told."""
    memory = Memory()
    made = produced(TRACEPARENT[:-2] + "00")
    witness = traced(memory)
    witness.seen(made)
    with step(Step.CORE, method="PATCH", route="/x") as span:
        version, trace, _, flags = span.headers["traceparent"].split("-")
        assert (version, trace, int(flags, 16) & 1) == ("00", TRACE, 0)
        span.say(status=200)
    witness.ended(made, tagged("m1"))
    assert memory.spans == []


def test_no_more_is_kept_than_is_needed() -> None:
    """Of jobs that ended nothing; of those that left, the newest thousand."""
    witness = traced(Memory())
    for number in range(1_100):
        made = job(claimed(entry_id=f"1700000000000-{number}"))
        witness.seen(made)
        witness.left(made, "handed_back")
    kept = witness._let_go  # pyright: ignore[reportPrivateUsage] - it is for no other use
    assert (len(witness), len(kept)) == (0, 1_000)


# ------------------------------------------------------------------------- the whole engine


@pytest.mark.redis
async def test_whole_lives(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """Answered, tried again, after an outage, and never: every span ends, every try is linked."""
    errors: dict[int, list[Exception]] = {
        2: [Retryable("no luck", cause="timeout")],
        3: [Snooze("busy", cause="http_503")],
        4: [Reject(FailureReason.BUG, "never")],
    }

    async def run(_payload: Any, tools: Tools) -> Completed:
        await asyncio.sleep(0)
        with step(Step.CORE, method="GET", route=f"/{tools.user_id}"):
            if planned := errors.get(tools.user_id or 0):
                raise planned.pop()
        return tagged("m1")

    memory = Memory()
    witness = traced(memory)
    engine = Engine(clients, keys, run=run, parking=QuickParking(), witness=witness)
    for user in range(1, 5):
        await streams.add(job_id=f"j{user}", user_id=str(user), payload=PAYLOADS[JobType.TEXT_TAG])
    async with engine.running():
        await until(lambda: len(engine.reports) == 4)
    assert len(witness) == 0
    outcomes: dict[str, list[Any]] = {}
    for span in memory.named(PROCESS):
        outcome = said(span)["llm_worker.outcome"]
        outcomes.setdefault(said(span)["llm_worker.job.id"], []).append(outcome)
    assert outcomes == {
        "j1": ["completed"],
        "j2": ["retry", "completed"],
        "j3": ["wait", "completed"],
        "j4": ["failed"],
    }
    processes = {context(span).span_id for span in memory.named(PROCESS)}
    calls = [span for span in memory.spans if span.name.startswith("GET")]
    assert len(calls) == 6
    assert len({parent_id(span) for span in calls}) == 6
    assert {parent_id(span) for span in calls} <= processes


@pytest.mark.redis
async def test_a_taken_over_entry_says_from_whom(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """Reclaimed or handed back, it names the consumer that had it."""
    await streams.add()
    [entry] = await queue.claim(1, block_ms=0)
    assert entry.taken_from == ""
    await queue.release(entry)
    [again] = await other.reclaim(1, idle_ms=HANDED_BACK_MS)
    assert (again.taken_from, again.deliveries) == ("me", 1)
    await asyncio.sleep(0)
    [third] = await queue.reclaim(1, idle_ms=0)
    assert (third.taken_from, third.deliveries) == ("other", 2)
