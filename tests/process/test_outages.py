"""Core, the model or Redis go away and come back; signals arrive at bad moments."""

import json
import signal
import time
from typing import Any

import pytest

from shared import JobType
from tests.process.bench import NOTE, Bench, log_lines, until
from tests.process.conftest import Benches
from worker.operations.snapshot import take_snapshot

pytestmark = pytest.mark.process


async def test_sigterm_lets_running_jobs_finish(benches: Benches) -> None:
    """What runs is finished within the grace; exit code 0, nothing pending, one call per job."""
    async with benches(latency_ms=800) as bench:
        worker = bench.start_worker()
        names = [f"j{number}" for number in range(8)]
        for name in names:
            await bench.enqueue(name)
        await until(lambda: _calls(bench, 8), what="eight calls on their way")
        worker.send(signal.SIGTERM)
        assert worker.wait(30) == 0
        jobs = [await bench.job(name) for name in names]
        assert [job["status"] for job in jobs if job] == ["completed"] * 8
        assert await bench.model_calls() == 8
        assert await bench.pending() == 0


async def test_what_outlives_the_grace_is_handed_back(benches: Benches) -> None:
    """A job cut off by the grace goes back uncounted, and the next worker has it at once."""
    async with benches() as bench:
        await bench.model_fails(hang_s=60, count=1)
        worker = bench.start_worker("first", WORKER_GRACE_S="0.2")
        await bench.enqueue("slow")
        await until(lambda: _calls(bench, 1), what="the call on its way")
        worker.send(signal.SIGINT)
        assert worker.wait(30) == 0
        assert [line["job_id"] for line in log_lines(worker, "handed_back")] == ["slow"]
        assert await bench.deliveries("llm:text_tag") == [0]
        bench.start_worker("second")
        [job] = await bench.ended("slow")
        assert job["status"] == "completed"
        await bench.settled()


async def test_a_second_signal_ends_it_now(benches: Benches) -> None:
    """The grace is cut short; the exit code says that it was forced."""
    async with benches() as bench:
        await bench.model_fails(hang_s=60, count=1)
        worker = bench.start_worker(WORKER_GRACE_S="600")
        await bench.enqueue("slow")
        await until(lambda: _calls(bench, 1), what="the call on its way")
        worker.send(signal.SIGTERM)
        await until(lambda: _logged(worker, "draining"), what="the drain")
        worker.send(signal.SIGTERM)
        assert worker.wait(30) == 130


async def test_a_killed_workers_job_runs_again(benches: Benches) -> None:
    """SIGKILL in the middle of inference: another worker has the job after the lease."""
    async with benches() as bench:
        await bench.model_fails(hang_s=60, count=1)
        first = bench.start_worker("first", WORKER_LEASE_S="1")
        await bench.enqueue("orphan")
        await until(lambda: _calls(bench, 1), what="the call on its way")
        first.kill()
        bench.start_worker("second", WORKER_LEASE_S="1")
        [job] = await bench.ended("orphan")
        assert job["status"] == "completed"
        assert await bench.model_calls() == 2
        await bench.settled()


async def test_core_down_costs_no_second_answer(bench: Bench) -> None:
    """The answer waits in the outbox; when Core is back it is delivered, asked for once."""
    worker = bench.start_worker()
    bench.stack.core.stop()
    await bench.enqueue("patient")

    async def recorded() -> int:
        return int(await bench.command("HLEN", "llm:outbox:text_tag"))

    await until(recorded, what="the outcome in the outbox")
    await until(lambda: _ready(bench, worker, "core"), what="/ready naming Core")
    bench.stack.core.start()
    bench.stack.core.wait_until_ready()
    [job] = await bench.ended("patient")
    assert job["status"] == "completed"
    assert await bench.model_calls() == 1
    await bench.settled()


