"""Recorded calls given again: the same reply, or the same failure, through the real client."""

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.builders import until
from worker.embedded.model_api import ModelConfig, RunningModel, run_model
from worker.embedded.model_faults import Fault
from worker.embedded.model_replay import Replay, load_replay, request_key
from worker.errors import Halt, JobError, Retryable, Snooze
from worker.llm.causes import Cause
from worker.llm.chat import ChatRequest, Completion, ModelRole, PreparedImage, Prompt
from worker.llm.client import OpenAIChat
from worker.llm.providers import PROVIDERS
from worker.llm.recorder import CallNote, RecordFolder
from worker.llm_config import ProviderName
from worker.untrusted.framing import marked

MODELS = {ModelRole.TEXT: "mistral", ModelRole.VISION: "llava"}
SCHEMA = {
    "type": "object",
    "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["tags"],
}
ODD = Completion('{"tags":["odd"', "length", 1_234, 56, 78, "vllm", "big-model")


def asked(text: str = "the ferry", image: PreparedImage | None = None) -> ChatRequest:
    """A question about a text, framed with a code of its own."""
    prompt = Prompt("Find tags.", f"Note:\n{marked(text)}", image)
    return ChatRequest(prompt, "tags", SCHEMA, 256, 10.0, "j1")


def painted(colour: str) -> PreparedImage:
    """A picture of one colour."""
    data = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(data, "JPEG")
    return PreparedImage(data.getvalue(), "image/jpeg", 40, 30)


def replay(folder: Path, *calls: tuple[ChatRequest, Completion | JobError]) -> Replay:
    """Calls through the recorder's files."""
    written = RecordFolder(folder)
    for at, (request, came) in enumerate(calls):
        written.write(CallNote(float(at), 0.1, request, 4_096, came))
    return load_replay(folder)


@asynccontextmanager
async def replaying(
    folder: Path, *calls: tuple[ChatRequest, Completion | JobError]
) -> AsyncGenerator[tuple[OpenAIChat, RunningModel]]:
    """A stand-in that knows these calls, and the worker's client before it."""
    async with run_model(ModelConfig(replay=replay(folder, *calls))) as model:
        url, preset = f"{model.url}/v1", PROVIDERS[ProviderName.MOCK]
        client = OpenAIChat(url, "key", MODELS, max_connections=4, provider=preset)
        try:
            yield client, model
        finally:
            await client.close()


async def test_the_same_odd_answer(tmp_path: Path) -> None:
    """Text, finish reason and tokens, though the new request frames its text with another code."""
    async with replaying(tmp_path, (asked(), ODD)) as (client, model):
        came = await client.complete(asked())
        assert (came.text, came.finish_reason) == (ODD.text, "length")
        assert (came.tokens_in, came.tokens_out, came.tokens_cached) == (1_234, 56, 78)
        assert (came.provider, came.model) == ("mock", "mistral")
        assert model.tally.finished["mistral", "length"] == 1


async def test_what_was_not_recorded_is_answered_as_ever(tmp_path: Path) -> None:
    """By the stand-in's rules."""
    async with replaying(tmp_path, (asked(), ODD)) as (client, _):
        came = await client.complete(asked("the mountains of Crete"))
        assert came.finish_reason == "stop"
        assert "crete" in came.text


async def test_a_picture_is_known_by_its_bytes(tmp_path: Path) -> None:
    """Another one has not been recorded."""
    async with replaying(tmp_path, (asked(image=painted("red")), ODD)) as (client, _):
        assert (await client.complete(asked(image=painted("red")))).text == ODD.text
        assert (await client.complete(asked(image=painted("blue")))).text != ODD.text


