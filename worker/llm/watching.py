"""Several servers watched at once, each for itself."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from worker.llm.replica import Replica


async def watch_each(
    replicas: Iterable[Replica], watch: Callable[[Replica], Coroutine[None, None, None]]
) -> None:
    """Run `watch` for every server; never returns, though there be none to watch."""
    async with asyncio.TaskGroup() as group:
        for replica in replicas:
            group.create_task(watch(replica))
        await asyncio.Event().wait()
