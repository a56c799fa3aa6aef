"""The dead letters by what they died of: what one wants to know before one reads any."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.redis_streams import Keys, StreamClient
from worker.operations.pluck import Plucking
from worker.operations.streams import appended_at

RECENT_S = 600.0
LOOKED_AT = 1_000
_LOOKED_THROUGH = 16 << 20
"""Bytes of letters, payloads included: what `top` may ask of a server every second."""
_FIELDS = ("dead_reason", "dead_cause", "dead_stream", "dead_error")


@dataclass(slots=True)
class Death:
    """What some letters have in common.

    Attributes:
        oldest_at, newest_at: when they died, in Unix seconds.
        recent: how many of them did so in the last ten minutes.
        sample: what the newest of them says.
    """

    reason: str
    cause: str
    job_type: str
    count: int = 0
    recent: int = 0
    oldest_at: float = 0.0
    newest_at: float = 0.0
    sample: str = ""

    def add(self, died_at: float, error: str, now: float) -> None:
        """One more letter."""
        if not self.count or died_at >= self.newest_at:
            self.newest_at, self.sample = died_at, error
        self.oldest_at = min(died_at, self.oldest_at) if self.count else died_at
        self.count += 1
        self.recent += now - died_at <= RECENT_S


@dataclass(frozen=True, slots=True)
class Said:
    """What a letter says of its end."""

    died_at: float
    reason: str
    cause: str
    job_type: str
    error: str


@dataclass(frozen=True, slots=True)
class Letters:
    """All dead letters: how many there are, and of what the newest of them died."""

    count: int
    looked: int
    deaths: tuple[Death, ...]


def triage(letters: Iterable[Said], now: float) -> tuple[Death, ...]:
    """Letters put together by reason, cause and job type, the most frequent first."""
    found: dict[tuple[str, str, str], Death] = {}
    for letter in letters:
        key = (letter.reason, letter.cause, letter.job_type)
        found.setdefault(key, Death(*key)).add(letter.died_at, letter.error, now)
    return tuple(sorted(found.values(), key=lambda death: (-death.count, death.reason)))


async def read_letters(client: StreamClient, keys: Keys, now: float) -> Letters:
    """Look at the newest letters."""
    plucking = Plucking(client, keys.dead, _FIELDS, newest_first=True, most=LOOKED_AT)
    plucking.most_bytes = _LOOKED_THROUGH
    said = [_said(row.entry_id, row.fields) async for row in plucking.rows()]
    count = int(await client.execute_command("XLEN", keys.dead))
    return Letters(count, len(said), triage(said, now))


def _said(letter_id: str, fields: Mapping[str, str]) -> Said:
    return Said(
        died_at=appended_at(letter_id),
        reason=fields.get("dead_reason", ""),
        cause=fields.get("dead_cause", ""),
        job_type=fields.get("dead_stream", "").rpartition(":")[2],
        error=fields.get("dead_error", ""),
    )
