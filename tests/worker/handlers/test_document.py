"""document: every page in its place, or named with a reason; nothing is paid for twice."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.enums import FailureReason
from shared.schemas import DocumentPayload, DocumentResult
from tests.worker.handlers.test_handler import bench
from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.handlers import document
from worker.handlers.document import HANDLER, MORE_TRIES, PAGES_AT_ONCE
from worker.handlers.handler import Tools
from worker.llm.chat import ChatRequest, Completion, ModelRole, PreparedImage, Usage
from worker.llm.structured import Asker

PAYLOAD = DocumentPayload(document_path="2026/contract.pdf")
LOST = Retryable("no answer in 60 s")


@dataclass
class Paper:
    """A document, and the place it is found at; page 13 cannot be shown."""

    page_count: int = 3
    pages_max: int = 100
    is_open: bool = False
    drawn: Counter[int] = field(default_factory=Counter[int])

    @asynccontextmanager
    async def open(self, path: str) -> AsyncGenerator["Paper"]:
        """The only document there is."""
        assert path == PAYLOAD.document_path
        self.is_open = True
        yield self
        self.is_open = False

    async def page(self, number: int) -> PreparedImage:
        """A picture that says which page it is."""
        assert self.is_open
        self.drawn[number] += 1
        if number == 13:
            raise Reject(FailureReason.INVALID_IMAGE, "page 13 cannot be read: it is damaged")
        return PreparedImage(str(number).encode(), "image/jpeg", 1, 1)


@dataclass
class Reader:
    """A model that says what is on a page, or what there is to say for it."""

    instead: dict[int, str | JobError] = field(default_factory=dict[int, str | JobError])
    asked: Counter[int] = field(default_factory=Counter[int])
    at_work: int = 0
    most_at_work: int = 0
    held: asyncio.Event | None = None
    all_at_work: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0
    prompts: list[Any] = field(default_factory=list[Any])

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer, later pages sooner."""
        image = request.prompt.image
        assert image is not None
        number = int(image.data)
        self.asked[number] += 1
        self.prompts.append(request.prompt)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        if self.at_work == PAGES_AT_ONCE:
            self.all_at_work.set()
        try:
            for _ in range(20 - number):
                await asyncio.sleep(0)
            said = self.instead.get(number, f"# Page {number}")
            if isinstance(said, JobError):
                raise said
            if self.held is not None:
                await self.held.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_work -= 1
        return Completion(json.dumps({"markdown": said}), "stop", 10, 5)

    def context_tokens(self, role: ModelRole) -> int | None:
        """Enough."""
        del role
        return None


def tools(paper: Paper, reader: Reader, kept: dict[str, object] | None = None) -> Tools:
    """What the handler gets."""
    return replace(
        bench().tools,
        ask=Asker(llm=reader, usage=Usage(), request_id="t"),
        documents=paper,
        kept={} if kept is None else kept,
    )


async def read(
    paper: Paper, reader: Reader, *, kept: dict[str, object] | None = None, pages: Any = None
) -> DocumentResult:
    """One try of a job."""
    payload = PAYLOAD.model_copy(update={"pages": pages})
    outcome = await HANDLER.run(payload, tools(paper, reader, kept))
    assert outcome.effects == ()
    return DocumentResult.model_validate(outcome.result)


async def test_pages_in_their_order() -> None:
    """The last page is answered first and still comes last; the vision model sees each once."""
    paper, reader = Paper(page_count=6), Reader()
    result = await read(paper, reader)
    assert [(page.page, page.markdown) for page in result.pages] == [
        (number, f"# Page {number}") for number in range(1, 7)
    ]
    assert (result.page_count, result.failed_pages) == (6, [])
    assert set(reader.asked.values()) == {1}
    assert {prompt.role for prompt in reader.prompts} == {ModelRole.VISION}
    assert {prompt.version for prompt in reader.prompts} == {document.WORDING.version}
    assert not paper.is_open


async def test_wanted_pages() -> None:
    """Only the pages that are asked for, in the order they are asked for."""
    paper, reader = Paper(page_count=9), Reader()
    result = await read(paper, reader, pages=(7, 2))
    assert [page.page for page in result.pages] == [7, 2]
    assert (result.page_count, set(reader.asked)) == (9, {7, 2})


async def test_few_at_once() -> None:
    """However many pages there are, some are read at once and the others wait."""
    reader = Reader()
    await read(Paper(page_count=12), reader)
    assert reader.most_at_work == PAGES_AT_ONCE


async def test_markdown_leads_nowhere() -> None:
    """What the page says is kept, its links and hidden characters are not."""
    reader = Reader({1: "See [here](https://evil.example)\u200b ![x](https://evil.example/p)"})
    result = await read(Paper(page_count=1), reader)
    assert result.pages[0].markdown == "See here"


async def test_empty_page() -> None:
    """A page with nothing on it has been read."""
    result = await read(Paper(page_count=1), Reader({1: ""}))
    assert result.pages[0].markdown == ""
    assert result.failed_pages == []


