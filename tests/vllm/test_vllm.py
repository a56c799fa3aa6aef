"""Every job type against a real vLLM server; what the model says may be noise, its form may not."""

import os
from collections.abc import AsyncGenerator

import pytest

from shared import RESULTS, JobType
from shared.enums import FailureReason
from tests.process.bench import Bench
from tests.process.conftest import Benches
from worker.embedded.samples import paint, samples
from worker.errors import Halt, Reject
from worker.llm.chat import ChatRequest, ModelRole, Prompt
from worker.llm.client import OpenAIChat

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


@pytest.fixture
def url() -> str:
    """The server's address; without one these tests cannot run."""
    found = os.environ.get("VLLM_URL", "")
    if not found:
        pytest.skip("VLLM_URL is not set")
    return found


@pytest.fixture
async def names(url: str) -> dict[ModelRole, str]:
    """The models to use: the environment's, else the first and the last the server offers."""
    probe = OpenAIChat(url, "not-needed", {}, max_connections=2)
    try:
        offered = await probe.models()
    finally:
        await probe.close()
    return {
        ModelRole.TEXT: os.environ.get("VLLM_TEXT_MODEL", offered[0]),
        ModelRole.VISION: os.environ.get("VLLM_VISION_MODEL", offered[-1]),
    }


@pytest.fixture
async def chat(url: str, names: dict[ModelRole, str]) -> AsyncGenerator[OpenAIChat]:
    """A client of the server."""
    client = OpenAIChat(url, "not-needed", names, max_connections=2)
    yield client
    await client.close()


def _request(user: str, timeout_s: float = 60) -> ChatRequest:
    return ChatRequest(Prompt("Answer.", user), "colour", SCHEMA, 64, timeout_s)


async def test_output_is_constrained(chat: OpenAIChat) -> None:
    """Whatever the model would say, the server lets only the schema through."""
    completion = await chat.complete(_request("Tell a long story."))
    assert completion.finish_reason == "stop"
    assert completion.text in {'{"colour": "red"}', '{"colour": "green"}', '{"colour":"red"}',
                               '{"colour":"green"}'}  # fmt: skip
    assert completion.tokens_in > 0
    assert completion.tokens_out > 0


async def test_an_unknown_model_halts(url: str) -> None:
    """The server's 404 is the worker's fault, not the job's."""
    chat = OpenAIChat(url, "not-needed", {ModelRole.TEXT: "unheard-of"}, max_connections=1)
    try:
        with pytest.raises(Halt, match="unheard-of"):
            await chat.complete(_request("Hello"))
    finally:
        await chat.close()


async def test_an_over_long_prompt_is_rejected(chat: OpenAIChat) -> None:
    """The server's 400 ends the job at once, with words that say what was too long."""
    with pytest.raises(Reject, match=r"(?i)context|long") as caught:
        await chat.complete(_request("long " * 200_000))
    assert caught.value.reason is FailureReason.MODEL_REFUSED


async def test_every_job_type_ends_with_a_valid_result(
    url: str,
    names: dict[ModelRole, str],
    benches: Benches,
) -> None:
    """XADD to Core through a real worker and the real server, twice for each job type."""
    wanted = [s for s in samples() if s.payload.get("image_path") != "../secrets.txt"]
    assert {sample.job_type for sample in wanted} == set(JobType)
    async with benches() as bench:
        paint(bench.stack.images)
        _start(bench, url, names)
        for sample in wanted:
            await bench.enqueue(sample.job_id, sample.payload, sample.job_type)
        jobs = await bench.ended(*(sample.job_id for sample in wanted), patience_s=400)
        for sample, job in zip(wanted, jobs, strict=True):
            assert job["status"] == "completed", job
            RESULTS[sample.job_type].model_validate(job["result"])
        await bench.settled()


def _start(bench: Bench, url: str, names: dict[ModelRole, str]) -> None:
    bench.start_worker(
        LLM_BASE_URL=url,
        LLM_TEXT_MODEL=names[ModelRole.TEXT],
        LLM_VISION_MODEL=names[ModelRole.VISION],
        LLM_MAX_RETRIES="9",  # a tiny random model breaks its answers off now and then
    )
