"""Several model servers, and one that is sick: what a real worker makes of them."""

import asyncio
import json
import signal
from typing import Any

import pytest

from tests.process.bench import Bench, log_lines, until
from tests.process.conftest import Benches
from worker.embedded.model_api import ModelConfig, run_model
from worker.embedded.service import Service
from worker.operations.snapshot import take_snapshot

pytestmark = pytest.mark.process
QUICK = {"LLM_BREAKER_OPEN_S": "0.5", "LLM_BREAKER_MIN_CALLS": "3", "LLM_BREAKER_PROBES": "1"}


def _fallback(url: str) -> str:
    entry = {"provider": "openai", "base_url": f"{url}/v1", "model": "gpt", "api_key": "k"}
    return json.dumps([entry])


async def _all_done(bench: Bench, *names: str) -> list[dict[str, Any]]:
    for name in names:
        await bench.enqueue(name)
    jobs = await bench.ended(*names)
    assert {job["status"] for job in jobs} == {"completed"}
    return jobs


async def _switches(worker: Service, count: int) -> list[tuple[str, str]]:
    async def switched() -> list[tuple[str, str]] | None:
        lines = log_lines(worker, "model_switched")
        found = [(line["old_provider"], line["new_provider"]) for line in lines]
        return found if len(found) >= count else None

    return await until(switched, what=f"{count} switches")


async def test_the_fallback_takes_over_and_gives_back(bench: Bench) -> None:
    """The first server dies under the worker and comes back: nothing is lost, each switch told."""
    async with run_model(ModelConfig(models=("gpt",)), "127.0.0.1", 0) as second:
        worker = bench.start_worker(LLM_FALLBACKS=_fallback(second.url), **QUICK)
        await _all_done(bench, "a")
        bench.stack.model.stop()
        [job, *_] = await _all_done(bench, *(f"b{number}" for number in range(10)))
        assert job["result"]["tags"]
        assert await _switches(worker, 1) == [("vllm", "openai")]
        bench.stack.model.start()
        bench.stack.model.wait_until_ready()

        async def back() -> bool:
            await _all_done(bench, f"c{len(log_lines(worker, 'job_done'))}")
            return len(log_lines(worker, "model_switched")) == 2

        await until(back, what="the way back")
        assert await _switches(worker, 2) == [("vllm", "openai"), ("openai", "vllm")]
        assert await bench.dead() == []
        await bench.settled()


async def test_one_that_returns_is_used_at_once(bench: Bench) -> None:
    """Jobs wait for it, and not for the minute for which it was to be left alone."""
    worker = bench.start_worker(**QUICK | {"LLM_BREAKER_OPEN_S": "3600"})
    await _all_done(bench, "a")
    bench.stack.model.stop()
    names = [f"b{number}" for number in range(10)]
    for name in names:
        await bench.enqueue(name)

    async def left_alone() -> bool:
        return bool(log_lines(worker, "model_server_left_alone"))

    await until(left_alone, what="the breaker to open")
    bench.stack.model.start()
    assert {job["status"] for job in await bench.ended(*names)} == {"completed"}
    assert log_lines(worker, "model_server_left_alone")[0]["for_s"] == 60
    await bench.settled()


async def test_who_is_away_at_the_start(bench: Bench) -> None:
    """The fallback has the work from the first job on; no attempt is spent to find that out."""
    bench.stack.model.stop()
    async with run_model(ModelConfig(models=("gpt",)), "127.0.0.1", 0) as second:
        worker = bench.start_worker(LLM_FALLBACKS=_fallback(second.url), **QUICK)
        await _all_done(bench, "a", "b")
        assert [line["cause"] for line in log_lines(worker, "model_server_away")][:1] == [
            "connection_error"
        ]
        assert log_lines(worker, "job_retry") == []


async def test_replicas_share_and_stand_in_for_each_other(bench: Bench) -> None:
    """Both work; when one dies the other has it all, and no job notices."""
    async with run_model(ModelConfig(latency_s=0.02), "127.0.0.1", 0) as second:
        urls = f"{bench.stack.model_url}/v1,{second.url}/v1"
        worker = bench.start_worker(LLM_BASE_URL=urls, **QUICK)
        await _all_done(bench, *(f"a{number}" for number in range(20)))
        assert 0 < await bench.model_calls() < 20
        bench.stack.model.stop()
        await _all_done(bench, *(f"b{number}" for number in range(20)))
        assert log_lines(worker, "job_retry") == []


