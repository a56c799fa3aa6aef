"""How many jobs of paused tenants wait."""

from collections import Counter
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
        by_type: the same jobs, by job type.
        not_looked_at: jobs that no worker has looked at yet, whosever they are.
    """

    jobs: Mapping[str, int] = field(default_factory=dict[str, int])
    by_type: Mapping[str, int] = field(default_factory=dict[str, int])
    not_looked_at: int = 0


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
    by_type: Counter[str] = Counter()
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        reply = await TICKETS_OF(client, [keys.tickets(name) for name in JobType], some)
        tickets, counts, sums = cast("tuple[int, Sequence[int], Sequence[int]]", reply)
        jobs |= zip(some, counts, strict=True)
        by_type.update({str(name): n for name, n in zip(JobType, sums, strict=True) if n})
    return TenantsWaiting(jobs, dict(by_type), not_looked_at=max(0, waiting - tickets))
