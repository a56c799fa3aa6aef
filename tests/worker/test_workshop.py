"""What handlers work with: whatever takes time without the model is done without a slot."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.schemas import TaskResponse
from tests.builders import FakeCore, NoImages, job, turn
from worker.errors import Reject
from worker.handlers import HANDLERS
from worker.handlers.handler import Document, Tools
from worker.job import Job
from worker.llm.chat import PreparedImage, Prompt, ScriptedLLM
from worker.llm.structured import schema_question
from worker.slots import ASIDE_FREE, Seat, Slots
from worker.workshop import NoDocuments, Workshop

PICTURE = PreparedImage(b"x", "image/png", 1, 1)


@dataclass
class Slow:
    """Pictures, documents and pages that come when the test says so."""

    release: asyncio.Event = field(default_factory=asyncio.Event)
    drawn: asyncio.Event = field(default_factory=asyncio.Event)
    """For pages."""
    opened: int = 0
    closed: int = 0
    drawing: int = 0
    page_count: int = 9
    pages_max: int = 7

    async def load(self, path: str) -> PreparedImage:
        """A picture."""
        del path
        await self.release.wait()
        return PICTURE

    def open(self, path: str) -> AbstractAsyncContextManager[Document]:
        """A document."""
        del path
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[Document]:
        await self.release.wait()
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    async def page(self, number: int) -> PreparedImage:
        """A page."""
        del number
        self.drawing += 1
        await self.drawn.wait()
        return PICTURE


class SlowCore(FakeCore):
    """A Core that answers when the test says so."""

    release = asyncio.Event()

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """Nobody has anything to do."""
        await self.release.wait()
        return await super().open_tasks(user_id)


def shop(slow: Slow, core: FakeCore | None = None, **more: Any) -> Workshop:
    """A workshop with a model that says yes."""
    llm = ScriptedLLM(['{"a":1}'] * 9)
    return Workshop(HANDLERS, llm, core or FakeCore(), slow, documents=slow, **more)


def seated(made: Workshop, slots: Slots | None = None) -> tuple[Tools, Seat]:
    """The tools of a job that has a slot."""
    slots = slots or Slots(1, held_max=999)
    slots.hold()
    seat = Seat(slots)
    return made.tools(_read(job()), seat, lambda: None), seat


def _read(made: Job) -> Job:
    made.job_id = "j1"
    return made


async def a_picture(tools: Tools) -> None:
    """Load one."""
    await tools.images.load("a.jpg")


async def a_list(tools: Tools) -> None:
    """Read one from Core."""
    await tools.core.open_tasks(1)


async def a_document(tools: Tools) -> None:
    """Open one."""
    async with tools.documents.open("a.pdf"):
        pass


Step = Callable[[Tools], Coroutine[Any, Any, None]]


@pytest.mark.parametrize("step", [a_picture, a_list, a_document])
@pytest.mark.parametrize("ending", ["ends", "is cancelled"])
async def test_without_a_slot(step: Step, ending: str) -> None:
    """Somebody else has it meanwhile, and whoever is cancelled there leaves nothing behind."""
    slow, core = Slow(), SlowCore()
    core.release = asyncio.Event()
    tools, seat = seated(shop(slow, core))
    task = asyncio.create_task(step(tools))
    await turn()
    assert (seat.units, seat.slots.used, seat.slots.room) == (0, 0, 1)
    if ending == "ends":
        slow.release.set()
        core.release.set()
        await task
    else:
        task.cancel()
        await asyncio.wait({task})
    seat.leave()
    async with seat.working():
        assert seat.slots.used == 1
    assert (slow.opened, seat.slots.used, seat.slots.room) == (slow.closed, 0, 1)


async def test_documents_whose_pages_are_drawn_take_room() -> None:
    """Else the first worker to look would take every document there is, and draw for hours."""
    slow, slots = Slow(), Slots(4, held_max=999)
    slow.release.set()
    made, tasks = shop(slow), list[asyncio.Task[None]]()

    async def read(tools: Tools) -> None:
        async with tools.documents.open("a.pdf") as document:
            await document.page(1)

    for _ in range(40):
        if not slots.room:
            break
        tools, _ = seated(made, slots)
        tasks.append(asyncio.create_task(read(tools)))
        await turn()
    assert slow.drawing == len(tasks) == ASIDE_FREE + 4
    slow.drawn.set()
    await asyncio.gather(*tasks)
    assert (slow.closed, slots.used, slots.room) == (len(tasks), 0, 4)


async def test_a_document_says_of_itself_what_it_did() -> None:
    """Seen from outside there is no difference."""
    slow = Slow()
    slow.release.set()
    slow.drawn.set()
    tools, _ = seated(shop(slow))
    async with tools.documents.open("a.pdf") as document:
        assert (document.page_count, document.pages_max) == (9, 7)
        assert await document.page(2) is PICTURE


async def test_the_model_is_asked_with_a_slot() -> None:
    """One for the call and none after it; the request is known by its job and its entry."""
    made = shop(Slow(), vocabulary=("sea",))
    tools, seat = seated(made)
    await tools.ask(schema_question("q", {"type": "object"}, 9), Prompt("sys", "user"))
    assert seat.slots.used == 0
    assert isinstance(made.llm, ScriptedLLM)
    [request] = made.llm.requests
    assert request.request_id.startswith("j1-1700000000000-")
    assert tools.vocabulary == ("sea",)
    assert tools.user_id is None


async def test_where_there_are_no_documents() -> None:
    """A job that wants one is told so; the path is shortened."""
    made = Workshop(HANDLERS, ScriptedLLM([]), FakeCore(), NoImages())
    tools, _ = seated(made)
    with pytest.raises(Reject, match="no documents here"):
        async with tools.documents.open("a.pdf"):
            pass
    with pytest.raises(Reject) as caught:
        async with NoDocuments().open("x" * 9_000):
            pass
    assert len(str(caught.value)) < 300


async def test_each_call_has_the_priority_of_its_job_type() -> None:
    """A type without one is as everybody else."""
    question = schema_question("q", {"type": "object"}, 9)
    for priorities, wanted in (({"text_tag": 7}, 7), ({"followup": 7}, 0)):
        llm = ScriptedLLM(["{}"])
        made = Workshop(HANDLERS, llm, FakeCore(), NoImages(), priorities=priorities)
        tools, _seat = seated(made)
        await tools.ask(question, Prompt("s", "u"))
        assert [request.priority for request in llm.requests] == [wanted]