async def test_a_server_that_hangs(bench: Bench) -> None:
    """It takes requests and never answers: claiming pauses, and no job dies of it."""
    await bench.model_fails(hang_s=60, count=5)
    names = [f"j{number}" for number in range(12)]
    worker = bench.start_worker(LLM_TIMEOUT_S="0.4", WORKER_CONCURRENCY="3", **QUICK)
    await _all_done(bench, *names)
    assert await bench.dead() == []
    assert log_lines(worker, "model_server_left_alone") != []
    assert log_lines(worker, "claiming_paused") != []
    spent = [line["job_id"] for line in log_lines(worker, "job_retry")]
    assert len(spent) == len(set(spent)), "one attempt a job at most"


async def test_a_server_that_is_frozen(benches: Benches) -> None:
    """Long before its calls time out it is left alone; thawed, it answers what it holds, once."""
    async with benches(latency_ms=1_500) as bench:
        worker = bench.start_worker(LLM_TIMEOUT_S="120")

        async def asked() -> bool:
            return await bench.model_calls() == 1

        async def left_alone() -> list[dict[str, Any]]:
            return log_lines(worker, "model_server_left_alone")

        async def told() -> list[str]:
            seen = await take_snapshot(bench.redis.commands, bench.keys)
            return [hint.text for hint in seen.hints if hint.text.startswith("the model is away")]

        await bench.enqueue("held")
        await until(asked, what="the call on its way")
        bench.stack.model.send(signal.SIGSTOP)
        [line] = await until(left_alone, what="the server left alone")
        assert "hangs: it has calls and answers nothing" in line["why"]
        [text] = await until(told, what="the hint, though no other job has asked")
        assert text.endswith(line["why"])
        await bench.enqueue("next")
        bench.stack.model.send(signal.SIGCONT)
        jobs = await bench.ended("held", "next")
        assert [job["status"] for job in jobs] == ["completed", "completed"]
        assert await bench.model_calls() == 2


async def test_an_unknown_model_stops_the_start(bench: Bench) -> None:
    """Exit code 3, before any job is touched, with what the server has instead."""
    await bench.enqueue("waits")
    worker = bench.stack.worker(LOG_FORMAT="json", LLM_TEXT_MODEL="mistrall")
    worker.start()
    assert worker.wait(30) == 3
    [line] = log_lines(worker, "halted")
    for part in ("mistrall", "LLM_TEXT_MODEL", "llava, mistral"):
        assert part in line["why"]
        assert part in await _last_word(bench)
    assert await bench.command("XLEN", bench.keys.stream("text_tag")) == 1


async def _last_word(bench: Bench) -> str:
    """Why the only worker there is has halted, by its row; nobody is sent to start another."""
    seen = await take_snapshot(bench.redis.commands, bench.keys)
    [worker] = seen.workers
    assert worker.silent
    assert [hint.command for hint in seen.hints] == ["llm-worker check"]
    return worker.facts.halted


async def test_a_signal_during_the_first_look(bench: Bench) -> None:
    """A server that accepts and never answers does not keep a worker from being stopped."""

    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    asked = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    worker = bench.stack.worker(LOG_FORMAT="json", LLM_BASE_URL=f"http://127.0.0.1:{port}/v1")
    worker.start()
    await asyncio.wait_for(asked.wait(), 30)
    worker.send(signal.SIGTERM)
    assert worker.wait(3) == 0
    server.close()


async def test_an_address_that_is_none(bench: Bench) -> None:
    """It is told before anything is claimed, and is no crash."""
    worker = bench.stack.worker(LOG_FORMAT="json", LLM_BASE_URL="http://\u00e9..x/v1")
    worker.start()
    assert worker.wait(30) == 3
    [line] = log_lines(worker, "halted")
    assert "LLM_BASE_URL" in line["why"]
    assert "LLM_BASE_URL" in await _last_word(bench)
