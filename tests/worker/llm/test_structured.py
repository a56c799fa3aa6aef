"""The Asker: two calls at most, everything counted, nothing private in an error."""

from typing import Annotated

import pytest
from pydantic import BaseModel, Field, StringConstraints, ValidationInfo, field_validator

from shared.enums import FailureReason
from worker.errors import RAW_ANSWER_CHARS, Halt, JobError, Reject, Retryable, Snooze
from worker.llm.chat import Completion, PreparedImage, Prompt, ScriptedLLM, Usage
from worker.llm.structured import (
    Asker,
    Question,
    caller_question,
    model_question,
    schema_question,
)

Word = Annotated[str, StringConstraints(max_length=12)]


class Tags(BaseModel):
    """What is asked for."""

    tags: Annotated[list[Word], Field(min_length=1, max_length=3)]

    @field_validator("tags")
    @classmethod
    def _no_shouting(cls, tags: list[str], info: ValidationInfo) -> list[str]:
        if any(tag.isupper() for tag in tags):
            raise ValueError(f"{info.field_name} are written in lower case")
        return tags


TAGS = model_question("tags", Tags, 100)
PROMPT = Prompt("You tag.", "The text.")
GOOD = '{"tags": ["sea"]}'
SECRET = "hunter2-secret"


def _asker(*replies: Completion | str | Exception) -> tuple[Asker, ScriptedLLM]:
    llm = ScriptedLLM(list(replies))
    return Asker(llm, Usage(), "job-1"), llm


async def test_a_good_answer_costs_one_call() -> None:
    """The request carries the question's schema and limits, the value comes back typed."""
    ask, llm = _asker(f"Of course!\n```json\n{GOOD}\n```")
    assert await ask(TAGS, PROMPT) == Tags(tags=["sea"])
    (request,) = llm.requests
    assert request.prompt == PROMPT
    assert (request.schema_name, request.schema) == ("tags", TAGS.schema)
    assert (request.max_tokens, request.timeout_s, request.request_id) == (100, 60.0, "job-1")
    assert (ask.usage.calls, ask.usage.tokens_in, ask.usage.tokens_out) == (1, 10, 5)


async def test_a_picture_gets_the_longer_timeout() -> None:
    """What the model has to look at takes longer."""
    ask, llm = _asker(GOOD)
    await ask(TAGS, Prompt("s", "u", PreparedImage(b"x", "image/jpeg", 1, 1)))
    assert llm.requests[0].timeout_s == 120.0


async def test_a_bad_answer_is_asked_for_again_with_the_reason() -> None:
    """The second prompt is the first one and a short note, without the bad answer."""
    ask, llm = _asker(f'{{"tags": ["{SECRET}"]}}', GOOD)
    assert await ask(TAGS, PROMPT) == Tags(tags=["sea"])
    again = llm.requests[1]
    note = again.prompt.user.removeprefix(PROMPT.user)
    assert again.prompt.system == PROMPT.system
    assert "tags.0: String should have at most 12 characters" in note
    assert SECRET not in note
    assert again.max_tokens == 100
    assert (ask.usage.calls, ask.usage.tokens_in, ask.usage.tokens_out) == (2, 20, 10)


async def test_an_answer_that_was_cut_off_gets_more_room_once() -> None:
    """After `length`, twice the tokens and a wish for brevity; the same request would end alike."""
    ask, llm = _asker(Completion(GOOD, "length", 10, 100), GOOD)
    await ask(TAGS, PROMPT)
    assert llm.requests[1].max_tokens == 200
    assert "more briefly" in llm.requests[1].prompt.user
    assert ask.usage.reasks == 1


@pytest.mark.parametrize(
    "bad",
    [
        "I do not know.",
        '{"tags": []}',
        '{"tags": ["SEA"]}',
        '{"tags": ["sea"]',
        Completion(GOOD, "length"),
        Completion(GOOD, "abort"),
        Completion(GOOD, "repetition"),
        Completion(GOOD, "tool_calls"),
        Completion(GOOD, ""),
    ],
)
async def test_two_calls_are_the_worst_case(bad: Completion | str) -> None:
    """Only `stop` counts, and a third call is never made."""
    ask, llm = _asker(bad, bad, GOOD)
    with pytest.raises(Retryable) as caught:
        await ask(TAGS, PROMPT)
    assert caught.value.reason is FailureReason.INVALID_ANSWER
    assert "\n" not in str(caught.value)
    assert len(llm.requests) == ask.usage.calls == 2


async def test_the_raw_answer_goes_to_the_dead_letter() -> None:
    """The last one, cut to what a dead letter holds, and not in the message."""
    ask, _ = _asker("first", f"{SECRET} " * 5_000)
    with pytest.raises(Retryable) as caught:
        await ask(TAGS, PROMPT)
    assert caught.value.raw_answer.startswith(SECRET)
    assert len(caught.value.raw_answer) == RAW_ANSWER_CHARS
    assert SECRET not in str(caught.value)


async def test_a_raw_answer_can_always_be_written_down() -> None:
    """Half of a surrogate pair has no bytes."""
    ask, _ = _asker("first", "[\ud800")
    with pytest.raises(Retryable) as caught:
        await ask(TAGS, PROMPT)
    assert caught.value.raw_answer == "[?"


