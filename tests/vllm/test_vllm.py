"""Every job type against a real vLLM server; what the model says may be noise, its form may not."""

import asyncio
import io
import os
from collections.abc import AsyncGenerator

import aiohttp
import pytest
from PIL import Image

from shared import RESULTS, JobType
from shared.config import load_settings
from shared.enums import FailureReason
from tests.process.bench import Bench, until
from tests.process.conftest import Benches
from worker.config import Settings
from worker.embedded.samples import paint, samples
from worker.errors import Halt, Reject
from worker.llm.causes import Cause
from worker.llm.chat import ChatRequest, ModelRole, PreparedImage, Prompt
from worker.llm.client import OpenAIChat
from worker.llm_config import StructureName
from worker.model_side import build_llm, build_preflight

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
        ModelRole.TEXT: os.environ.get("VLLM_TEXT_MODEL", offered[0].name),
        ModelRole.VISION: os.environ.get("VLLM_VISION_MODEL", offered[-1].name),
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


async def test_what_the_start_learns(url: str, names: dict[ModelRole, str]) -> None:
    """The canary proves that output is constrained; the context is the server's own number."""
    settings = load_settings(
        Settings,
        llm_base_url=(url,),
        llm_text_model=names[ModelRole.TEXT],
        llm_vision_model=names[ModelRole.VISION],
    )
    router = build_llm(settings)
    try:
        await build_preflight(settings, router).start()
        [replica] = router.replicas
        assert (replica.checked, replica.broken) == (True, None)
        assert replica.client.structure is StructureName.JSON_SCHEMA
        assert (router.context_tokens(ModelRole.TEXT) or 0) > 256
    finally:
        await router.close()


async def test_a_cancelled_call_frees_the_servers_slot(url: str, chat: OpenAIChat) -> None:
    """VLLM stops generating when the worker hangs up: seen in its own metrics."""
    endless = ChatRequest(
        Prompt("Answer.", "Tell."), "endless", {"type": "string", "maxLength": 4_000}, 4_000, 60
    )
    call = asyncio.create_task(chat.complete(endless))
    async with aiohttp.ClientSession() as http:
        await until(lambda: _running(http, url, 1), what="the call being generated")
        call.cancel()
        await asyncio.wait({call})
        await until(lambda: _running(http, url, 0), what="the slot being free again")
    assert call.cancelled()


async def _running(http: aiohttp.ClientSession, url: str, count: int) -> bool:
    async with http.get(f"{url.removesuffix('/v1')}/metrics") as response:
        text = await response.text()
    lines = [x for x in text.splitlines() if x.startswith("vllm:num_requests_running{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines) == count


async def test_a_picture_with_its_id(chat: OpenAIChat) -> None:
    """The id under which the server may cache a prepared picture is accepted, twice."""
    picture = Image.new("RGB", (64, 64), "navy")
    data = io.BytesIO()
    picture.save(data, "JPEG")
    image = PreparedImage(data.getvalue(), "image/jpeg", 64, 64, digest="ab" * 32)
    request = ChatRequest(Prompt("Answer.", "Which?", image), "colour", SCHEMA, 64, 60)
    for _ in range(2):
        assert (await chat.complete(request)).finish_reason == "stop"


async def test_an_over_long_prompt_is_rejected(chat: OpenAIChat) -> None:
    """The server's 400 ends the job at once, with words that say what was too long."""
    with pytest.raises(Reject, match=r"(?i)context|long") as caught:
        await chat.complete(_request("long " * 200_000))
    assert caught.value.reason is FailureReason.MODEL_REFUSED
    assert caught.value.cause == Cause.CONTEXT_TOO_LONG


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
