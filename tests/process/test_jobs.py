"""A job goes in by a plain XADD, a result comes out in Core."""

import json

import pytest

from shared import RESULTS, JobType
from shared.schemas import PAYLOADS
from tests.process.bench import NOTE, Bench, log_lines
from worker.embedded.samples import USER, paint, samples

pytestmark = pytest.mark.process


async def test_a_plain_xadd_ends_in_core(bench: Bench) -> None:
    """The command of the README, before the worker was ever started, is run and logged."""
    words = ("XADD", "llm:text_tag", "*", "job_id", "7f3", "user_id", "42", "payload")
    await bench.command(*words, json.dumps(NOTE))
    worker = bench.start_worker()
    [job] = await bench.ended("7f3")
    await bench.settled()
    worker.stop()
    assert job["status"] == "completed"
    assert "naxos" in job["result"]["tags"]
    memory = await bench.get(f"{bench.stack.core_url}/memories/m1")
    assert {"tag": "naxos", "status": "suggested"} in memory["tags"]
    [line] = log_lines(worker, "job_done")
    named = (
        "job_id job_type entry_id outcome attempt wait_ms llm_ms deliver_ms tokens_in tokens_out"
    )
    assert set(named.split()) <= line.keys()
    assert "Naxos" not in worker.log
    assert worker.exit_code == 0


async def test_every_job_type_has_a_valid_result(bench: Bench) -> None:
    """Each sample ends as its type's result, and the one that is wrong on purpose as failed."""
    paint(bench.stack.images)
    bench.start_worker()
    wanted = list(samples())
    assert {sample.job_type for sample in wanted} == set(JobType) == PAYLOADS.keys()
    for sample in wanted:
        await bench.enqueue(sample.job_id, sample.payload, sample.job_type)
    jobs = await bench.ended(*(sample.job_id for sample in wanted))
    for sample, job in zip(wanted, jobs, strict=True):
        if sample.payload.get("image_path") == "../secrets.txt":
            assert job["status"] == "failed"
            continue
        assert job["status"] == "completed", job
        RESULTS[sample.job_type].model_validate(job["result"])
    events = await bench.get(f"{bench.stack.core_url}/events?owner_user_id={USER}")
    assert sorted(event["event_time"] for event in events) == [
        "2026-12-14T15:30:00+02:00",
        "2026-12-18T19:00:00+02:00",
    ]
    await bench.settled()


async def test_core_publishes_and_gets_the_result(bench: Bench) -> None:
    """A job made by `POST /llm_jobs` goes through Redis and the worker back into Core."""
    bench.start_worker()
    body = {"job_type": "intent_classify", "user_id": 42, "payload": {"query": "remind me of it"}}
    async with bench.http.post(f"{bench.stack.core_url}/llm_jobs", json=body) as response:
        assert response.status == 201
        job_id = (await response.json())["job_id"]
    [job] = await bench.ended(job_id)
    assert job["result"]["intent"] == "reminder_check"


async def test_a_worker_of_some_types_leaves_the_others(bench: Bench) -> None:
    """`WORKER_JOB_TYPES` lets one deployment do its types only."""
    await bench.enqueue("note")
    await bench.enqueue("query", {"query": "what is open"}, JobType.INTENT_CLASSIFY)
    bench.start_worker(WORKER_JOB_TYPES="intent_classify, followup")
    await bench.ended("query")
    assert await bench.job("note") is None
    assert await bench.command("XLEN", "llm:text_tag") == 1
