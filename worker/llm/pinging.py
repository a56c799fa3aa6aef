"""Whether any of several servers answers at all; all are asked at once."""

import asyncio
from collections.abc import Sequence

from worker.errors import Halt, JobError
from worker.llm.replica import Replica


async def trouble(replicas: Sequence[Replica]) -> JobError | None:
    """None as soon as one answers; else why the first of them does not. There is at least one."""
    # All at once: one that hangs must not hide that another has the work.
    looks = [asyncio.ensure_future(_trouble(replica)) for replica in replicas]
    try:
        for look in asyncio.as_completed(looks):
            if await look is None:
                return None
        return looks[0].result()
    finally:
        for look in looks:
            look.cancel()


async def _trouble(replica: Replica) -> JobError | None:
    if replica.broken is not None:
        # Told anew: an error that is raised again and again keeps every frame it went through.
        return Halt(str(replica.broken), cause=replica.broken.cause)
    try:
        await replica.client.ping()
    except JobError as error:
        return error
    return None
