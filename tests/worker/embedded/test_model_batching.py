"""The stand-in as a batching server: its engine on a clock of the test's own."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.worker.embedded.batching_servers import ENDLESS, VirtualTime, running, series, until
from worker.embedded.model_batching import Batching, BatchingEngine, Pacing
from worker.embedded.model_engine import Refused
from worker.embedded.model_lengths import LengthProfile
from worker.embedded.model_picture import Picture
from worker.embedded.model_request import ChatCall
from worker.embedded.model_scheduler import Profile
from worker.embedded.model_tally import Tally

CALL = ChatCall("m", "hello", (), 2, 10, None, None, ignore_eos=True)
BOUNDS = ("0.3", "0.8", "1.5", "+Inf")
MEGAPIXEL = Picture(1_000, 1_000, "bright", "calm", ("blue",))


async def test_time_grows_with_the_batch_and_the_queue() -> None:
    """One alone, a full batch, and two batches one after the other."""
    took_s: list[float] = []
    for requests in (1, 4, 8):
        async with running(Batching(Profile(4, step_ms=10, sequence_ms=5, prefill_ms=0))) as (
            engine,
            time,
        ):
            await asyncio.gather(*(engine.generate(CALL, 0) for _ in range(requests)))
            took_s.append(time.now_s)
    assert took_s == [pytest.approx(10 * each) for each in (0.015, 0.030, 0.060)]


async def test_a_thousand_at_once_are_one_task_and_exact() -> None:
    """Every one of them ends, and the tokens add up."""
    async with running(Batching(Profile(256, 10, 0.1, 0.01), LengthProfile(20, 1, 7))) as (
        engine,
        _,
    ):
        call = replace(CALL, ignore_eos=False, max_tokens=50)
        tokens = await asyncio.gather(*(engine.generate(call, 0) for _ in range(1_000)))
        assert series(engine.metrics())["vllm:generation_tokens_total"] == sum(tokens)
        assert series(engine.metrics())["vllm:prompt_tokens_total"] == 2_000
        assert (engine.running, engine.waiting) == (0, 0)


async def test_the_queue_time_of_the_finished_is_told() -> None:
    """Of two, one waited for the other's ten steps; with buckets as vLLM has them."""
    async with running(Batching(Profile(1, step_ms=100, sequence_ms=0, prefill_ms=0))) as (
        engine,
        _,
    ):
        await asyncio.gather(*(engine.generate(CALL, 0) for _ in range(2)))
        found = series(engine.metrics())
    assert found["vllm:request_queue_time_seconds_count"] == 2
    assert found["stand_in:waiting_seconds_total"] == pytest.approx(1.0)
    assert found["stand_in:running_seconds_total"] == pytest.approx(2.0)
    assert found["stand_in:steps_total"] == 20
    assert found["stand_in:clock_seconds"] == pytest.approx(2.0)
    assert found["vllm:request_queue_time_seconds_sum"] == pytest.approx(1.0)
    buckets = {bound: found[f"vllm:request_queue_time_seconds_bucket {bound}"] for bound in BOUNDS}
    assert buckets == {"0.3": 1, "0.8": 1, "1.5": 2, "+Inf": 2}


async def test_pictures_are_prepared_one_at_a_time_before_the_queue() -> None:
    """Three of a million pixels take thrice as long as one, and hold no place meanwhile."""
    batching = Batching(Profile(4, step_ms=1, sequence_ms=0, prefill_ms=0), megapixel_ms=200)
    async with running(batching) as (engine, time):
        call = replace(CALL, pictures=(MEGAPIXEL,), max_tokens=1)
        waiting = asyncio.create_task(engine.generate(call, 0))
        await asyncio.sleep(0)
        assert (engine.running, engine.waiting) == (0, 0)
        await asyncio.gather(waiting, *(engine.generate(call, 0) for _ in range(2)))
        assert time.now_s == pytest.approx(3 * 0.2 + 0.001)


async def test_one_that_leaves_makes_room_for_the_next() -> None:
    """The other one of two runs, and nothing is left of the first."""
    async with running(Batching(Profile(1, step_ms=10))) as (engine, _):
        leaving = asyncio.create_task(engine.generate(CALL, 0))
        staying = asyncio.create_task(engine.generate(CALL, 0))
        await until(lambda: engine.waiting == 1)
        leaving.cancel()
        assert await staying == 10
        assert (engine.running, engine.waiting) == (0, 0)


async def test_one_that_leaves_as_its_last_step_ends() -> None:
    """In the very same turn of the event loop; the engine goes on all the same."""
    time = VirtualTime()
    engine = BatchingEngine(
        Batching(Profile(1, step_ms=10)), Tally(("m",), 1), Pacing(lambda: time.now_s, time.pause)
    )
    works = asyncio.create_task(engine.run())
    leaving = asyncio.create_task(engine.generate(replace(CALL, max_tokens=1), 0))
    await until(lambda: len(time.pauses) == 1)
    (_, _, step_end) = time.pauses.pop()
    step_end.set_result(None)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert not works.done()
    works.cancel()
    await asyncio.gather(works, return_exceptions=True)


@pytest.mark.parametrize("max_queued", [0, 2])
async def test_the_door_is_shut_in_time(max_queued: int) -> None:
    """So many wait and run; whoever comes after them is refused, at the door and at the queue."""
    call = replace(CALL, max_tokens=None)
    async with running(replace(ENDLESS, max_queued=max_queued)) as (engine, _):
        inside = [asyncio.create_task(engine.generate(call, 0)) for _ in range(max_queued)]
        await until(lambda: engine.running + engine.waiting == max_queued)
        with pytest.raises(Refused):
            async with engine.turn(CALL):
                pass
        with pytest.raises(Refused):
            await engine.generate(call, 0)
        for task in inside:
            task.cancel()
        await asyncio.gather(*inside, return_exceptions=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LengthProfile(0),
        lambda: LengthProfile(9, -1),
        lambda: Batching(max_queued=-1),
        lambda: Batching(megapixel_ms=-1),
    ],
)
def test_what_no_server_does(make: Callable[[], object]) -> None:
    """It is refused before anything runs."""
    with pytest.raises(ValueError, match=r"need|neither"):
        make()
