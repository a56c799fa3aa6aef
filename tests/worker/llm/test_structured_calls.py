"""What a question costs at worst: every pair of failures, and every completion there can be."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.worker.llm.malformed import GOOD, PROMPT, TAGS, Tags
from worker.errors import JobError
from worker.llm.causes import Cause, Disposition, job_error, rule
from worker.llm.chat import Completion, PreparedImage, Prompt, ScriptedLLM, Usage
from worker.llm.structured import CALLS_PER_ASK, Asker, Unusable


def _asker(*replies: Completion | str | Exception) -> tuple[Asker, ScriptedLLM]:
    llm = ScriptedLLM(list(replies))
    return Asker(llm, Usage(), "job-1"), llm


FAILURES: dict[str, Completion | Exception] = {
    Cause.EMPTY_RESPONSE: Completion(" ", "stop"),
    Cause.TRUNCATED: Completion(GOOD, "length"),
    Cause.REPETITION: Completion(GOOD, "repetition"),
    Cause.ABORTED: Completion(GOOD, "abort"),
    Cause.INVALID_JSON: Completion("{'tags'}", "stop"),
    Cause.SCHEMA_MISMATCH: Completion("{}", "stop"),
    Cause.UNGROUNDED: Completion('{"tags": ["t7"]}', "stop"),
    Cause.PROMPT_LEAK: Completion('{"tags": ["x"], "y": "a b c d e f g h"}', "stop"),
    Cause.OVERSIZED_REPLY: Completion("x" * 200_000, "stop"),
    Cause.REFUSED: Completion("", "content_filter"),
    Cause.TIMEOUT: job_error(Cause.TIMEOUT, "late"),
    Cause.CONNECTION_ERROR: job_error(Cause.CONNECTION_ERROR, "away"),
    Cause.CONTEXT_TOO_LONG: job_error(Cause.CONTEXT_TOO_LONG, "too long"),
    Cause.UNKNOWN_MODEL: job_error(Cause.UNKNOWN_MODEL, "no such model"),
    "seen by the client": job_error(Cause.EMPTY_RESPONSE, "no choices"),
}


def _offered(tags: Tags) -> Tags:
    if tags.tags == ["t7"]:
        raise Unusable("it names T7 of 3 tasks")
    return tags


@pytest.mark.parametrize(("first", "second"), list(product(FAILURES, repeat=2)))
async def test_no_two_failures_cost_a_third_call(first: str, second: str) -> None:
    """Every pair: only what the table lets be asked again is, once, and the last error stands."""
    ask, llm = _asker(FAILURES[first], FAILURES[second], GOOD)
    with pytest.raises(JobError) as caught:
        await ask(TAGS, Prompt("A b c d e f g h.", "u"), _offered)
    causes = [Cause.EMPTY_RESPONSE if name.startswith("seen") else name for name in (first, second)]
    is_asked_again = rule(causes[0]).disposition is Disposition.REASK
    assert caught.value.cause == causes[is_asked_again]
    assert len(llm.requests) == ask.usage.calls == (CALLS_PER_ASK if is_asked_again else 1)
    assert ask.usage.reasks == ask.usage.calls - 1
    if is_asked_again:
        assert llm.requests[0] != llm.requests[1]


@pytest.mark.parametrize(
    ("context", "tokens_in", "image", "cap"),
    [
        (None, 1_000, None, 200),
        (4_000, 1_000, None, 200),
        (1_300, 1_000, None, 172),
        (1_200, 1_000, None, 100),
        (800, 1_000, None, 100),
        (4_000, 0, None, 200),
        (300, 0, None, 155),
        (4_000, 0, PreparedImage(b"x", "image/jpeg", 1, 1), 100),
        (4_000, 900, PreparedImage(b"x", "image/jpeg", 1, 1), 200),
    ],
)
async def test_more_room_is_never_more_than_the_model_has(
    context: int | None, tokens_in: int, image: PreparedImage | None, cap: int
) -> None:
    """Prompt, note and answer stay within the context; where nothing is left, the note remains."""
    ask, llm = _asker(Completion("", "length", tokens_in), GOOD)
    llm.context = context
    await ask(TAGS, Prompt("You tag.", "The text.", image))
    assert llm.requests[1].max_tokens == cap
    assert llm.requests[1] != llm.requests[0]


COMPLETIONS = st.builds(
    Completion,
    st.text(alphabet="{}[]:,'\"tags1 \\/<>think`\n\x00\ud800", max_size=40) | st.text(max_size=40),
    st.sampled_from(
        ["stop", "length", "abort", "repetition", "content_filter", "refusal", "", "x"]
    ),
    st.integers(0, 10_000),
)


@example(Completion("", "stop"), Completion("[\ud800]", "stop"), None)
@given(COMPLETIONS, COMPLETIONS, st.none() | st.integers(0, 10_000))
async def test_nothing_but_a_job_error_escapes(
    first: Completion, second: Completion, context: int | None
) -> None:
    """Whatever a model says, twice."""
    ask, llm = _asker(first, second)
    llm.context = context
    cause = ""
    try:
        assert isinstance(await ask(TAGS, PROMPT), Tags)
    except JobError as error:
        cause = error.cause
    assert cause in {"", *Cause}


async def test_a_call_knows_the_deadline() -> None:
    """Whoever waits with it takes the time from that, and not only from the call's own limit."""
    llm = ScriptedLLM([GOOD, GOOD])
    await Asker(llm, Usage(), "job-1", text_timeout_s=60.0, time_left=lambda: 90.0)(TAGS, PROMPT)
    await Asker(llm, Usage(), "job-1", text_timeout_s=60.0, time_left=lambda: 9.0)(TAGS, PROMPT)
    assert [(request.timeout_s, request.left_s) for request in llm.requests] == [(60, 90), (9, 9)]