async def test_failed_pages_are_named() -> None:
    """A page that cannot be shown, or is answered with nonsense, costs the others nothing."""
    reader = Reader({2: "x" * 20_001})
    result = await read(Paper(page_count=14), reader, pages=(1, 2, 13))
    assert [page.page for page in result.pages] == [1]
    assert [page.page for page in result.failed_pages] == [2, 13]
    assert "no usable answer" in result.failed_pages[0].reason
    assert result.failed_pages[1].reason == "page 13 cannot be read: it is damaged"
    assert reader.asked == {1: 1, 2: 2}  # asked again for the bad answer, as everywhere


async def test_refused_page() -> None:
    """A page that the model will not look at is a failed page."""
    refusal = Reject(FailureReason.MODEL_REFUSED, "the model refused to answer")
    result = await read(Paper(), Reader({2: refusal}))
    assert [(page.page, page.reason) for page in result.failed_pages] == [(2, str(refusal))]


@pytest.mark.parametrize(
    "error", [Snooze("503"), Halt("no such model"), Reject(FailureReason.EXPIRED, "too late")]
)
async def test_what_concerns_all_pages(error: JobError) -> None:
    """An outage, a broken worker and a passed deadline end the job at once, as they were raised."""
    reader = Reader({4: error}, held=asyncio.Event())
    with pytest.raises(type(error)) as caught:
        await read(Paper(page_count=12), reader)
    assert caught.value is error
    assert (reader.at_work, reader.cancelled) == (0, 3)  # the siblings are gone before it is told
    assert len(reader.asked) == PAGES_AT_ONCE


async def test_cancelled() -> None:
    """A cancelled job takes the pages in work with it."""
    paper, reader = Paper(page_count=12), Reader(held=asyncio.Event())
    job = asyncio.create_task(read(paper, reader))
    await reader.all_at_work.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert (reader.at_work, reader.cancelled) == (0, PAGES_AT_ONCE)


async def test_answered_pages_are_not_paid_for_again() -> None:
    """After an outage the job asks only for the pages it has no answer for."""
    paper, kept = Paper(page_count=9), dict[str, object]()
    reader = Reader({9: Snooze("503")})
    with pytest.raises(Snooze):
        await read(paper, reader, kept=kept)
    reader.instead.clear()
    result = await read(paper, reader, kept=kept)
    assert [page.page for page in result.pages] == list(range(1, 10))
    paid_again = {page for page, times in reader.asked.items() if times > 1}
    assert 9 in paid_again
    assert 1 not in paid_again
    assert sum(reader.asked.values()) <= 9 + PAGES_AT_ONCE  # those that were cut off with it


async def test_passing_trouble_is_another_try() -> None:
    """A page lost to a timeout brings the job back, all other pages being read and kept."""
    kept = dict[str, object]()
    reader = Reader({2: LOST})
    with pytest.raises(Retryable) as caught:
        await read(Paper(), reader, kept=kept)
    assert caught.value is LOST
    reader.instead.clear()
    result = await read(Paper(), reader, kept=kept)
    assert [page.page for page in result.pages] == [1, 2, 3]
    assert reader.asked == {1: 1, 2: 2, 3: 1}


async def test_trouble_that_does_not_pass() -> None:
    """After its tries a lost page has failed, so that the others are not lost with it."""
    kept = dict[str, object]()
    reader = Reader({2: LOST, 3: LOST})
    for _ in range(MORE_TRIES):
        with pytest.raises(Retryable):
            await read(Paper(), reader, kept=kept)
    result = await read(Paper(), reader, kept=kept)
    assert [page.page for page in result.pages] == [1]
    assert [(page.page, page.reason) for page in result.failed_pages] == [
        (2, str(LOST)),
        (3, str(LOST)),
    ]


async def test_no_page_at_all() -> None:
    """Where nothing could be read, the first page's error decides what becomes of the job."""
    reader = Reader({2: "x" * 20_001, 3: LOST})
    with pytest.raises(Reject, match="page 13") as rejected:
        await read(Paper(page_count=14), reader, pages=(13, 2))
    assert rejected.value.reason is FailureReason.INVALID_IMAGE
    for _ in range(5):  # not only while a job goes back for pages
        with pytest.raises(Retryable) as caught:
            await read(Paper(page_count=14), reader, pages=(2, 3, 13))
        assert caught.value.reason is FailureReason.INVALID_ANSWER


@pytest.mark.parametrize("pages", [None, tuple(range(1, 102))])
async def test_too_many_pages(pages: tuple[int, ...] | None) -> None:
    """More pages than are allowed are refused before one of them is paid for."""
    paper, reader = Paper(page_count=1_200), Reader()
    with pytest.raises(Reject, match=r"1,200 pages .* 100 are allowed.*'pages'") as caught:
        await read(paper, reader, pages=pages)
    assert caught.value.reason is FailureReason.INVALID_PAYLOAD
    assert (paper.drawn, reader.asked) == ({}, {})


async def test_a_bug_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no page may raise comes out as it is, not as a group."""

    def broken(markdown: str) -> str:
        raise KeyError(markdown)

    monkeypatch.setattr(document, "leading_nowhere", broken)
    with pytest.raises(KeyError):
        await read(Paper(), Reader())
