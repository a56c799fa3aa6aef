"""A line per job that has ended, and nothing private in any line on the way there."""

import io
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import pytest
import structlog

from shared.enums import FailureReason, JobType
from shared.redis_streams import JobEntry
from shared.schemas import TaskResponse, TextTagPayload, TextTagResult
from worker import answering
from worker.answering import Answering, AnswerLimits
from worker.clock import Clock
from worker.errors import Reject
from worker.gates import Gates
from worker.handlers.handler import Handler, Tools
from worker.job import Job
from worker.llm.chat import Completion, PreparedImage, ScriptedLLM, Usage
from worker.llm.prices import Price, Prices
from worker.observability import report as reporting
from worker.observability.report import report
from worker.outcome import Completed, Failed, Outcome, completed
from worker.parking import Parking
from worker.queue.claimed_entry import ClaimedEntry
from worker.slots import Slots
from worker.workshop import Workshop

SECRET = "DIARY-\x1b[31m-\n{}"
JSON_SECRET = json.dumps(SECRET)[1:-1]


@pytest.fixture(name="lines")
def _lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the modules under test have logged, as JSON would show it."""
    stream = io.StringIO()
    processors = [structlog.processors.add_log_level, structlog.processors.JSONRenderer()]
    for module in (answering, reporting):  # their own loggers keep what they were configured with
        log = structlog.wrap_logger(structlog.PrintLogger(stream), processors=processors)
        monkeypatch.setattr(module, "log", log)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()


def _job(payload: bytes | None = None) -> Job:
    payload = payload or f'{{"memory_id":"m","content":"{JSON_SECRET}"}}'.encode()
    fields = {b"job_id": b"7f3", b"payload": payload}
    return Job(ClaimedEntry("text_tag", "1780000000000-0", fields), claimed_at=1_780_000_000.25)


class Elsewhere:
    """Core and a picture folder that nobody asks."""

    async def mark_processing(self, job_id: str) -> None:
        """Nothing happens."""

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """There are none."""
        return list[TaskResponse]()[:user_id]

    async def load(self, path: str) -> PreparedImage:
        """There are none."""
        raise Reject(FailureReason.INVALID_IMAGE, f"no {path}")


Run = Callable[[TextTagPayload, Tools], Awaitable[Completed]]


async def _answer(job: Job, run: Run) -> Outcome:
    handler = Handler(JobType.TEXT_TAG, TextTagPayload, run)
    workshop = Workshop({JobType.TEXT_TAG: handler}, ScriptedLLM([]), Elsewhere(), Elsewhere())
    slots, limits = Slots(1, held_max=1), AnswerLimits(1, 10, 3, 1_000)
    slots.hold()
    parking, clock = Parking(), Clock()
    gates = Gates(parking, clock)
    outcome = await Answering(workshop, limits, slots, parking, gates, clock).answer(job)
    if job.processing is not None:
        await job.processing
    return outcome


async def _good(payload: TextTagPayload, tools: Tools) -> Completed:
    return completed(TextTagResult(memory_id=payload.memory_id, tags=[payload.content[:5]]))


async def _bug(payload: TextTagPayload, tools: Tools) -> Completed:
    raise KeyError(payload.content)


async def _nested_bug(payload: TextTagPayload, tools: Tools) -> Completed:
    cause = ValueError(payload.content)
    raise ExceptionGroup(payload.content, [cause]) from cause


@pytest.mark.parametrize("run", [_good, _bug, _nested_bug])
@pytest.mark.parametrize(
    "payload",
    [
        None,
        f'{{"memory_id":"{JSON_SECRET}","content":7}}'.encode(),
        f'{{"memory_id":["{JSON_SECRET}"],"{JSON_SECRET}":1}}'.encode(),
        f'["{JSON_SECRET}"]'.encode(),
        f'{{"{JSON_SECRET}'.encode(),
        JSON_SECRET.encode() * 999,
    ],
)
async def test_no_line_of_a_run_holds_the_payload(
    lines: Callable[[], list[dict[str, Any]]], run: Run, payload: bytes | None
) -> None:
    """Whatever is in it and whatever goes wrong with it: not even in a bug's message."""
    job = _job(payload)
    report(job, await _answer(job, run))
    found = lines()
    assert found[-1]["event"] in {"job_done", "job_dead"}
    assert found[-1]["job_id"] == "7f3"
    assert "DIARY" not in json.dumps(found)


async def test_a_bug_is_told_by_its_place(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Type, file, line and function are enough to find it."""
    await _answer(_job(), _bug)
    [line] = lines()
    assert line["event"] == "handler_bug"
    assert line["where"].startswith("KeyError at test_report.py:")
    assert " in _bug < answering.py:" in line["where"]


def test_a_done_job_is_one_line(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """With every field the README promises, in whole milliseconds."""
    job = _job()
    job.job_id, job.facts, job.attempts = "7f3", JobEntry("7f3", {}), 2
    job.usage = Usage(calls=2, reasks=1, llm_s=1.2345)
    job.usage.add(Completion("{}", "stop", 10, 5, 4))
    job.deliver_s = 0.01
    report(job, Completed(result={"tags": [SECRET]}))
    assert lines() == [
        {
            "event": "job_done",
            "level": "info",
            "job_id": "7f3",
            "job_type": "text_tag",
            "entry_id": "1780000000000-0",
            "outcome": "completed",
            "attempt": 2,
            "wait_ms": 250,
            "llm_ms": 1_234,
            "deliver_ms": 10,
            "calls": 2,
            "reasks": 1,
            "tokens_in": 10,
            "tokens_out": 5,
            "tokens_cached": 4,
        }
    ]


def test_a_price_list_adds_the_cost(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Also that of a job that came to nothing."""
    job = _job()
    job.usage = Usage(calls=1)
    job.usage.add(Completion("{}", "stop", 1_000_000, 0, 0, "openai", "gpt"))
    prices = Prices("USD", {"gpt": Price.model_validate({"in": 0.25, "out": 2})})
    failed = Failed(reason=FailureReason.INVALID_ANSWER, message="no", cause="truncated")
    report(job, failed, prices=prices)
    [line] = lines()
    assert (line["cost"], line["currency"], line["tokens_in"]) == (0.25, "USD", 1_000_000)


def test_a_dead_letter_says_why(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """The reason to count by and the sentence to read; without the answer Core refused."""
    refused = Completed(result={"tags": [SECRET]})
    reason = FailureReason.CORE_REJECTED
    report(_job(), Failed(reason=reason, message="Core answered 404", undelivered=refused))
    [line] = lines()
    assert cast("str", line["event"]) == "job_dead"
    assert line["level"] == "error"
    assert (line["reason"], line["why"]) == ("core_rejected", "Core answered 404")
    assert "DIARY" not in json.dumps(line)
