"""A model and a Core inside the worker's process, and jobs for it: what is left is the queue."""

import asyncio
from collections.abc import Iterable

from shared.redis_streams import JobEntry, Keys, encode_entry
from shared.schemas import LLMJobUpdate, TaskResponse
from worker.llm.chat import ChatRequest, Completion, ModelRole
from worker.llm.observing import Unlimited
from worker.llm.router import Router, Upstream
from worker.outcome import Effect
from worker.queue.redis_clients import CommandClient

STREAM = Keys().stream("text_tag")


class InstantModel(Router):
    """Answers every question about tags at once; it has no server that could be away."""

    def __init__(self) -> None:
        models = dict.fromkeys(ModelRole, "m")
        super().__init__([Upstream("instant", models, [])], Unlimited(), lambda: 0.5)

    async def complete(self, request: ChatRequest) -> Completion:
        """Two tags."""
        return Completion('{"tags": ["ferry", "naxos"]}', "stop", len(request.prompt.user) // 4, 9)

    def context_tokens(self, role: ModelRole) -> int | None:
        """Much."""
        del role
        return 128_000

    async def ping(self) -> None:
        """Here."""

    async def close(self) -> None:
        """Nothing to close."""


class NothingToCheck:
    """A model that is as it should be."""

    async def start(self) -> None:
        """There is nothing to look at."""

    async def watch(self) -> None:
        """Nor later."""
        await asyncio.Event().wait()

    async def run(self) -> None:
        """Nor its load."""
        await asyncio.Event().wait()


class InstantCore:
    """Takes everything at once, and counts what is final."""

    def __init__(self) -> None:
        self.finished = 0

    async def mark_processing(self, job_id: str) -> None:
        """Taken."""

    async def apply(self, effect: Effect, *, key: str) -> None:
        """Taken."""

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """Taken, and counted."""
        self.finished += 1

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """None."""
        return []

    async def ping(self) -> None:
        """Here."""

    async def close(self) -> None:
        """Nothing to close."""


async def append(client: CommandClient, numbers: Iterable[int]) -> None:
    """Append notes to tag, all at the same time."""
    await asyncio.gather(*(_append(client, number) for number in numbers))


async def _append(client: CommandClient, number: int) -> None:
    payload = {"memory_id": "m1", "content": f"Booked the ferry to Naxos, ticket {number}"}
    fields = encode_entry(JobEntry(f"job-{number}", payload, user_id=42))
    flat = [part for pair in fields.items() for part in pair]
    await client.execute_command("XADD", STREAM, "*", *flat)
