"""The preset `llama_cpp` against a real llama-cpp-python server, whose model says noise in form."""

import json
import os
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from shared import RESULTS, JobType
from shared.enums import FailureReason
from tests.process.bench import log_lines
from tests.process.conftest import Benches
from worker.embedded.samples import samples
from worker.errors import Reject, Retryable
from worker.llm.causes import Cause
from worker.llm.chat import ChatRequest, ModelRole, Prompt
from worker.llm.client import OpenAIChat
from worker.llm.providers import PROVIDERS
from worker.llm_config import ProviderName, StructureName

pytestmark = [pytest.mark.second_server, pytest.mark.timeout(600)]

PRESET = ProviderName.LLAMA_CPP
SEEING = {JobType.IMAGE_TAG, JobType.DOCUMENT}
"""The model is blind, as most that llama.cpp serves are."""
ROUNDS = 5
COLOURS = [{"colour": "red"}, {"colour": "green"}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


@pytest.fixture
def url() -> str:
    """The server's address; without one these tests cannot run."""
    found = os.environ.get("SECOND_SERVER_URL", "")
    if not found:
        pytest.skip("SECOND_SERVER_URL is not set")
    return found


def _client(url: str, preset: ProviderName = PRESET, model: str = "") -> OpenAIChat:
    models = dict.fromkeys(ModelRole, model)
    provider = PROVIDERS[preset]
    return OpenAIChat(url, "not-needed", models, max_connections=2, provider=provider)


@pytest.fixture
async def model(url: str) -> str:
    """The first model that the server offers."""
    probe = _client(url)
    try:
        return (await probe.models())[0].name
    finally:
        await probe.close()


@pytest.fixture
async def chat(url: str, model: str) -> AsyncGenerator[OpenAIChat]:
    """A client of the server."""
    client = _client(url, model=model)
    yield client
    await client.close()


def _request(
    user: str = "Tell a long story.", schema: dict[str, Any] = SCHEMA, max_tokens: int = 256
) -> ChatRequest:
    prompt = Prompt("Answer.", user)
    return ChatRequest(prompt, "answer", schema, max_tokens, 60, request_id="text-tag-1")


def _object_with(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


@pytest.mark.parametrize("structure", [StructureName.AUTO, StructureName.TOOL])
async def test_output_is_constrained(chat: OpenAIChat, structure: StructureName) -> None:
    """Whatever the model would say, the server lets only the schema through."""
    if structure is not StructureName.AUTO:
        chat.structure = structure
    for _ in range(ROUNDS):
        completion = await chat.complete(_request())
        assert completion.finish_reason == "stop"
        assert json.loads(completion.text) in COLOURS
        assert completion.tokens_in > 0
        assert completion.tokens_out > 0


async def test_without_a_structure_it_is_not(chat: OpenAIChat) -> None:
    """What constrains the output above is the server, not the model's taste."""
    chat.structure = StructureName.PROMPT
    texts = {(await chat.complete(_request(max_tokens=64))).text for _ in range(ROUNDS)}
    assert len(texts) > 1
    assert not any("colour" in text for text in texts)


@pytest.mark.parametrize(("request_id", "cause"), [("text-tag-1", "http_400"), ("", "http_500")])
async def test_another_preset_does_not_fit(
    url: str, model: str, request_id: str, cause: str
) -> None:
    """The server will have no id but a UUID, and knows no `json_schema`: presets are real."""
    client = _client(url, ProviderName.VLLM, model)
    request = replace(_request(), request_id=request_id)
    try:
        with pytest.raises((Retryable, Reject)) as caught:
            await client.complete(request)
    finally:
        await client.close()
    assert caught.value.cause == cause


async def test_a_cut_off_answer_says_so(chat: OpenAIChat) -> None:
    """The token limit is the one that the server knows, and its end is seen."""
    story = {"type": "string", "minLength": 200, "maxLength": 400}
    completion = await chat.complete(_request(schema=_object_with(story=story), max_tokens=16))
    assert completion.finish_reason == "length"
    assert completion.tokens_out == 16


async def test_an_over_long_prompt_is_rejected(chat: OpenAIChat) -> None:
    """The server's 400 ends the job at once, under the cause that every server has for it."""
    with pytest.raises(Reject, match=r"(?i)context|long") as caught:
        await chat.complete(_request("long " * 200_000))
    assert caught.value.reason is FailureReason.MODEL_REFUSED
    assert caught.value.cause == Cause.CONTEXT_TOO_LONG


async def test_an_unknown_model_is_only_seen_in_the_list(chat: OpenAIChat) -> None:
    """The server answers to any name with the model it has; what it lists is the truth."""
    assert "unheard-of" not in [card.name for card in await chat.models()]
    completion = await chat.ask(_request(), "unheard-of")
    assert json.loads(completion.text) in COLOURS


async def test_a_call_that_is_given_up(chat: OpenAIChat) -> None:
    """The server ends such an answer for nobody; the next call waits its turn and is answered."""
    story = {"type": "string", "minLength": 700, "maxLength": 800}
    stories = {"type": "array", "items": story, "minItems": 3, "maxItems": 3}
    request = _request(schema=_object_with(stories=stories), max_tokens=3_000)
    with pytest.raises(Retryable) as caught:
        await chat.complete(replace(request, timeout_s=0.05))
    assert caught.value.cause == Cause.TIMEOUT
    await chat.ping()
    assert json.loads((await chat.complete(_request())).text) in COLOURS


async def test_it_lives(chat: OpenAIChat) -> None:
    """The address that the preset asks for health is there."""
    await chat.ping()


@pytest.mark.parametrize("structure", [StructureName.AUTO, StructureName.TOOL])
async def test_every_text_job_type_ends_with_a_valid_result(
    url: str, model: str, structure: StructureName, benches: Benches
) -> None:
    """XADD to Core through a real worker and the real server, twice for each job type."""
    wanted = [sample for sample in samples() if sample.job_type not in SEEING]
    assert {sample.job_type for sample in wanted} == set(JobType) - SEEING
    async with benches() as bench:
        worker = bench.start_worker(
            LLM_PROVIDER=str(PRESET),
            LLM_BASE_URL=url,
            LLM_TEXT_MODEL=model,
            LLM_STRUCTURE=str(structure),
            LLM_MAX_RETRIES="9",  # noise may be of the right form and make no sense
            WORKER_JOB_TYPES=",".join(sorted({sample.job_type for sample in wanted})),
        )
        for sample in wanted:
            await bench.enqueue(sample.job_id, sample.payload, sample.job_type)
        jobs = await bench.ended(*(sample.job_id for sample in wanted), patience_s=400)
        for sample, job in zip(wanted, jobs, strict=True):
            assert job["status"] == "completed", job
            RESULTS[sample.job_type].model_validate(job["result"])
        await bench.settled()
        for complaint in ("output_not_constrained", "model_not_listed", "model_server_away"):
            assert log_lines(worker, complaint) == []


# Last: where it fails, no server is left.
@pytest.mark.parametrize(
    "schema",
    [
        _object_with(text={"type": "string", "maxLength": 20_000}),
        _object_with(list={"type": "array", "maxItems": 5_000, "items": {"enum": [1]}}),
        _object_with(name={"enum": ['say "x"', "other"]}),
        _object_with(name={"const": "a\0b"}),
        _object_with(**{'a"b': {"enum": [1]}}),
        _object_with(code={"type": "string", "pattern": r"^\d{3}$"}),
        _object_with(code={"type": "string", "pattern": "^a{1,5000}$"}),
        _object_with(none={"enum": []}),
    ],
    ids=["long", "many", "quote", "zero", "key", "digits", "repeats", "none"],
)
@pytest.mark.parametrize("structure", [StructureName.JSON_OBJECT, StructureName.TOOL])
async def test_a_hostile_schema_does_not_end_the_server(
    chat: OpenAIChat, structure: StructureName, schema: dict[str, Any]
) -> None:
    """Sent as they are, each of these schemas of a caller would kill the process for everybody."""
    chat.structure = structure
    await chat.complete(_request(schema=schema, max_tokens=64))
    assert json.loads((await chat.complete(_request())).text) in COLOURS
