"""Any crowd before a gate, in any order of events: one probe at a time, and nobody left asleep."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import QuickParking, turn
from worker.clock import Clock
from worker.errors import Service
from worker.gates import Gates
from worker.job import HandBack

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["come", "fail", "pass", "cancel", "wait", "clear"]), st.integers(0, 9)
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_nobody_is_left_asleep(steps: list[tuple[str, int]]) -> None:
    """Whatever happens meanwhile, when the service is back everybody gets through."""
    asyncio.run(Crowd().play(steps))


class Crowd:
    """Jobs that ask a service, which answers each when and as the test says."""

    def __init__(self) -> None:
        self.parking = QuickParking(elapsed=lambda: 0.0)
        clock = Clock(elapsed=self.parking.elapsed, jitter=lambda: 0.0)
        self.gates = Gates(self.parking, clock)
        self.asking: dict[int, asyncio.Future[bool]] = {}
        self.jobs: dict[int, asyncio.Task[None]] = {}
        self.probe = -1

    async def job(self, number: int) -> None:
        """What answering does with a gate."""
        gate = self.gates[Service.MODEL]
        try:
            while True:
                while not gate.try_enter(number):
                    await gate.wait(lambda: None)
                if not gate.is_open:
                    assert self.probe not in self.asking  # or there would be two
                    self.probe = number
                asked = asyncio.get_running_loop().create_future()
                self.asking[number] = asked
                try:
                    if await asked:
                        return gate.passed(number)
                finally:
                    del self.asking[number]
                gate.trip(number, "503", None)
        finally:
            self.gates.leave(number)

    async def play(self, steps: list[tuple[str, int]]) -> None:
        """Do the steps, then let everybody end."""
        for number, (step, which) in enumerate(steps):
            self.step(number, step, which)
            await turn()
        async with asyncio.timeout(10):
            while any(not task.done() for task in self.jobs.values()):
                self.answer(self.asking, well=True)
                await asyncio.sleep(0)
        for task in self.jobs.values():
            assert task.cancelled() or isinstance(task.exception(), HandBack | None)
        left = self.gates[Service.MODEL]._places  # pyright: ignore[reportPrivateUsage] - no leaks
        assert left == set()

    def step(self, number: int, step: str, which: int) -> None:
        """Do one thing, where it can be done."""
        if step == "come":
            self.jobs[number] = asyncio.create_task(self.job(number))
        elif step == "clear":
            self.parking.clear()
        elif step == "cancel" and self.jobs:
            list(self.jobs.values())[which % len(self.jobs)].cancel()
        elif step in {"fail", "pass"} and self.asking:
            one = list(self.asking)[which % len(self.asking)]
            self.answer([one], well=step == "pass")

    def answer(self, numbers: "list[int] | dict[int, asyncio.Future[bool]]", *, well: bool) -> None:
        """Let the service answer these."""
        for number in numbers:
            if not self.asking[number].done():
                self.asking[number].set_result(well)
