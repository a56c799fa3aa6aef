"""The job that all contenders but ours do, and what they are told by the environment.

The same outward acts as the worker's: the model is asked with the same prompt and schema, the
answer is checked, and Core gets the same three requests. Nothing here imports the worker.

With BENCH_MODE=nothing a job only counts itself and, where BENCH_STAMPS names a file, writes down
when it began.
"""

import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import aiohttp
from openai import AsyncOpenAI, DefaultAioHttpClient
from pydantic import BaseModel, Field

from benchmarks.tally import Count, Tally

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
AT_ONCE = int(os.environ.get("BENCH_AT_ONCE", "64"))
PATIENCE = 10
"""Tries of the SDK after the first: with its pauses of up to 8 s they outlast an outage of 30 s.
Peers whose queue has no delayed retries would lose the job else. Free while nothing fails."""
Put = Callable[[int, str], Awaitable[object]]


class TextTags(BaseModel):
    """What the model says."""

    tags: Annotated[list[str], Field(min_length=1, max_length=7)]


class Job:
    """One job, by its number and its text; clients are opened by the first."""

    def __init__(self) -> None:
        self._tally = Tally(Path(os.environ["BENCH_TALLY"]))
        stamps = os.environ.get("BENCH_STAMPS")
        self._stamps = os.open(stamps, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if stamps else None
        self._works = os.environ["BENCH_MODE"] == "work"
        self._words = json.loads(Path(os.environ["BENCH_WORDS"]).read_text(encoding="utf-8"))
        self._core_url = os.environ["BENCH_CORE_URL"]
        self._model: AsyncOpenAI | None = None
        self._core: aiohttp.ClientSession | None = None

    async def __call__(self, number: int, text: str) -> None:
        """Do it."""
        if not self._works:
            self.note(number)
            return
        if self._model is None or self._core is None:
            self._model, self._core = self._open()
        await self._tell(f"/llm_jobs/job-{number}", {"status": "processing"})
        tags = await self._ask(self._model, text, f"job-{number}")
        body = {"tags": tags, "status": "suggested"}
        await self._tell(f"/memories/m{number}/tags", body, key=f"job-{number}:0")
        result = {"memory_id": f"m{number}", "tags": tags, "truncated_input": False}
        update = {"status": "completed", "result": result}
        await self._tell(f"/llm_jobs/job-{number}", update, key=f"job-{number}")

    def note(self, number: int) -> None:
        """Count a job without work, and when it began."""
        if self._stamps is not None:
            os.write(self._stamps, b"%d %d\n" % (number, time.monotonic_ns()))
        self._tally.add(Count.DONE)

    def _open(self) -> tuple[AsyncOpenAI, aiohttp.ClientSession]:
        model = AsyncOpenAI(
            base_url=os.environ["BENCH_MODEL_URL"],
            api_key="key",
            max_retries=PATIENCE,
            http_client=DefaultAioHttpClient(),
        )
        return model, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE))

    async def _ask(self, model: AsyncOpenAI, text: str, request_id: str) -> list[str]:
        completion = await model.chat.completions.create(
            model="m",
            messages=[
                {"role": "system", "content": self._words["system"]},
                {"role": "user", "content": f"The note:\n{text}"},
            ],
            temperature=0.1,
            max_tokens=512,
            response_format={
                "type": "json_schema",
                "json_schema": {
                    "name": "text_tags",
                    "schema": self._words["schema"],
                    "strict": True,
                },
            },
            extra_headers={"X-Request-Id": request_id},
        )
        return TextTags.model_validate_json(completion.choices[0].message.content or "").tags

    async def _tell(self, path: str, body: object, key: str = "") -> None:
        assert self._core is not None  # noqa: S101 - opened with the model
        method = "POST" if path.endswith("/tags") else "PATCH"
        headers = {"Idempotency-Key": key} if key else {}
        url = self._core_url + path
        async with self._core.request(method, url, json=body, headers=headers) as response:
            response.raise_for_status()
            await response.read()