async def test_what_makes_no_sense_is_asked_again_with_the_reason() -> None:
    """A handler's check takes part in the one re-ask, and its value is what the handler gets."""

    def known(tags: Tags) -> int:
        if "hill" not in tags.tags:
            raise ValueError("only tags of the list can be given")
        return len(tags.tags)

    ask, llm = _asker(GOOD, '{"tags": ["hill", "sea"]}')
    assert await ask(TAGS, PROMPT, known) == 2
    assert "only tags of the list can be given" in llm.requests[1].prompt.user


async def test_what_was_mended_or_left_out_is_counted() -> None:
    """Once for each answer that was used."""
    ask, _ = _asker("{'tags': ['sea', 7, 8]}", "{'tags': [7]}", GOOD)
    question = model_question("tags", Tags, 100, salvage="tags")
    await ask(question, PROMPT)
    await ask(question, PROMPT)
    assert (ask.usage.repaired, ask.usage.dropped, ask.usage.reasks) == (1, 2, 1)
    assert ask.usage.faults == {"schema_mismatch": 1}


async def test_every_answer_that_cannot_be_used_is_counted_by_its_cause() -> None:
    """Also one in which the client sees by itself that there is nothing."""
    nothing = Retryable("nothing in it", cause="empty_response")
    ask, _ = _asker(nothing, Completion(GOOD, "length"), "no JSON", GOOD)
    with pytest.raises(Retryable):
        await ask(TAGS, PROMPT)
    await ask(TAGS, PROMPT)
    assert ask.usage.faults == {"empty_response": 1, "truncated": 1, "invalid_json": 1}


async def test_many_faults_make_a_short_note() -> None:
    """However much is wrong, the note stays under 500 characters and tells no values."""
    tags = ", ".join(f'"{SECRET} {number} {"x" * 50}"' for number in range(200))
    ask, llm = _asker(f'{{"tags": [{tags}], "{SECRET}": 1}}', f'{{"tags": [{tags}]}}')
    with pytest.raises(Retryable) as caught:
        await ask(TAGS, PROMPT)
    assert SECRET not in str(caught.value)
    note = llm.requests[1].prompt.user.removeprefix(PROMPT.user)
    assert SECRET not in note
    assert len(note) <= 502  # two line ends set it apart


async def test_a_long_reason_keeps_the_advice() -> None:
    """The reason is what gets cut, never what to do about it."""

    def parse(text: str) -> str:
        raise ValueError("\n".join([text * 100] * 10))

    ask, llm = _asker("{}", "{}")
    with pytest.raises(Retryable):
        await ask(Question("q", {}, parse, 10), PROMPT)
    assert llm.requests[1].prompt.user.endswith("Give the whole answer, corrected.")


@pytest.mark.parametrize("finish", ["content_filter", "refusal"])
async def test_a_refusal_is_final(finish: str) -> None:
    """A model that will not answer is not asked twice."""
    ask, llm = _asker(Completion("", finish), GOOD)
    with pytest.raises(Reject) as caught:
        await ask(TAGS, PROMPT)
    assert caught.value.reason is FailureReason.MODEL_REFUSED
    assert len(llm.requests) == 1


@pytest.mark.parametrize(
    "error",
    [
        Retryable("x"),
        Snooze("x"),
        Reject(FailureReason.MODEL_REFUSED, "x"),
        Halt("x"),
    ],
)
async def test_failed_calls_pass_through_and_count(error: JobError) -> None:
    """The client's errors are not touched, and the call they cost is counted."""
    ask, _ = _asker("nonsense", error)
    with pytest.raises(type(error)) as caught:
        await ask(TAGS, PROMPT)
    assert caught.value is error
    assert ask.usage.calls == 2
    assert ask.usage.llm_s > 0
    assert ask.usage.tokens_in == 10


async def test_a_callers_schema_is_sent_and_checked() -> None:
    """The caller's schema goes out unchanged, and an answer that breaks it is asked for again."""
    question = schema_question(
        "extract", {"type": "object", "properties": {"n": {"type": "integer"}}}, 50
    )
    ask, llm = _asker('{"n": "secret"}', '{"n": 3}')
    assert await ask(question, PROMPT) == {"n": 3}
    assert llm.requests[0].schema == {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert "$.n: breaks type integer" in llm.requests[1].prompt.user


async def test_a_callers_schema_can_be_checked_beside_the_loop() -> None:
    """The same question, or the same refusal."""
    question = await caller_question("extract", {"type": "object"}, 50)
    ask, _ = _asker('{"n": 3}')
    assert await ask(question, PROMPT) == {"n": 3}
    with pytest.raises(Reject, match="cannot be used"):
        await caller_question("extract", {"type": "nonsense"}, 50)


def test_a_bad_callers_schema_never_reaches_the_model() -> None:
    """It is the job's fault, so the job is rejected when the question is made."""
    with pytest.raises(Reject, match="cannot be used") as caught:
        schema_question("extract", {"type": "nonsense"}, 50)
    assert caught.value.reason is FailureReason.INVALID_PAYLOAD
