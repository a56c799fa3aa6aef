"""An outcome comes home: recorded, carried out in order, told, settled; by the owner only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.enums import FailureReason, JobType
from shared.redis_streams import Keys
from tests.builders import FakeCore, QuickParking, Streams, job, job_fields, tagged, until
from tests.journal_queue import JournalQueue
from worker.backlog import Backlog
from worker.clock import Clock
from worker.delivery import Delivery, DeliveryLimits, Waiting
from worker.errors import Halt, Reject, Retryable, Snooze
from worker.gates import PROBE_EVERY_MAX_S, Gates
from worker.job import HandBack, Job, LeaseLost, Stage
from worker.outcome import Completed, Failed, dump_outcome, load_outcome
from worker.queue.redis_clients import RedisClients
from worker.queue.writing import Writing

pytestmark = pytest.mark.redis
KIND = JobType.TEXT_TAG
REFUSED = Reject(FailureReason.CORE_REJECTED, "Core answered 409")


@pytest.fixture
def core() -> FakeCore:
    """The Core that is told."""
    return FakeCore()


@pytest.fixture
async def journal_queue(clients: RedisClients, keys: Keys, core: FakeCore) -> JournalQueue:
    """A queue that writes into Core's journal, so that the order of all steps shows."""
    made = JournalQueue(clients, keys, core.journal)
    await made.create_groups()
    return made


@pytest.fixture
def parking() -> QuickParking:
    """Waits are noted, not waited out."""
    return QuickParking()


@pytest.fixture
def backlog() -> Backlog:
    """What waits for Core."""
    return Backlog(outcomes_max=10, bytes_max=10_000)


@pytest.fixture
def gates(parking: QuickParking) -> Gates:
    """Core's is among them; on the clock of the parking."""
    return Gates(parking, Clock(elapsed=parking.elapsed, jitter=lambda: 0.0))


@pytest.fixture
async def delivery(
    journal_queue: JournalQueue,
    core: FakeCore,
    parking: QuickParking,
    gates: Gates,
    backlog: Backlog,
) -> AsyncIterator[Delivery]:
    """What is tested: two attempts against errors of Core's own."""
    writing, waiting = Writing(journal_queue), Waiting(parking, gates, backlog)
    loop = asyncio.create_task(writing.run())
    clock = Clock(now=lambda: 1_700_000_000.5, jitter=lambda: 0.0)
    yield Delivery(journal_queue, core, writing, waiting, DeliveryLimits(2, 100), clock)
    loop.cancel()
    await asyncio.wait({loop})
    assert (backlog.outcomes, backlog.bytes) == (0, 0)


@pytest.fixture
async def made(journal_queue: JournalQueue, streams: Streams) -> Job:
    """A job that has been answered."""
    await streams.add(KIND, **job_fields(job_id="j1"))
    [entry] = await journal_queue.claim(1, block_ms=0)
    return job(entry, job_id="j1")


# ------------------------------------------------------------------------- the way home


async def test_order(delivery: Delivery, core: FakeCore, made: Job, streams: Streams) -> None:
    """Record, each effect and its tick, the last word, settle; then nothing is left."""
    outcome = tagged("m1", "m2")
    assert await delivery.deliver(made, outcome) == outcome
    steps = ["record", "apply m1", "tick 1", "apply m2", "tick 2", "finish j1 completed", "settle"]
    assert core.journal == steps
    assert core.finished[0].update == outcome.update
    assert await streams.left_over() == {}
    assert await streams.pending() == {}


async def test_failed(delivery: Delivery, core: FakeCore, made: Job, streams: Streams) -> None:
    """A failure is recorded, told, and moved to the dead letters with all that is known."""
    outcome = Failed(reason=FailureReason.BUG, message="KeyError", attempts=5)
    assert await delivery.deliver(made, outcome) == outcome
    assert core.journal == ["record", "finish j1 failed", "dead letter"]
    [letter] = await streams.dead()
    entry = {name.decode(): value.decode() for name, value in made.entry.fields.items()}
    assert letter == entry | {
        "dead_reason": "bug",
        "dead_error": "KeyError",
        "dead_attempts": "5",
        "dead_deliveries": "1",
        "dead_stream": "t:text_tag",
        "dead_entry_id": made.entry.entry_id,
        "dead_at": "1700000000.500",
    }
    assert await streams.left_over() == {}


