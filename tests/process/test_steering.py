"""A running fleet is seen and steered from the command line."""

import asyncio
import json
import signal
from typing import Any

import pytest

from shared import JobType
from tests.process.bench import NOTE, Bench, log_lines, until
from tests.process.command_line import type_in
from tests.process.conftest import Benches
from worker.embedded.service import Service
from worker.operations.fleet import Worker
from worker.operations.pausing import PauseNote, pause
from worker.operations.snapshot import take_snapshot
from worker.operations.story import tell_story
from worker.operations.streams import count_streams

pytestmark = pytest.mark.process


async def _stats(bench: Bench) -> Any:
    return await bench.get(f"{bench.stack.model_url}/stats")


async def _running(bench: Bench) -> None:
    async def one() -> bool:
        return (await _stats(bench))["calls"] >= 1

    await until(one, what="a call of the model")


async def _workers(bench: Bench) -> list[Worker]:
    return list((await take_snapshot(bench.redis.commands, bench.keys)).workers)


async def _state(bench: Bench, job_id: str) -> str:
    return (await tell_story(bench.redis.commands, bench.keys, job_id)).state


async def test_a_job_is_cancelled_while_the_model_works(bench: Bench) -> None:
    """The request is dropped, Core is told, the event comes; a replay undoes it."""
    await bench.model_fails(hang_s=60, count=1)
    bench.start_worker()
    await bench.enqueue("slow")
    await _running(bench)
    assert await _state(bench, "slow") == "running"
    said = await type_in(bench, "cancel", "slow", "--wait")
    assert said.code == 0, said.err
    assert "its worker lets go of it" in said.out

    async def dropped() -> bool:
        return (await _stats(bench))["cancelled"] == 1

    await until(dropped, what="the end of the model's request")
    [job] = await bench.ended("slow")
    assert job["status"] == "failed"
    assert job["error_message"] == "cancelled: cancelled on request"
    await bench.settled()
    story = (await type_in(bench, "job", "slow", "--json")).json
    assert story["state"] == "dead"
    assert story["story"]["letters"][0]["fields"]["dead_reason"] == "cancelled"
    assert (await type_in(bench, "dead", "replay", "--reason", "cancelled")).code == 0

    async def completed() -> bool:
        return await _state(bench, "slow") == "completed"

    await until(completed, what="the replayed job's end")


async def test_a_paused_type_waits_and_others_go_on(bench: Bench) -> None:
    """Mid-queue, in the whole fleet; a worker that starts meanwhile knows of it."""
    workers = [bench.start_worker("first", WORKER_CONCURRENCY="1")]
    assert (await type_in(bench, "pause", "text_tag", "--why", "a test")).code == 0
    workers += [bench.start_worker("second")]

    async def heard() -> bool:
        return all(log_lines(worker, "paused_by_operator") for worker in workers)

    await until(heard, what="both workers' word")
    for number in range(5):
        await bench.enqueue(f"j{number}")
    await bench.enqueue("other", {"query": "where was I?"}, JobType.INTENT_CLASSIFY)
    await bench.ended("other")
    status = (await type_in(bench, "status", "--json")).json
    [text] = [stream for stream in status["streams"] if stream["job_type"] == "text_tag"]
    assert (text["waiting"], text["in_flight"], text["paused"]["why"]) == (5, 0, "a test")
    assert [hint["command"] for hint in status["hints"]] == ["llm-worker resume text_tag"]
    assert await bench.model_calls() == 1
    assert (await type_in(bench, "resume", "--all")).code == 0
    await bench.ended(*(f"j{number}" for number in range(5)))


async def test_a_paused_tenant_waits_and_others_go_on(benches: Benches) -> None:
    """Mid-queue: what runs goes on, the rest waits for the word, and each job ends once."""
    async with benches(latency_ms=300) as bench:
        workers = [bench.start_worker(name, WORKER_CONCURRENCY="2") for name in ("one", "other")]
        jobs = [f"{tenant}{number}" for number in range(30) for tenant in "ab"]
        for job_id in jobs:
            await bench.enqueue(job_id, tenant=job_id[0])
        await bench.ended("a0", "b0")
        await pause(bench.redis.commands, bench.keys, ["tenant:a"], PauseNote())
        said = await type_in(bench, "pause", "--tenant", "a")
        assert (said.out, said.err) == ("tenant a was paused already\n", "")

        async def heard() -> bool:
            return all(log_lines(worker, "paused_by_operator") for worker in workers)

        await until(heard, what="both workers' word")
        await bench.ended(*(name for name in jobs if name[0] == "b"))
        await until(lambda: _nothing_in_hand(bench), what="workers without work")
        left = int(await bench.command("XLEN", bench.keys.stream(JobType.TEXT_TAG)))
        calls = await bench.model_calls()
        assert left >= 10
        assert calls == len(jobs) - left
        hints = (await type_in(bench, "status", "--json")).json["hints"]
        assert [(hint["text"].partition("; ")[2], hint["command"]) for hint in hints] == [
            (f"{left} jobs wait", "llm-worker resume --tenant a"),
        ]
        await bench.enqueue("b-late", tenant="b")
        await bench.ended("b-late")
        assert (await type_in(bench, "resume", "--tenant", "a")).code == 0
        await bench.ended(*jobs)
        await bench.settled()
        assert await bench.model_calls() == len(jobs) + 1
        assert await bench.dead() == []


async def _nothing_in_hand(bench: Bench) -> bool:
    [counts] = await count_streams(bench.redis.commands, bench.keys, [JobType.TEXT_TAG])
    return counts.in_flight == 0


async def test_enqueued_and_waited_for(bench: Bench) -> None:
    """The exit code says how it ended; for a file, how many did."""
    bench.start_worker()
    said = await type_in(bench, "enqueue", "text_tag", json.dumps(NOTE), "--wait", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out.splitlines()[1])["event"] == "completed"
    late = ("--deadline", "1700000000")
    said = await type_in(bench, "enqueue", "text_tag", json.dumps(NOTE), "--wait", *late)
    assert said.code == 4
    assert said.out.endswith(" dead of expired\n")
    lines = "\n".join([json.dumps(NOTE)] * 30)
    said = await type_in(
        bench, "enqueue", "text_tag", "--file", "-", "--wait", "--json", stdin=lines
    )
    assert (said.code, said.json["appended"], said.json["completed"]) == (0, 30, 30)


async def _silent(bench: Bench) -> bool:
    return [worker.silent for worker in await _workers(bench)] == [True]


async def test_a_worker_that_is_killed_falls_silent(bench: Bench) -> None:
    """One that stops in good order is gone at once."""
    worker: Service = bench.start_worker()

    async def told() -> bool:
        return len(await _workers(bench)) == 1

    await until(told, what="its first word")
    worker.send(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 30) == 0
    assert await _workers(bench) == []
    other = bench.start_worker("other")
    await until(told, what="the other's first word")
    other.kill()
    await until(lambda: _silent(bench), what="silence", patience_s=60)
    status = await type_in(bench, "status")
    assert "silent for" in status.out
    assert "no worker runs" in status.out
