"""What a parent does with its children, with children that are made up and time that stands."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import aiohttp
import pytest
import structlog
from structlog.testing import LogCapture

from tests.process.bench import until
from worker.clock import Clock
from worker.lifecycle import ExitCode, Shutdown
from worker.processes import family as module
from worker.processes.family import Family


@dataclass(eq=False)
class Child:
    """A process that ends when it is told how."""

    index: int
    obedient: bool = True
    is_stuck: bool = False
    killed: bool = False
    healthy_s: float = 0.0
    pid: int = 1
    heard: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.end = asyncio.get_running_loop().create_future()

    async def ended(self) -> int:
        """As it was told."""
        return await self.end

    async def look(self, _session: object) -> None:
        """Nothing new."""

    def ends(self, status: int) -> None:
        """It ends by itself."""
        if not self.end.done():
            self.end.set_result(status)

    def drain(self) -> None:
        """Asked politely."""
        self.heard.append("drain")
        if self.obedient:
            self.ends(0)

    def leave_now(self) -> None:
        """Asked again."""
        self.heard.append("now")
        if self.obedient:
            self.ends(130)

    def kill(self) -> None:
        """Not asked."""
        self.killed = True
        self.ends(-9)


class Nursery:
    """Every child that was started, and the family they belong to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, grace_s: float = 1_000) -> None:
        self.started: list[Child] = []
        self.obedient = True
        self.no_room = False
        self.shutdown = Shutdown()
        self.waits: list[float] = []
        self.family = Family([{}, {}], grace_s, self.shutdown, Clock())
        monkeypatch.setattr(module, "start", self._start)
        monkeypatch.setattr(module.ends, "restart_after_s", self._restart_after_s)
        monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.005)

    async def _start(self, index: int, _share: Mapping[str, str], _elapsed: object) -> Child:
        if self.no_room:
            raise OSError(11, "Resource temporarily unavailable")
        self.started.append(Child(index, obedient=self.obedient))
        return self.started[-1]

    def _restart_after_s(self, deaths: int) -> float:
        self.waits.append(deaths)
        return 0.0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["asyncio.Task[ExitCode]"]:
        """The family, with both its first children there."""
        session = cast("aiohttp.ClientSession", None)
        task = asyncio.create_task(self.family.run(session))
        await self.has(lambda: len(self.started) == 2 or self.no_room)
        yield task
        if not task.done():
            task.cancel()
            await asyncio.wait({task})

    async def has(self, question: Callable[[], bool]) -> None:
        """Return once it is so."""

        async def so() -> bool:
            return question()

        await until(so, what="the family to get there", patience_s=20)


@pytest.fixture
def logged() -> list[dict[str, object]]:
    """What the parent said."""
    capture = LogCapture()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    return cast("list[dict[str, object]]", capture.entries)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Structlog is the process's: left as it was found."""
    yield
    structlog.reset_defaults()


async def test_a_drain_reaches_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told once, and the whole has drained when all have."""
    nursery = Nursery(monkeypatch)
    async with nursery.running() as task:
        nursery.shutdown.ask("SIGTERM")
        assert await asyncio.wait_for(task, 20) is ExitCode.DRAINED
    assert [child.heard for child in nursery.started] == [["drain"], ["drain"]]
    assert nursery.family.children == {}


async def test_a_second_signal_reaches_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those still there leave now."""
    nursery = Nursery(monkeypatch)
    async with nursery.running() as task:
        for child in nursery.started:
            monkeypatch.setattr(child, "drain", lambda: None)
        nursery.shutdown.ask("SIGTERM")
        nursery.shutdown.ask("SIGTERM")
        assert await asyncio.wait_for(task, 20) is ExitCode.FORCED
    assert [child.heard for child in nursery.started] == [["now"], ["now"]]