async def test_nobody_to_tell(
    delivery: Delivery, core: FakeCore, made: Job, streams: Streams
) -> None:
    """An entry without a job id ends in the dead letters, and Core hears nothing."""
    made.job_id = None
    await delivery.deliver(made, Failed(reason=FailureReason.MALFORMED_ENTRY, message="no id"))
    assert core.journal == ["record", "dead letter"]
    assert len(await streams.dead()) == 1


async def test_the_last_word_is_last(delivery: Delivery, core: FakeCore, made: Job) -> None:
    """While `processing` is on its way the final word waits."""
    core.processing_gate = asyncio.Event()
    made.processing = asyncio.create_task(core.mark_processing("j1"))
    task = asyncio.create_task(delivery.deliver(made, tagged("m1")))
    await until(lambda: "tick 1" in core.journal)
    await asyncio.sleep(0)
    assert core.finished == []
    core.processing_gate.set()
    await task
    assert core.journal[-3:] == ["processing j1", "finish j1 completed", "settle"]


# ------------------------------------------------------------------------- again


@pytest.mark.parametrize(("delivered", "first"), [(0, "apply m1"), (1, "apply m2"), (2, "finish")])
async def test_resumes(
    delivery: Delivery, core: FakeCore, made: Job, delivered: int, first: str
) -> None:
    """What a dead worker had recorded is not recorded again; its first open effect comes first."""
    outcome = tagged("m1", "m2")
    made.entry = replace(made.entry, outcome=dump_outcome(outcome), delivered=delivered)
    made.recorded = True
    await delivery.deliver(made, outcome)
    assert core.journal[0].startswith(first)
    assert core.journal[-2:] == ["finish j1 completed", "settle"]


async def test_old_ticks_are_not_of_a_new_outcome(
    delivery: Delivery, core: FakeCore, made: Job
) -> None:
    """Where the record could not be read, the new answer's effects are all carried out."""
    made.entry = replace(made.entry, outcome=b"?", delivered=2)
    await delivery.deliver(made, tagged("m1", "m2"))
    assert [call.subject for call in core.calls[:2]] == ["m1", "m2"]


async def test_keys_are_the_same_each_time(
    delivery: Delivery, core: FakeCore, made: Job, parking: QuickParking
) -> None:
    """Retries, a redelivery and another worker send each thing under the same key."""
    core.failures = [Snooze("away"), None, Retryable("500"), None, Snooze("away")]
    await delivery.deliver(made, tagged("m1", "m2"))
    keys = {call.subject: set[str]() for call in core.calls}
    for call in core.calls:
        keys[call.subject].add(call.key)
    assert keys == {
        "m1": {"j1:0:add_tags"},
        "m2": {"j1:1:add_tags"},
        "j1 completed": {"j1:completed"},
    }
    assert len(core.calls) == 6
    assert len(parking.waits) == 3


async def test_a_failure_told_again_later_is_news(
    delivery: Delivery, core: FakeCore, made: Job
) -> None:
    """A dead letter that is played back and fails again has another key, as another entry."""
    await delivery.deliver(made, Failed(reason=FailureReason.BUG, message="x"))
    assert core.finished[0].key == f"j1:failed:{made.entry.entry_id}"


# ------------------------------------------------------------------------- Core says no


@pytest.mark.parametrize("let_through", range(3))
async def test_refused(
    delivery: Delivery, core: FakeCore, made: Job, streams: Streams, let_through: int
) -> None:
    """Refused at any step, the answer is kept in a dead letter, and Core is told of the failure."""
    core.failures = [*[None] * let_through, REFUSED]
    outcome = tagged("m1", "m2")
    final = await delivery.deliver(made, outcome)
    assert isinstance(final, Failed)
    assert (final.reason, final.undelivered) == (FailureReason.CORE_REJECTED, outcome)
    assert core.journal[-3:] == ["record", "finish j1 failed", "dead letter"]
    [letter] = await streams.dead()
    assert load_outcome(letter["dead_outcome"].encode()) == outcome
    assert "Core answered 409" in letter["dead_error"]
    assert await streams.left_over() == {}


