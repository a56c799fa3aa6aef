"""The line before the servers: first come, first served, and whoever leaves it holds nobody up."""

import asyncio

from tests.builders import turn
from worker.llm.line import Line


async def test_in_the_order_of_coming() -> None:
    """One at a time, and nobody without room."""
    line, room, served = Line(), [0], list[int]()

    async def wait(number: int) -> None:
        async with line.place() as look:
            while not room[0]:
                await look()
            room[0] -= 1
            served.append(number)

    tasks = [asyncio.create_task(wait(number)) for number in range(4)]
    await turn()
    assert (served, len(line)) == ([], 4)
    room[0] = 2
    line.move()
    await turn(20)
    assert (served, len(line)) == ([0, 1], 2)
    tasks[2].cancel()
    await turn()
    room[0] = 1
    line.move()
    await turn(20)
    assert (served, len(line)) == ([0, 1, 3], 0)
    line.move()


async def test_who_gives_up_in_the_moment_of_its_turn_passes_it_on() -> None:
    """The look that was meant for it is the next one's."""
    line, served = Line(), list[int]()

    async def wait(number: int) -> None:
        async with line.place() as look:
            await look()
            if number == 0:
                await look()
            served.append(number)

    first, second = (asyncio.create_task(wait(number)) for number in range(2))
    await turn()
    line.move()
    first.cancel()
    await turn(20)
    assert served == [1]
    assert second.done()