async def test_the_same_question_again_and_again(tmp_path: Path) -> None:
    """Its replies come in their order, and the last of them stays."""
    first, last = Completion("one", "stop"), Completion("two", "stop")
    calls = [(asked(), first), (asked(), Snooze("busy", cause="http_503")), (asked(), last)]
    async with replaying(tmp_path, *calls) as (client, _):
        assert (await client.complete(asked())).text == "one"
        with pytest.raises(Snooze):
            await client.complete(asked())
        assert [(await client.complete(asked())).text for _ in range(3)] == ["two"] * 3


async def test_a_fault_that_is_asked_for_goes_first(tmp_path: Path) -> None:
    """The recorded reply waits for its turn."""
    async with replaying(tmp_path, (asked(), ODD)) as (client, model):
        model.faults.add(Fault(status=500))
        with pytest.raises(Retryable):
            await client.complete(asked())
        assert (await client.complete(asked())).text == ODD.text


@pytest.mark.parametrize(
    "cause",
    [
        *(Cause.CONNECTION_ERROR, Cause.BROKEN_REPLY, Cause.UNREADABLE_REPLY),
        *(Cause.OVERSIZED_REPLY, Cause.REFUSED, Cause.CONTEXT_TOO_LONG, Cause.UNKNOWN_MODEL),
        *("http_400", "http_401", "http_404", "http_408", "http_413", "http_418", "http_422"),
        *("http_429", "http_500", "http_502", "http_503", "http_504", "http_529", "http_307"),
    ],
)
async def test_the_same_failure(tmp_path: Path, cause: str) -> None:
    """The client finds the same cause, and with it what follows from it."""
    failed = Retryable("the model server answered so", cause=cause)
    async with replaying(tmp_path, (asked(), failed)) as (client, _):
        with pytest.raises(JobError) as caught:
            await client.complete(asked())
    assert caught.value.cause == cause


async def test_the_wait_that_was_asked_for(tmp_path: Path) -> None:
    """`Retry-After` is given again."""
    busy = Snooze("busy", after_s=7.0, cause="http_503")
    async with replaying(tmp_path, (asked(), busy)) as (client, _):
        with pytest.raises(Snooze) as caught:
            await client.complete(asked())
    assert caught.value.after_s == 7.0


async def test_the_same_silence(tmp_path: Path) -> None:
    """A call that took too long takes too long again; the slot is free when the client has gone."""
    silent = Retryable("no answer", cause=Cause.TIMEOUT)
    async with replaying(tmp_path, (asked(), silent)) as (client, model):
        call = asyncio.create_task(client.complete(asked()))
        await until(lambda: model.tally.running["mistral"] == 1)
        call.cancel()
        await until(lambda: model.tally.running["mistral"] == 0)
        assert model.tally.finished["mistral", "abort"] == 1


def test_what_no_server_was_asked_for_is_left_out(tmp_path: Path) -> None:
    """There is nothing to give again."""
    found = replay(
        tmp_path,
        (asked(), Snooze("left alone", cause=Cause.BREAKER_OPEN)),
        (asked(), Snooze("spent", cause=Cause.BUDGET_SPENT)),
        (asked(), Halt("bad address")),
        (asked(), ODD),
    )
    assert (len(found), found.max_model_len) == (1, 4_096)


@pytest.mark.parametrize("raw", [None, b"{}", b"\xff"])
def test_a_folder_of_no_use(tmp_path: Path, raw: bytes | None) -> None:
    """Empty, or with a file of another kind: one sentence, with its name."""
    if raw is not None:
        (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(ValueError, match=r"recorded call") as caught:
        load_replay(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": None},
        {"messages": [None, 7, {"role": "user"}, {"role": 1, "content": "x"}]},
        {"messages": [{"role": "user", "content": [None, {"type": "image_url"}, {"type": "x"}]}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "data:,%"}}],
                }
            ]
        },
        {"response_format": {"json_schema": 7}},
    ],
)
def test_any_body_has_a_key(body: dict[str, Any]) -> None:
    """What is wrong with it is for the stand-in to say."""
    assert len(request_key(body)) == 64