async def test_refused_twice(
    delivery: Delivery, core: FakeCore, made: Job, streams: Streams
) -> None:
    """Even when Core will not hear of the failure, the letter is written."""
    core.down = REFUSED
    final = await delivery.deliver(made, tagged())
    assert isinstance(final, Failed)
    assert [str(call) for call in core.calls] == ["finish j1 completed", "finish j1 failed"]
    assert len(await streams.dead()) == 1


async def test_errors_of_cores_own(delivery: Delivery, core: FakeCore, made: Job) -> None:
    """A call that fails as often as is allowed is given up."""
    core.failures = [Retryable("500"), Retryable("500")]
    final = await delivery.deliver(made, tagged("m1"))
    assert isinstance(final, Failed)
    assert final.reason is FailureReason.CORE_REJECTED


async def test_errors_in_a_row_are_counted(delivery: Delivery, core: FakeCore, made: Job) -> None:
    """A success in between starts the count anew: one error for each call is borne."""
    core.failures = [Retryable("500"), None] * 3
    assert isinstance(await delivery.deliver(made, tagged("m1", "m2")), Completed)


async def test_an_outage_spends_nothing(
    delivery: Delivery, core: FakeCore, made: Job, parking: QuickParking
) -> None:
    """Core may be away for as long as it likes; it is tried every few seconds, the answer kept."""
    core.failures = [Snooze("away")] * 20
    assert isinstance(await delivery.deliver(made, tagged("m1")), Completed)
    assert len(parking.waits) == 20
    assert parking.waits[:3] == [1.0, 2.0, 4.0]
    assert max(parking.waits) == PROBE_EVERY_MAX_S


async def test_handed_back_while_core_is_away(
    delivery: Delivery, core: FakeCore, made: Job, parking: QuickParking, streams: Streams
) -> None:
    """When the worker stops, the recorded answer waits in the outbox for the next one."""
    outcome = tagged("m1", "m2")
    core.failures.append(None)
    core.failures += [Snooze("away")] * 100_000
    task = asyncio.create_task(delivery.deliver(made, outcome))
    await until(lambda: len(parking.waits) > 2)
    parking.close()
    with pytest.raises(HandBack):
        await task
    name = made.entry.entry_id.encode()
    assert await streams.outbox() == {name: dump_outcome(outcome), name + b":n": b"1"}
    assert await streams.length() == 1


async def test_halt(delivery: Delivery, core: FakeCore, made: Job, streams: Streams) -> None:
    """A Core that refuses the worker itself stops it; the answer is kept."""
    core.down = Halt("Core answered 401")
    with pytest.raises(Halt, match="401"):
        await delivery.deliver(made, tagged("m1"))
    assert len(await streams.outbox()) == 1


# ------------------------------------------------------------------------- not ours any more


@pytest.mark.parametrize("step", ["record", "tick 1", "tick 2", "settle"])
async def test_lease_lost(
    delivery: Delivery,
    journal_queue: JournalQueue,
    core: FakeCore,
    made: Job,
    streams: Streams,
    step: str,
) -> None:
    """At the first write after the lease is lost the worker stops: Core and Redis hear no more."""
    journal_queue.lose_before = step
    with pytest.raises(LeaseLost):
        await delivery.deliver(made, tagged("m1", "m2"))
    assert core.journal[-1] == step
    assert await streams.length() == 1
    assert [who for who, _, _ in (await streams.pending()).values()] == ["other"]
    assert (made.stage is Stage.SETTLE) == (step == "settle")


async def test_lease_lost_before_the_letter(
    delivery: Delivery, journal_queue: JournalQueue, made: Job, streams: Streams
) -> None:
    """A zombie writes no dead letter."""
    journal_queue.lose_before = "dead letter"
    with pytest.raises(LeaseLost):
        await delivery.deliver(made, Failed(reason=FailureReason.BUG, message="x"))
    assert await streams.dead() == []
    assert await streams.length() == 1
