"""What a worker that cannot go on says before it ends: why, in its row among the others.

Without it the row looks like a healthy worker's for seconds and like a dead one's for an hour, and
people are sent to start what halts again.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from shared.redis_streams import Keys, StreamClient
from worker.clock import Clock
from worker.config import Settings
from worker.queue.redis_clients import connect
from worker.queue.scripts import BEAT
from worker.queue.write_probe import nowhere
from worker.steering.portrait import sketched
from worker.steering.roster import WorkerFacts, dump_facts, load_facts, shortened

KEPT_A_HOST = 8
"""So many halts of a machine are remembered: one that starts again and again fills no list."""
_PATIENCE_S = 2.0
_NO_MARKS = "+inf"


async def say_halted(
    client: StreamClient, keys: Keys, consumer: str, who: WorkerFacts, why: str
) -> None:
    """Leave the last word in this worker's row, and clear away what it takes the place of.

    Args:
        client: whose server.
        keys: the names there.
        consumer: this worker's.
        who: see `sketched`, with `halted_at`.
        why: in a sentence or two; more than a fact's length is cut off.

    Raises:
        RedisError, OSError: Redis is away, or refuses.
    """
    last = who.model_copy(update={"halted": shortened(why) or "?"})
    heard = [keys.workers, keys.paused, keys.cancelled, nowhere(keys)]
    await BEAT(client, heard, [consumer, dump_facts(last), _NO_MARKS])
    reply = cast("Mapping[bytes, bytes]", await client.execute_command("HGETALL", keys.workers))
    rows = {name: load_facts(raw) for name, raw in dict(reply).items() if name != consumer.encode()}
    if gone := outdated({name: row for name, row in rows.items() if row is not None}, last):
        await client.execute_command("HDEL", keys.workers, *gone)


async def say_halted_early(settings: Settings, consumer: str, why: str, clock: Clock) -> None:
    """The same before anything is open; where Redis is away or refuses, the log alone has it."""
    keys, now = Keys(settings.llm_stream_prefix), clock.now()
    who = sketched(settings.worker_job_types, now).model_copy(update={"halted_at": now})
    with suppress(Exception):
        clients = connect(settings.redis_url, key=keys.dead)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await say_halted(clients.commands, keys, consumer, who, why)
        finally:
            await clients.close()


def outdated(others: Mapping[bytes, WorkerFacts], last: WorkerFacts) -> list[bytes]:
    """Which of the other rows this last word takes the place of. Pure.

    In a container every start has the same process id; elsewhere the oldest go beyond a few.
    """
    halts = {n: row for n, row in others.items() if row.halted and row.host == last.host}
    same = [name for name, row in halts.items() if row.pid == last.pid]
    rest = sorted(halts.keys() - set(same), key=lambda name: -halts[name].at)
    return same + rest[KEPT_A_HOST - 1 :]
