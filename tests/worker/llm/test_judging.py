"""The steps an answer passes, one fault each, and what a fault never tells."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.llm.malformed import GOOD, KEPT, PROMPT, TAGS, Tags
from worker.llm.causes import Cause
from worker.llm.chat import Completion, Prompt
from worker.llm.judging import INLINE_CHARS, Answer, Fault, Inquiry, judge, judged
from worker.llm.question import Question, Unusable, schema_question

BROKEN = "{'tags': ['sea'],}"


def _inquiry(question: Question[Any] = TAGS, prompt: Prompt = PROMPT) -> Inquiry[Any, Any]:
    return Inquiry(question, prompt, lambda value: value)


def _fault(completion: Completion | str, inquiry: Inquiry[Any, Any] | None = None) -> Fault:
    said = Completion(completion, "stop") if isinstance(completion, str) else completion
    verdict = judge(inquiry or _inquiry(), said, mend=True)
    assert isinstance(verdict, Fault)
    return verdict


@pytest.mark.parametrize(
    ("finish", "cause", "why"),
    [
        ("length", Cause.TRUNCATED, "cut off at its token limit"),
        ("repetition", Cause.REPETITION, "round in circles"),
        ("abort", Cause.ABORTED, "ended early ('abort')"),
        ("", Cause.ABORTED, "ended early ('')"),
        ("STOP", Cause.ABORTED, "ended early"),
        ("content_filter", Cause.REFUSED, "refused to answer (content_filter)"),
        ("refusal", Cause.REFUSED, "refused"),
    ],
)
def test_only_stop_is_believed(finish: str, cause: Cause, why: str) -> None:
    """However good the text looks."""
    fault = _fault(Completion(GOOD, finish))
    assert fault.cause is cause
    assert why in fault.why


def test_a_long_run_of_white_space_at_the_end_is_named() -> None:
    """It tells a person which setting of the server to look at."""
    assert "white space" in _fault(Completion(GOOD + " \n" * 50, "length")).why
    assert "white space" not in _fault(Completion(f"{GOOD} \n", "length")).why


def test_a_check_may_give_something_else_or_refuse() -> None:
    """What the handler goes on with; its errors are faults of the answer."""

    def count(tags: Tags) -> int:
        return len(tags.tags)

    def refuse(tags: Tags) -> int:
        raise ValueError("T7 of 3 tasks")

    def repeat(tags: Tags) -> int:
        raise Unusable("says nothing", Cause.REPETITION)

    said = Completion(GOOD, "stop")
    assert judge(Inquiry(TAGS, PROMPT, count), said, mend=False) == Answer(1)
    assert _fault(said, Inquiry(TAGS, PROMPT, refuse)) == Fault(Cause.UNGROUNDED, "T7 of 3 tasks")
    assert _fault(said, Inquiry(TAGS, PROMPT, repeat)) == Fault(Cause.REPETITION, "says nothing")


def test_a_bug_in_a_check_is_no_fault_of_the_answer() -> None:
    """It is raised, so that somebody sees it."""

    def slip(tags: Tags) -> int:
        raise KeyError("slip")

    with pytest.raises(KeyError):
        judge(Inquiry(TAGS, PROMPT, slip), Completion(GOOD, "stop"), mend=False)


def test_a_question_can_name_the_cause_itself() -> None:
    """`parse` may know more than that the shape is wrong."""

    def parse(text: str) -> str:
        raise Unusable("too long", Cause.TRUNCATED)

    assert _fault("{}", _inquiry(Question("q", {}, parse, 5))).cause is Cause.TRUNCATED


def test_broken_json_is_mended_only_when_it_may_be() -> None:
    """The first look is a quick one."""
    said = Completion(BROKEN, "stop")
    quick = judge(_inquiry(), said, mend=False)
    assert isinstance(quick, Fault)
    assert (quick.cause, quick.mendable) == (Cause.INVALID_JSON, True)
    assert judge(_inquiry(), said, mend=True) == Answer(Tags(tags=["sea"]), 0, repaired=True)
    assert not _fault("{'tags': sea}").mendable


def test_a_long_answer_is_not_mended() -> None:
    """Sixteen thousand characters, whatever of it is in brackets."""
    assert _fault(BROKEN + " " * 16_384).cause is Cause.INVALID_JSON


def test_a_mended_answer_passes_the_same_checks() -> None:
    """Its shape, its items and its words."""
    assert _fault("{'tags': 'sea'}").cause is Cause.SCHEMA_MISMATCH
    assert _fault(f"{{'tags': ['{PROMPT.system}']}}").cause is Cause.PROMPT_LEAK
    verdict = judge(_inquiry(KEPT), Completion("{'tags': ['sea', 7]}", "stop"), mend=True)
    assert verdict == Answer(Tags(tags=["sea"]), dropped=1, repaired=True)


async def _thread_of_check(text: str, prompt: Prompt = PROMPT) -> bool:
    """Whether the answer is judged on the thread of the event loop."""

    def look(tags: object) -> bool:
        return threading.current_thread() is threading.main_thread()

    question: Question[Any] = schema_question("q", {}, 5) if text == "{}" else TAGS
    verdict = await judged(Inquiry(question, prompt, look), Completion(text, "stop"))
    assert isinstance(verdict, Answer)
    return verdict.value


async def test_what_may_take_long_is_judged_in_a_thread() -> None:
    """Long answers, answers to long texts, mended ones, and a caller's schema however short."""
    assert await _thread_of_check(GOOD)
    assert not await _thread_of_check(GOOD + " " * INLINE_CHARS)
    assert not await _thread_of_check(GOOD, Prompt("s", "u" * (INLINE_CHARS + 1)))
    assert not await _thread_of_check(BROKEN)
    assert not await _thread_of_check("{}")


TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="{}[]:,'\"tags1 \\/<>think`\n\x00\ud800", max_size=60),
    st.sampled_from([GOOD, BROKEN, '{"tags": ["a", 7]}', '{"tags": [1e999]}']),
)


@given(TEXTS, st.sampled_from(["stop", "stop", "length", "abort", "content_filter", ""]))
def test_any_completion_is_an_answer_or_a_fault(text: str, finish: str) -> None:
    """Nothing is raised, and every reason fits in a note."""
    for question in (TAGS, KEPT, schema_question("q", {"type": ["object", "array"]}, 5)):
        verdict = judge(_inquiry(question), Completion(text, finish), mend=True)
        if isinstance(verdict, Fault):
            assert 0 < len(verdict.why) <= 700
