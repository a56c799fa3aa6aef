"""What is delivered again and again without an answer runs alone, and takes nobody along."""

import asyncio
from typing import Any

import pytest

from shared.enums import FailureReason
from tests.answer_room import AnswerRoom
from tests.builders import QuickParking, bare, claimed, job, job_fields, tagged, turn
from worker.errors import Reject, Retryable
from worker.handlers.handler import Tools
from worker.job import HandBack
from worker.outcome import Completed, Failed, Outcome
from worker.slots import Slots


async def test_suspects_run_alone() -> None:
    """What was delivered three times shares the process with nobody, whoever comes when."""
    running, beside = list[int](), list[list[int]]()

    async def run(_payload: Any, tools: Tools) -> Completed:
        number = tools.user_id or 0
        running.append(number)
        await turn()
        if number >= 100:
            beside.append(list(running))
        running.remove(number)
        return tagged("m1")

    room = AnswerRoom(run=run, slots=Slots(8, held_max=99))
    numbers = [1, 2, 100, 3, 101, 4, 5]
    entries = [
        claimed(fields=job_fields(user_id=str(n)), deliveries=3 if n >= 100 else 2) for n in numbers
    ]
    tasks = [asyncio.create_task(room.answer(job(entry))) for entry in entries]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert beside == [[100]]
    assert [type(result) for result in results].count(HandBack) == 1
    assert room.slots.used == 0


@pytest.mark.parametrize("waits", ["parked", "for a slot"])
async def test_others_are_handed_back_first(waits: str) -> None:
    """Who waits here would be taken along, and counted as delivered once more."""
    hold = asyncio.Event()

    async def run(_payload: Any, tools: Tools) -> Completed:
        if tools.user_id == 1:
            await hold.wait()
        elif waits == "parked":
            raise Retryable("no luck")
        return tagged("m1")

    room = AnswerRoom(run=run, parking=QuickParking(held_from_s=0.0))
    suspect = job(claimed(fields=job_fields(user_id="1"), deliveries=3))
    another = job(claimed(deliveries=2 if waits == "parked" else 4))
    room.slots.hold()  # a third, that runs
    order = [another, suspect] if waits == "parked" else [suspect, another]
    tasks = {id(made): asyncio.create_task(room.answer(made)) for made in order}
    await turn()
    room.slots.give_back()
    with pytest.raises(HandBack):
        await tasks[id(another)]
    hold.set()
    assert bare(await tasks[id(suspect)]) == tagged("m1")
    assert room.slots.used == 0


async def test_claimed_while_another_is_alone() -> None:
    """A claim that was on its way brings a job: handed back; after the suspect work goes on."""
    hold = asyncio.Event()

    async def run(_payload: Any, tools: Tools) -> Completed:
        if tools.user_id == 1:
            await hold.wait()
            raise Reject(FailureReason.MODEL_REFUSED, "no")
        return tagged("m1")

    room = AnswerRoom(run=run)
    fields = job_fields(user_id="1")
    alone = asyncio.create_task(room.answer(job(claimed(fields=fields, deliveries=3))))
    await turn()
    with pytest.raises(HandBack):
        await room.answer(job())
    hold.set()
    assert isinstance(await alone, Failed)
    assert bare(await room.answer(job())) == tagged("m1")
    assert room.slots.used == 0


@pytest.mark.parametrize("first", [True, False])
async def test_a_killer_takes_nobody_along(first: bool) -> None:
    """A job that kills every worker ends as poison; three that ran beside it are answered."""
    others = {"b", "c", "d"}
    names = ["killer", *sorted(others)] if first else [*sorted(others), "killer"]
    counts, ended = dict.fromkeys(names, 0), dict[str, Outcome]()
    for _ in range(12):
        for name, outcome in (await life(counts)).items():
            ended[name] = bare(outcome)
            del counts[name]
    assert counts == {}
    killer = ended.pop("killer")
    assert isinstance(killer, Failed)
    assert killer.reason is FailureReason.POISON
    assert ended == dict.fromkeys(others, tagged("m1"))


async def life(counts: dict[str, int]) -> dict[str, Outcome]:
    """One worker from start to kill: claims all, counts as the stream does; returns what ended."""
    killed = asyncio.Event()

    async def run(_payload: Any, tools: Tools) -> Completed:
        name = tools.ask.request_id.partition("-")[0]
        if name == "killer":
            killed.set()
        if name == "killer" or counts[name] < 3:  # a call that takes long, cut off by the kill
            await asyncio.Event().wait()
        return tagged("m1")

    room = AnswerRoom(run=run, slots=Slots(8, held_max=99))
    tasks: dict[str, asyncio.Task[Outcome]] = {}
    for name, count in list(counts.items()):
        counts[name] = count + 1
        entry = claimed(fields=job_fields(job_id=name), deliveries=count + 1)
        tasks[name] = asyncio.create_task(room.answer(job(entry)))
    await turn(30)
    return {name: task.result() for name, task in tasks.items() if refunded(counts, name, task)}


def refunded(counts: dict[str, int], name: str, task: "asyncio.Task[Outcome]") -> bool:
    """Whether a job has ended; one that was handed back has its delivery refunded."""
    if not task.done():
        task.cancel()  # the kill: its delivery stays counted
        return False
    if isinstance(task.exception(), HandBack):
        counts[name] -= 1
        return False
    return True
