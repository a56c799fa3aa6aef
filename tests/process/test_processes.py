"""`WORKER_PROCESSES`: several real processes that are one worker to whoever runs them."""

import os
import signal
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.process.bench import Bench, log_lines, until
from tests.process.conftest import Benches
from worker.embedded.service import Service

pytestmark = pytest.mark.process
TWO = {"WORKER_PROCESSES": "2", "WORKER_JOB_TYPES": "text_tag"}


def pids(worker: Service) -> dict[int, int]:
    """The operating system's number of each process, the newest where there were several."""
    lines = log_lines(worker, "started")
    return {line["process"]: int(line["consumer"].split("-")[-2]) for line in lines}


async def logged(worker: Service, event: str, count: int = 1) -> list[dict[str, Any]]:
    """The log lines of an event, once there are so many."""

    async def enough() -> list[dict[str, Any]] | None:
        lines = log_lines(worker, event)
        return lines if len(lines) >= count else None

    return await until(enough, what=f"{count} log lines {event}")


async def test_two_processes_share_the_work_and_one_health_port(bench: Bench) -> None:
    """All jobs end, both take part, and what they count is told apart."""
    worker = bench.start_worker(**TWO, WORKER_CONCURRENCY="8", WORKER_HELD_MAX="8")
    names: list[str] = []

    async def both_take_part() -> bool:
        names.extend(f"j{len(names) + number}" for number in range(10))
        for name in names[-10:]:
            await bench.enqueue(name)
        return {line["process"] for line in log_lines(worker, "job_done")} == {0, 1}

    await until(both_take_part, what="a job done by each")
    jobs = await bench.ended(*names)
    await bench.settled()
    assert {job["status"] for job in jobs} == {"completed"}
    ours = [worker.pid, *pids(worker).values()]
    assert len({os.getsid(pid) for pid in ours}) == 3  # Ctrl-C is for the parent alone
    base = worker.ready_url.removesuffix("/live")
    live = await bench.get(f"{base}/live")
    assert live == {
        "live": True,
        "processes": {str(n): {"live": True, "stuck_s": {}} for n in range(2)},
    }
    ready = await bench.ready(worker)
    assert (ready["ready"], ready["draining"]) == (True, False)
    assert [each["checks"]["redis"] for each in ready["processes"].values()] == ["ok", "ok"]
    async with bench.http.get(f"{base}/metrics") as response:
        families = list(text_string_to_metric_families(await response.text()))
    assert len({family.name for family in families}) == len(families)
    done = {
        sample.labels["process"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "llm_worker_jobs_total" and sample.labels["job_type"] == "text_tag"
    }
    assert done.keys() == {"0", "1"}
    assert sum(done.values()) == len(names)
    worker.stop()
    assert worker.exit_code == 0
    assert {line["concurrency"] for line in log_lines(worker, "started")} == {4}


async def test_a_drain_lets_what_runs_finish(benches: Benches) -> None:
    """SIGTERM to every process of the service, as service managers send it, is one request."""
    async with benches(latency_ms=1_500) as bench:
        worker = bench.start_worker(**TWO, WORKER_CONCURRENCY="2", LLM_CANARY="false")
        for number in range(2):
            await bench.enqueue(f"j{number}")

        async def both_run() -> bool:
            return int((await bench.get(f"{bench.stack.model_url}/stats"))["running"]) == 2

        await until(both_run, what="two jobs at work")
        for pid in pids(worker).values():
            os.kill(pid, signal.SIGTERM)
        worker.send(signal.SIGTERM)
        assert worker.wait(30) == 0
        jobs = await bench.ended("j0", "j1")
        assert {job["status"] for job in jobs} == {"completed"}
        await bench.settled()
        assert await bench.model_calls() == 2
        assert [line["exit_code"] for line in log_lines(worker, "stopped")] == [0, 0, 0]


async def test_a_second_signal_is_for_all(benches: Benches) -> None:
    """Nothing is waited for any more; the job stays in the queue."""
    async with benches(latency_ms=60_000) as bench:
        worker = bench.start_worker(**TWO, LLM_CANARY="false")
        await bench.enqueue("j1")

        async def runs() -> bool:
            return int((await bench.get(f"{bench.stack.model_url}/stats"))["running"]) == 1

        await until(runs, what="the job at work")
        worker.send(signal.SIGTERM)
        await logged(worker, "draining", 3)
        worker.send(signal.SIGTERM)
        assert worker.wait(30) == 130
        assert await bench.command("XLEN", "llm:text_tag") == 1


async def test_a_process_that_is_killed_is_replaced_and_loses_no_job(benches: Benches) -> None:
    """Its jobs go to the others by their leases; the worker is whole again."""
    async with benches(latency_ms=200) as bench:
        worker = bench.start_worker(**TWO, WORKER_CONCURRENCY="4", WORKER_LEASE_S="2")
        names = [f"j{number}" for number in range(40)]
        for name in names:
            await bench.enqueue(name)
        await logged(worker, "job_done")
        victim = pids(worker)[1]
        os.kill(victim, signal.SIGKILL)
        [died] = await logged(worker, "process_died")
        assert (died["process"], died["exit"]) == (1, "SIGKILL")
        jobs = await bench.ended(*names)
        assert {job["status"] for job in jobs} == {"completed"}
        await bench.settled()
        await logged(worker, "started", 3)
        assert pids(worker)[1] != victim

        async def whole() -> bool:
            live = await bench.get(worker.ready_url)
            return bool(live["live"])

        await until(whole, what="both processes alive")
        async with bench.http.get(worker.ready_url.replace("/live", "/metrics")) as response:
            assert 'llm_worker_process_deaths_total{process="1"} 1\n' in await response.text()
        worker.stop()
        assert worker.exit_code == 0


async def test_without_a_parent_they_leave(bench: Bench) -> None:
    """A parent that is killed tells nobody, and still no process goes on unwatched."""
    worker = bench.start_worker(**TWO)
    await bench.enqueue("j1")
    await bench.ended("j1")
    worker.kill()
    try:
        lines = await logged(worker, "stopped", 2)
    finally:  # else those that have failed here would go on for ever
        for pid in pids(worker).values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert {(line["process"], line["exit_code"]) for line in lines} == {(0, 0), (1, 0)}
    await bench.enqueue("j2")
    assert await bench.pending() == 0


async def test_what_halts_one_ends_the_whole(bench: Bench) -> None:
    """A model that the server does not have: exit code 3, with nothing restarted."""
    worker = bench.stack.worker("halted", **TWO, LOG_FORMAT="json", LLM_TEXT_MODEL="no-such")
    worker.start()
    assert worker.wait(60) == 3
    assert log_lines(worker, "halted")
    assert not log_lines(worker, "process_died")