async def test_the_outcome_survives_the_worker(bench: Bench) -> None:
    """Killed with Core down after inference, the next worker delivers without asking again."""
    first = bench.start_worker("first", WORKER_LEASE_S="1")
    bench.stack.core.stop()
    await bench.enqueue("heirloom")

    async def recorded() -> int:
        return int(await bench.command("HLEN", "llm:outbox:text_tag"))

    await until(recorded, what="the outcome in the outbox")
    first.kill()
    bench.stack.core.start()
    bench.stack.core.wait_until_ready()
    bench.start_worker("second", WORKER_LEASE_S="1")
    [job] = await bench.ended("heirloom")
    assert job["status"] == "completed"
    assert await bench.model_calls() == 1
    stats = await bench.core_stats()
    assert stats["effects_applied"]["add_tags"] == 1


async def test_a_404_from_core_keeps_the_answer(benches: Benches) -> None:
    """A strict Core that knows neither job nor memory: dead letter with the outcome in it."""
    async with benches(core_strict=True) as bench:
        bench.start_worker()
        await bench.enqueue("stranger")

        async def letters() -> list[dict[str, str]]:
            return await bench.dead()

        [letter] = await until(letters, what="the dead letter")
        assert letter["dead_reason"] == "core_rejected"
        assert "404" in letter["dead_error"]
        assert "naxos" in letter["dead_outcome"]
        assert await bench.model_calls() == 1
        await bench.settled()


async def test_the_model_overloaded_spends_no_attempt(bench: Bench) -> None:
    """Six 503 in a row are more than the attempts a job has; it is completed all the same."""
    worker = bench.start_worker(LLM_MAX_RETRIES="2")
    await bench.model_fails(status=503, retry_after=0.1, count=6)
    for number in range(6):
        await bench.enqueue(f"busy-{number}")
    jobs = await bench.ended(*(f"busy-{number}" for number in range(6)))
    assert {job["status"] for job in jobs} == {"completed"}
    assert not log_lines(worker, "job_retry")
    assert log_lines(worker, "service_away")
    assert log_lines(worker, "service_back")


async def test_a_deadline_ends_a_wait(bench: Bench) -> None:
    """A job that waits for a model that stays away is given up when nobody wants it any more."""
    bench.stack.model.stop()
    bench.start_worker()
    deadline = f"{time.time() + 1.5:.3f}"
    words = ("job_id", "late", "deadline", deadline, "payload", json.dumps(NOTE))
    await bench.command("XADD", "llm:text_tag", "*", *words)
    [job] = await bench.ended("late")
    assert job["error_message"].startswith("expired: the deadline passed while it waited")
    [letter] = await until(bench.dead, what="the dead letter")  # Core is told first
    assert (letter["dead_reason"], letter["dead_attempts"]) == ("expired", "0")


async def test_attempts_run_out(bench: Bench) -> None:
    """Answers that are no JSON: two calls an attempt, then failed with the reason."""
    await bench.model_fails(text="I would rather not", count=4)
    bench.start_worker(LLM_MAX_RETRIES="2")
    await bench.enqueue("hopeless")
    [job] = await bench.ended("hopeless")
    assert job["status"] == "failed"
    assert job["error_message"].startswith("invalid_answer: no usable answer")
    assert await bench.model_calls() == 4
    [letter] = await bench.dead()
    assert letter["dead_attempts"] == "2"
    assert letter["job_id"] == "hopeless"


async def test_redis_restarts_under_a_worker(bench: Bench) -> None:
    """The worker outlives Redis: what was queued before and after the restart is completed."""
    worker = bench.start_worker(WORKER_LEASE_S="1")
    await bench.enqueue("before")
    await bench.ended("before")
    bench.stack.redis.stop()
    await until(lambda: _logged(worker, "redis_unavailable"), what="the outage in the log")
    bench.stack.redis.start()
    await bench.enqueue("after")
    [job] = await bench.ended("after")
    assert job["status"] == "completed"
    assert worker.exit_code is None
    assert log_lines(worker, "redis_back")


