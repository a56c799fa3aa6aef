"""Cases through the real handlers, with a scripted model."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from shared.config import load_settings
from shared.enums import FailureReason, JobType
from shared.schemas import PAYLOADS, TaskResponse
from tests.builders import PAYLOADS as PAYLOAD_TEXTS
from worker.config import Settings
from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.evaluation.dataset import About, Case, Dataset, Kind
from worker.evaluation.expectations import Holds, WantedEvents, WantedIntent, WantedTask
from worker.evaluation.report import CaseOutcome
from worker.evaluation.running import Running, Terms
from worker.evaluation.sheet import Sheet, Witnessed
from worker.evaluation.sources import CaseCore, Sources, sources_of
from worker.llm.causes import Cause
from worker.llm.chat import LLM, ChatRequest, Completion, ModelRole, ScriptedLLM

RIGHT = '{"intent": "memory_search", "keywords": ["june"]}'
WRONG = '{"intent": "ambiguous", "keywords": []}'


def _case(name: str = "c", job_type: JobType = JobType.INTENT_CLASSIFY, **more: Any) -> Case:
    payload = PAYLOADS[job_type].model_validate_json(PAYLOAD_TEXTS[job_type])
    expect = more.pop("expect", WantedIntent.model_validate({"intent": "memory_search"}))
    return Case(name, job_type, payload, expect, **more)


def _dataset(*cases: Case, kind: Kind = Kind.JOBS) -> Dataset:
    job_type = cases[0].job_type if kind is Kind.JOBS else None
    return Dataset(Path("nowhere"), About(kind=kind, job_type=job_type), cases)


@pytest.fixture(name="sources")
async def _sources(tmp_path: Path) -> AsyncGenerator[Sources]:
    """Of a folder with nothing in it."""
    with sources_of(tmp_path, load_settings(Settings)) as made:
        yield made


async def _run(
    dataset: Dataset, llm: LLM, sources: Sources, terms: Terms | None = None
) -> list[CaseOutcome]:
    done: list[CaseOutcome] = []
    await Running(llm, sources, terms or Terms(concurrency=1), done.append).run(dataset)
    return done


async def test_right_and_wrong(sources: Sources) -> None:
    """Each case has its counts, what was wanted and said, and what it has cost."""
    llm = ScriptedLLM([RIGHT, WRONG])
    right, wrong = await _run(_dataset(_case("a"), _case("b")), llm, sources)
    assert (right.id, right.valid, right.score, right.mark.hits) == ("a", True, 1.0, 1)
    assert (wrong.id, wrong.valid, wrong.score, wrong.mark.hits) == ("b", True, 0.0, 0)
    assert right.expected == {"intent": "memory_search"}
    assert isinstance(wrong.answer, dict)
    assert (right.spent.calls, right.spent.tokens_in, right.spent.tokens_out) == (1, 10, 5)
    assert [request.request_id for request in llm.requests] == ["eval-a", "eval-b"]


async def test_a_second_call_is_seen(sources: Sources) -> None:
    """Re-asks cost calls and tokens, and are counted."""
    [case] = await _run(_dataset(_case()), ScriptedLLM(["nonsense", RIGHT]), sources)
    assert case.valid
    assert (case.spent.calls, case.spent.reasks, case.spent.tokens_in) == (2, 1, 20)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (Retryable("late", cause=Cause.TIMEOUT), "timeout"),
        (Reject(FailureReason.MODEL_REFUSED, "no", cause=Cause.REFUSED), "refused"),
        (Reject(FailureReason.MODEL_REFUSED, "no"), "model_refused"),
        (KeyError("x"), "bug"),
    ],
)
async def test_a_failure_is_a_case_without_a_result(
    sources: Sources, failure: Exception, cause: str
) -> None:
    """Its cause is told, everything is missed, and the others go on; one try is all there is."""
    outcomes = await _run(_dataset(_case("a"), _case("b")), ScriptedLLM([failure, RIGHT]), sources)
    first, second = outcomes
    assert first.error is not None
    assert (first.valid, first.score, first.error.cause) == (False, 0.0, cause)
    assert (first.hits, first.found, first.wanted, first.answer) == (0, 0, 1, None)
    assert second.valid


async def test_an_answer_that_cannot_be_used_is_kept(sources: Sources) -> None:
    """Whoever reads the report sees what the model said."""
    [case] = await _run(_dataset(_case()), ScriptedLLM(["nonsense", "rubbish"]), sources)
    assert case.error is not None
    assert (case.error.cause, case.error.raw_answer) == ("invalid_json", "rubbish")


async def test_no_result_is_never_right(sources: Sources) -> None:
    """An email without events is not answered rightly by an answer that did not come."""
    case = _case("a", JobType.EMAIL_EXTRACT, expect=WantedEvents(events=()), user_id=42)
    failure = Retryable("late", cause=Cause.TIMEOUT)
    empty = '{"events": []}'
    late, none = await _run(_dataset(case, case), ScriptedLLM([failure, empty]), sources)
    assert (late.score, late.wanted) == (0.0, 1)
    assert (none.score, none.wanted) == (1.0, 0)


async def test_more_attempts(sources: Sources) -> None:
    """A failure that may pass is tried again where that is asked for; a rejection is not."""
    late = Retryable("late", cause=Cause.TIMEOUT)
    terms = Terms(concurrency=1, attempts=2)
    [case] = await _run(_dataset(_case()), ScriptedLLM([late, RIGHT]), sources, terms)
    assert (case.valid, case.spent.calls) == (True, 2)
    [case] = await _run(_dataset(_case()), ScriptedLLM([late, late]), sources, terms)
    assert not case.valid
    never = Reject(FailureReason.MODEL_REFUSED, "no")
    [case] = await _run(_dataset(_case()), ScriptedLLM([never, RIGHT]), sources, terms)
    assert not case.valid


async def test_limit_and_repeat(sources: Sources) -> None:
    """The first cases only, each as often as asked for."""
    dataset = _dataset(_case("a"), _case("b"), _case("c"))
    terms = Terms(concurrency=1, repeat=2, limit=2)
    outcomes = await _run(dataset, ScriptedLLM([RIGHT] * 4), sources, terms)
    assert [(each.id, each.run) for each in outcomes] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]


@pytest.mark.parametrize(
    ("failures", "stops"),
    [
        ([Snooze("away", cause=Cause.CONNECTION_ERROR)], Snooze),
        ([Halt("bad key", cause="http_401")], Halt),
    ],
)
async def test_what_stops_a_run(
    sources: Sources, failures: list[JobError], stops: type[JobError]
) -> None:
    """No server, or the wrong settings: what was done before is kept, nothing more is asked."""
    done: list[CaseOutcome] = []
    llm = ScriptedLLM([RIGHT, *failures, RIGHT])
    running = Running(llm, sources, Terms(concurrency=1), done.append)
    with pytest.raises(stops):
        await running.run(_dataset(_case("a"), _case("b"), _case("c")))
    assert [case.id for case in done] == ["a"]
    assert len(llm.requests) == 2


async def test_a_rate_limit_is_waited_out(sources: Sources) -> None:
    """It costs no attempt and ends no run."""
    limited = Snooze("slow down", after_s=0.001, cause="http_429")
    llm = ScriptedLLM([limited, limited, RIGHT])
    [case] = await _run(_dataset(_case()), llm, sources)
    assert case.valid


class _Together:
    """A model that answers when so many ask at once."""

    def __init__(self, parties: int) -> None:
        self._barrier = asyncio.Barrier(parties)

    async def complete(self, request: ChatRequest) -> Completion:
        """Wait for the others."""
        del request
        await self._barrier.wait()
        return Completion(RIGHT, "stop")

    def context_tokens(self, role: ModelRole) -> int | None:
        """Unknown."""
        del role


async def test_cases_run_at_once(sources: Sources) -> None:
    """As many as was said: fewer would wait for ever."""
    cases = [_case(str(number)) for number in range(6)]
    outcomes = await _run(_dataset(*cases), _Together(3), sources, Terms(concurrency=3))
    assert sorted(case.id for case in outcomes) == list("012345")


async def test_the_tasks_of_a_case(sources: Sources) -> None:
    """Core is the case: it has its tasks, of its user."""
    task = TaskResponse(id="t1", description="pay the rent", owner_user_id=42)
    case = _case(
        "a", JobType.TASK_MATCH, expect=WantedTask(task_id="t1"), user_id=42, tasks=(task,)
    )
    llm = ScriptedLLM(['{"task": "T1", "confidence": 0.9}'])
    [outcome] = await _run(_dataset(case), llm, sources)
    assert (outcome.score, len(llm.requests)) == (1.0, 1)
    assert await CaseCore((task,)).open_tasks(7) == []


async def test_files_are_only_the_sets_own(sources: Sources) -> None:
    """Without its folders a case is refused; it is no reason to stop."""
    cases = [
        _case("a", JobType.IMAGE_TAG, expect=Holds()),
        _case("b", JobType.DOCUMENT, expect=Holds()),
    ]
    outcomes = await _run(_dataset(*cases, kind=Kind.INJECTIONS), ScriptedLLM([]), sources)
    causes = [case.error and case.error.cause for case in outcomes]
    assert causes == ["invalid_image", "invalid_document"]


async def test_no_path_leads_out_of_a_set(tmp_path: Path) -> None:
    """A payload is somebody's text."""
    (tmp_path / "images").mkdir()
    (tmp_path / "secret.png").write_bytes(b"x")
    with sources_of(tmp_path, load_settings(Settings)) as sources:
        for path in ("../secret.png", str(tmp_path / "secret.png"), "/etc/hostname"):
            with pytest.raises(Reject):
                await sources.images.load(path)


async def test_the_sheet_sees_who_answered(sources: Sources) -> None:
    """Provider, model and the wording of the prompt, for the report; cases in the set's order."""
    completion = Completion(RIGHT, "stop", provider="vllm", model="m1")
    sheet = Sheet(_dataset(_case("a"), _case("b")))
    llm = Witnessed(ScriptedLLM([completion, completion], context=77), sheet)
    assert llm.context_tokens(ModelRole.TEXT) == 77
    sheet.outcomes += reversed(await _run(sheet.dataset, llm, sources))
    report = sheet.report()
    assert (report.models, report.metric, report.cases_there) == (("vllm/m1",), "exact", 2)
    assert [case.id for case in report.cases] == ["a", "b"]
