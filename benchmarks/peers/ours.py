"""The daemon itself, as people run it; see `benchmarks.site` for its settings.

`work()` is for the jobs without work only: the whole composition, with a handler that answers at
once without asking the model, and with a Core inside the process that takes everything, so that
what is left is the queue: claims, leases, records, settles, events, metrics and log lines.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from unittest import mock

from benchmarks.inside import InstantCore
from benchmarks.peers.task import REDIS_URL, Job, Put
from shared.enums import JobType
from shared.redis_streams import JobEntry, Keys, create_consumer_group, publish
from shared.schemas import TextTagPayload, TextTagResult
from worker import hands, model_side, outside
from worker.cli import main
from worker.handlers.handler import Handler, Tools
from worker.outcome import Completed, completed
from worker.queue.redis_clients import connect


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """Appends jobs as producers do."""
    clients, keys = connect(REDIS_URL), Keys()
    await create_consumer_group(clients.commands, keys.stream(JobType.TEXT_TAG))

    def put(number: int, text: str):
        payload = {"memory_id": f"m{number}", "content": text}
        entry = JobEntry(f"job-{number}", payload, user_id=42)
        return publish(clients.commands, keys, JobType.TEXT_TAG, entry)

    yield put
    await clients.close()


def work() -> None:
    """The daemon with a handler that does nothing."""
    job = Job()

    async def nothing(payload: TextTagPayload, _: Tools) -> Completed:
        job.note(int(payload.memory_id[1:]))
        return completed(TextTagResult(memory_id=payload.memory_id, tags=[]))

    handlers = {JobType.TEXT_TAG: Handler(JobType.TEXT_TAG, TextTagPayload, nothing)}
    os.environ["WORKER_JOB_TYPES"] = "text_tag"
    with (
        mock.patch.object(hands, "HANDLERS", handlers),
        mock.patch.object(model_side, "HANDLERS", handlers),
        mock.patch.object(outside, "CoreApiClient", return_value=InstantCore()),
    ):
        main(["run"])
