"""What a worker would be without a queue and without any safety: so many coroutines that ask."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from openai import AsyncOpenAI, DefaultAioHttpClient
from openai.types.chat import ChatCompletion

from worker.handlers import text_tag

NOTE = "Booked the ferry to Naxos for June, two cabins, ticket by mail. " * 8


def _question() -> dict[str, Any]:
    schema = {"name": "text_tags", "schema": text_tag.QUESTION.schema, "strict": True}
    return {
        "model": "mistral",
        "messages": [
            {"role": "system", "content": "You tag notes."},
            {"role": "user", "content": f"The note:\n{NOTE}"},
        ],
        "temperature": 0.1,
        "max_tokens": text_tag.QUESTION.max_tokens,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


@asynccontextmanager
async def ideal_loop(url: str, at_once: int) -> AsyncGenerator[None]:
    """Ask a server without end, so many questions at once."""
    asked = _question()
    http = DefaultAioHttpClient(timeout=600)
    async with AsyncOpenAI(
        base_url=f"{url}/v1", api_key="key", max_retries=0, http_client=http
    ) as client:

        async def one() -> None:
            while True:
                reply = cast("ChatCompletion", await client.chat.completions.create(**asked))
                text_tag.TextTags.model_validate_json(reply.choices[0].message.content or "")

        tasks = [asyncio.create_task(one()) for _ in range(at_once)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if not isinstance(error, asyncio.CancelledError) and error is not None:
                raise error
