"""How many jobs of paused tenants wait."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from shared.enums import JobType
from shared.redis_streams import Keys, StreamClient
from worker.marks import read_paused
from worker.queue.scripts import TICKETS_OF

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TenantsWaiting:
    """Jobs of paused tenants.

    Attributes:
        jobs: by tenant, those that workers have come upon and left alone.
        may_be_more: whether there are jobs that no worker has looked at yet, whosever they are.
    """

    jobs: Mapping[str, int] = field(default_factory=dict[str, int])
    may_be_more: bool = False


async def count_tenants(
    client: StreamClient, keys: Keys, paused: Iterable[str], waiting: int
) -> TenantsWaiting:
    """Count the jobs of those tenants that are paused.

    Args:
        client: whose server.
        keys: the names there.
        paused: what is, as the hash names it.
        waiting: how many jobs wait over all streams, whosever they are.
    """
    names, jobs, tickets = sorted(read_paused(paused).tenants), dict[str, int](), waiting
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        reply = await TICKETS_OF(client, [keys.tickets(name) for name in JobType], some)
        tickets, counts = cast("tuple[int, Sequence[int]]", reply)
        jobs |= zip(some, counts, strict=True)
    return TenantsWaiting(jobs, may_be_more=waiting > tickets)