async def test_a_full_redis_is_worked_off(bench: Bench) -> None:
    """What is queued is answered, delivered and settled: that is what gives it memory again."""
    worker = bench.start_worker()
    await bench.enqueue("before")
    await bench.ended("before")
    bench.stack.model.stop()
    names = [f"j{number}" for number in range(5)]
    for name in names:
        await bench.enqueue(name)
    await bench.command("CONFIG", "SET", "maxmemory", "1")
    bench.stack.model.start()
    bench.stack.model.wait_until_ready()
    jobs = await bench.ended(*names)
    assert [job["status"] for job in jobs] == ["completed"] * 5
    await bench.settled()
    assert (await bench.core_stats())["effects_applied"]["add_tags"] == 6
    assert worker.exit_code is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LLM_TEXT_MODEL": "unheard-of"}, "unheard-of"),
        ({"IMAGE_STORAGE_PATH": "/nowhere"}, "IMAGE_STORAGE_PATH"),
    ],
)
async def test_a_broken_worker_halts_and_loses_nothing(
    bench: Bench, settings: dict[str, Any], said: str
) -> None:
    """A wrong model name or folder stops the worker with code 3; the job waits for a good one."""
    payload = {"memory_id": "m1", "image_path": "x.png"}
    if "LLM_TEXT_MODEL" in settings:
        await bench.enqueue("kept")
    else:
        await bench.enqueue("kept", payload, JobType.IMAGE_TAG)
    worker = bench.stack.worker("broken", LOG_FORMAT="json", **settings)
    worker.start()
    assert worker.wait(30) == 3
    [line] = log_lines(worker, "halted")
    assert said in line["why"]
    assert await bench.dead() == []
    bench.start_worker("good")
    [job] = await bench.ended("kept")
    assert job["status"] == ("completed" if "LLM_TEXT_MODEL" in settings else "failed")


async def test_a_bad_key_halts_and_loses_nothing(bench: Bench) -> None:
    """A rotated key stops the worker with code 3; the queue does not empty into dead letters."""
    await bench.model_fails(status=401, count=1)
    worker = bench.stack.worker("locked-out", LOG_FORMAT="json")
    names = [f"kept-{number}" for number in range(20)]
    for name in names:
        await bench.enqueue(name)
    worker.start()
    assert worker.wait(30) == 3
    [line] = log_lines(worker, "halted")
    assert "LLM_API_KEY" in line["why"]
    assert await bench.dead() == []
    seen = await take_snapshot(bench.redis.commands, bench.keys)
    assert sum(stream.waiting for stream in seen.streams) == 20
    assert [stream.job_type for stream in seen.streams if stream.in_flight] == []
    assert [(w.silent, w.facts.halted) for w in seen.workers] == [(True, line["why"])]
    assert [line["why"] in hint.text for hint in seen.hints] == [True]
    bench.start_worker("good")
    assert {job["status"] for job in await bench.ended(*names)} == {"completed"}

    async def told() -> bool:
        seen = await take_snapshot(bench.redis.commands, bench.keys)
        return [worker.silent for worker in seen.workers] == [False]

    await until(told, what="the good worker's first beat, in the place of the other's row")
    seen = await take_snapshot(bench.redis.commands, bench.keys)
    assert [hint for hint in seen.hints if "halt" in hint.text] == []


async def test_live_and_ready(bench: Bench) -> None:
    """/live while the loops move; /ready names Redis, Core and the model, and what it is sent."""
    worker = bench.start_worker()
    live = await bench.get(worker.ready_url)
    assert live["live"] is True
    ready = await bench.ready(worker)
    assert {limit["role"] for limit in ready.pop("limits")} == {"text", "vision"}
    assert ready == {
        "ready": True,
        "draining": False,
        "checks": {"redis": "ok", "core": "ok", "model": "ok"},
        "away": {},
    }
    bench.stack.model.stop()
    await until(lambda: _ready(bench, worker, "model"), what="/ready naming the model")


async def _calls(bench: Bench, count: int) -> bool:
    return await bench.model_calls() >= count


async def _logged(worker: Any, event: str) -> bool:
    return bool(log_lines(worker, event))


async def _ready(bench: Bench, worker: Any, failing: str) -> bool:
    answer = await bench.get(worker.ready_url.replace("live", "ready"))
    return not answer["ready"] and answer["checks"][failing] != "ok"
