"""An entry of a stream in this worker's hands, as the stream gave it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.redis_streams import HANDED_BACK


@dataclass(frozen=True, slots=True)
class ClaimedEntry:
    """An entry that was handed to this worker; the lease on it has begun."""

    job_type: str
    entry_id: str
    fields: Mapping[bytes, bytes]
    deliveries: int = 1
    """How often the stream has handed it out, this time included."""
    outcome: bytes | None = None
    """What an earlier worker recorded before it died."""
    delivered: int = 0
    """How many of that outcome's effects it had delivered."""
    taken_from: str = ""
    """The consumer that had it before, where it was reclaimed, or had been handed back."""

    @property
    def enqueued_s(self) -> float:
        """When it was appended, in Unix seconds (its id says so)."""
        return int(self.entry_id.partition("-")[0]) / 1_000


def read_entry(job_type: str, row: list[Any]) -> ClaimedEntry:
    """An entry from a script's row: id, fields, deliveries, outcome, delivered, who had it."""
    entry_id, flat, deliveries, outcome, delivered, *holder = row
    return ClaimedEntry(
        job_type,
        entry_id.decode(),
        fields=dict(zip(flat[::2], flat[1::2], strict=True)),
        deliveries=int(deliveries),
        outcome=outcome,
        delivered=int(delivered or 0),
        taken_from=_worker(*holder),
    )


def _worker(holder: bytes = b"") -> str:
    return holder.decode(errors="replace").removeprefix(HANDED_BACK)
