"""`python -m tests.process.crashing POINT`: the daemon, struck down at one point of a job's life.

The point is wrapped around the worker's own methods; the daemon's code knows nothing of it. The
blow falls once: a marker file in the working folder (named after the point) tells that it fell,
and whoever is started there afterwards lives.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, cast

import aiohttp
from redis import Redis
from redis.asyncio.connection import AbstractConnection

from shared import JobType, Keys
from worker.cli import main
from worker.core_api_client import CoreApiClient
from worker.llm.client import OpenAIChat
from worker.queue.job_queue import JobQueue

_POLL_S = 0.01


class Point(StrEnum):
    """Where the blow falls."""

    CLAIMED = "claimed"
    """The entry has been handed out; nothing else has happened."""
    ASKED = "asked"
    """The model works on the job."""
    ANSWERED = "answered"
    """The outcome is there; nothing of it is written down."""
    RECORDED = "recorded"
    """The outcome is in the outbox; Core has heard nothing of it."""
    FIRST_EFFECT = "first_effect"
    """Core has applied the first effect; that is not ticked off yet."""
    FIRST_TICK = "first_tick"
    """The first effect is ticked off; the second has not been sent."""
    PATCHED = "patched"
    """Core has the last word; the entry is still in the stream."""
    SETTLED = "settled"
    """Redis has taken the entry off; its reply lies unread in the socket."""
    FROZEN_ASKED = "frozen_asked"
    """As `ASKED`, but stopped in its tracks, not killed."""
    FROZEN_FIRST_EFFECT = "frozen_first_effect"
    """As `FIRST_EFFECT`, but stopped in its tracks, not killed."""

    @property
    def freezes(self) -> bool:
        """Whether the process may go on after SIGCONT."""
        return self in {Point.FROZEN_ASKED, Point.FROZEN_FIRST_EFFECT}


def marker(folder: Path, point: Point) -> Path:
    """The file that is there once the blow has fallen."""
    return folder / f"struck-{point}"


def strike(point: Point) -> None:
    """Kill or freeze this process, unless that has been done before."""
    try:
        marker(Path.cwd(), point).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGSTOP if point.freezes else signal.SIGKILL)


def before(owner: type, name: str, point: Point) -> None:
    """Strike when this method is called."""
    original = getattr(owner, name)

    async def struck(*args: Any, **named: Any) -> Any:
        strike(point)
        return await original(*args, **named)

    setattr(owner, name, struck)


def after(owner: type, name: str, point: Point, *, empty_counts: bool = True) -> None:
    """Strike when this method has done its work; `empty_counts=False` waits for a true result."""
    original = getattr(owner, name)

    async def struck(*args: Any, **named: Any) -> Any:
        result = await original(*args, **named)
        if result or empty_counts:
            strike(point)
        return result

    setattr(owner, name, struck)


def while_asked(point: Point) -> None:
    """Strike once the model stand-in says that it works on this worker's question."""
    original = OpenAIChat.complete

    async def struck(*args: Any, **named: Any) -> Any:
        answer = asyncio.create_task(original(*args, **named))
        await _model_works()
        strike(point)
        return await answer

    setattr(OpenAIChat, "complete", struck)  # noqa: B010 - as an assignment it has a wrong type


async def _model_works() -> None:
    url = os.environ["LLM_BASE_URL"].removesuffix("/v1") + "/stats"
    async with aiohttp.ClientSession(trust_env=False) as http:
        while True:
            async with http.get(url) as response:
                if (await response.json())["running"]:
                    return
            await asyncio.sleep(_POLL_S)


def reply_unread(point: Point) -> None:
    """Strike when a settle has emptied the stream, and its reply is here and nobody has read it."""
    settling: ContextVar[bool] = ContextVar("settling", default=False)
    settle: Any = JobQueue.settle
    read: Any = AbstractConnection.read_response
    stream = Keys(os.environ["LLM_STREAM_PREFIX"]).stream(JobType.EMAIL_EXTRACT)

    async def marked(*args: Any, **named: Any) -> Any:
        token = settling.set(True)
        try:
            return await settle(*args, **named)
        finally:
            settling.reset(token)

    async def struck(connection: AbstractConnection, *args: Any, **named: Any) -> Any:
        if settling.get():
            await _reply_arrives(connection)
            if _is_empty(stream):  # else the reply is that the script is unknown there
                strike(point)
        return await read(connection, *args, **named)

    setattr(JobQueue, "settle", marked)  # noqa: B010 - as an assignment it has a wrong type
    setattr(AbstractConnection, "read_response", struck)  # noqa: B010 - as above


async def _reply_arrives(connection: AbstractConnection) -> None:
    while True:
        if await connection.can_read():
            return
        await asyncio.sleep(_POLL_S)


def _is_empty(stream: str) -> bool:
    onlooker: Any = cast("Any", Redis).from_url(os.environ["REDIS_URL"])  # untyped there
    with onlooker:
        return bool(onlooker.xlen(stream) == 0)


ARM: dict[Point, Callable[[Point], None]] = {
    Point.CLAIMED: partial(after, JobQueue, "claim", empty_counts=False),
    Point.ASKED: while_asked,
    Point.ANSWERED: partial(before, JobQueue, "record"),
    Point.RECORDED: partial(after, JobQueue, "record"),
    Point.FIRST_EFFECT: partial(after, CoreApiClient, "apply"),
    Point.FIRST_TICK: partial(after, JobQueue, "tick"),
    Point.PATCHED: partial(after, CoreApiClient, "finish"),
    Point.SETTLED: reply_unread,
    Point.FROZEN_ASKED: while_asked,
    Point.FROZEN_FIRST_EFFECT: partial(after, CoreApiClient, "apply"),
}
"""How each point is wrapped around the worker's methods."""


if __name__ == "__main__":
    chosen = Point(sys.argv[1])
    ARM[chosen](chosen)
    main(["run"])