@pytest.mark.parametrize("words", [1, 2])
async def test_what_does_not_obey_is_ended(monkeypatch: pytest.MonkeyPatch, words: int) -> None:
    """When the grace is over, and when it is cut short."""
    monkeypatch.setattr(module, "_HAND_BACK_S", 0.01)
    nursery = Nursery(monkeypatch, grace_s=0 if words == 1 else 1_000)
    nursery.obedient = False
    async with nursery.running() as task:
        for _ in range(words):
            nursery.shutdown.ask("SIGTERM")
        assert await asyncio.wait_for(task, 20) is ExitCode.FORCED
    assert all(child.killed for child in nursery.started)


@pytest.mark.parametrize("status", [-9, -11, 1, 0, 77])
async def test_one_that_dies_is_replaced(
    monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, object]], status: int
) -> None:
    """However it ended unasked, while the other goes on; its death is logged and counted."""
    nursery = Nursery(monkeypatch)
    async with nursery.running() as task:
        nursery.started[1].ends(status)
        await nursery.has(lambda: len(nursery.started) == 3)
        assert nursery.started[2].index == 1
        assert nursery.family.deaths == {0: 0, 1: 1}
        nursery.shutdown.ask("SIGTERM")
        assert await asyncio.wait_for(task, 20) is ExitCode.DRAINED
    assert nursery.started[0].heard == ["drain"]
    [died] = [line for line in logged if line["event"] == "process_died"]
    assert (died["process"], died["again_in_s"]) == (1, 0.0)


async def test_a_minute_of_health_forgets_deaths(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts for the wait is deaths in a row."""
    nursery = Nursery(monkeypatch)
    async with nursery.running():
        for number, healthy_s in enumerate([0, 59, 60, 0]):
            last = [child for child in nursery.started if child.index == 0][-1]
            last.healthy_s = healthy_s
            last.ends(1)
            await nursery.has(lambda n=number: len(nursery.started) == 3 + n)
    assert nursery.waits == [1, 2, 1, 2]


@pytest.mark.parametrize("status", [ExitCode.HALTED, ExitCode.MISCONFIGURED])
async def test_what_cannot_go_on_drains_the_others(
    monkeypatch: pytest.MonkeyPatch, status: ExitCode
) -> None:
    """Another in its place would end the same way."""
    nursery = Nursery(monkeypatch)
    async with nursery.running() as task:
        nursery.started[0].ends(status)
        assert await asyncio.wait_for(task, 20) is status
    assert nursery.started[1].heard == ["drain"]
    assert len(nursery.started) == 2


async def test_a_stuck_one_is_killed_and_replaced(
    monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, object]]
) -> None:
    """And logged as such."""
    nursery = Nursery(monkeypatch)
    async with nursery.running():
        nursery.started[0].is_stuck = True
        await nursery.has(lambda: len(nursery.started) == 3)
    assert nursery.started[0].killed
    assert [line["process"] for line in logged if line["event"] == "process_stuck"] == [0]


async def test_none_is_killed_for_silence_on_a_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loops stand still by intention then; the grace is its bound."""
    nursery = Nursery(monkeypatch)
    nursery.obedient = False
    async with nursery.running() as task:
        nursery.shutdown.ask("SIGTERM")
        await nursery.has(lambda: all(child.heard for child in nursery.started))
        looks: list[None] = []

        async def look(_session: object) -> None:
            looks.append(None)

        for child in nursery.started:
            child.is_stuck = True
            monkeypatch.setattr(child, "look", look)
        await nursery.has(lambda: len(looks) > 4)
        assert not any(child.killed for child in nursery.started)
        for child in nursery.started:
            child.ends(0)
        assert await asyncio.wait_for(task, 20) is ExitCode.DRAINED


async def test_no_room_for_another_process(
    monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, object]]
) -> None:
    """It is tried again, as after a death."""
    nursery = Nursery(monkeypatch)
    nursery.no_room = True
    async with nursery.running() as task:
        await nursery.has(lambda: nursery.family.deaths[0] > 1)
        nursery.no_room = False
        await nursery.has(lambda: len(nursery.started) == 2)
        nursery.shutdown.ask("SIGTERM")
        assert await asyncio.wait_for(task, 20) is ExitCode.DRAINED
    [first, *_] = [line for line in logged if line["event"] == "process_died"]
    assert first["exit"] == "Resource temporarily unavailable"
