"""Leafing through the dead letters, the newest first, without their payloads; and the same for many
at once: put back, or thrown away.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.redis_streams import Keys, StreamClient
from worker.operations.pluck import Plucking, Row
from worker.queue.dead_letters import DeadLetter, DeadLetters

LOOK_AT = 10_000
"""Letters that are looked at in one go."""
_LOOK_THROUGH = 32 << 20
"""Bytes of them, payloads included."""
_PURGED_AT_ONCE = 500
_FIELDS = (
    *("job_id", "user_id", "tenant", "deadline"),
    *("dead_reason", "dead_cause", "dead_error", "dead_attempts", "dead_deliveries"),
    *("dead_stream", "dead_entry_id"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; what is empty is not asked for.

    Attributes:
        part: must occur in the letter's, the entry's or the job's id.
    """

    job_type: str = ""
    reason: str = ""
    part: str = ""

    def takes(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant."""
        ids = (letter.letter_id, letter.fields.get("job_id", ""), letter.said.get("entry_id", ""))
        return (
            self.job_type in {"", letter.job_type}
            and self.reason in {"", letter.reason}
            and (not self.part or any(self.part.casefold() in each.casefold() for each in ids))
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Some letters, the newest first, without payloads.

    Attributes:
        looked: how many were looked at for them.
        more: the letter before which to go on; empty where there is nothing more.
    """

    letters: tuple[DeadLetter, ...]
    looked: int
    more: str


async def leaf(
    client: StreamClient, keys: Keys, wanted: Wanted, *, upto: str = "+", most: int = 50
) -> Found:
    """Look for letters.

    Args:
        client: whose server.
        keys: the names there.
        wanted: which ones.
        upto: the newest letter to look at; `(ID` for those before it.
        most: so many.
    """
    walk = Plucking(client, keys.dead, _FIELDS, newest_first=True, within=("-", upto))
    walk.most, walk.most_bytes = LOOK_AT, _LOOK_THROUGH
    if wanted.reason:
        walk.where = ("dead_reason", wanted.reason)
    letters: list[DeadLetter] = []
    async for row in walk.rows():
        letter = _letter(row)
        if not wanted.takes(letter):
            continue
        if len(letters) == most:
            return Found(tuple(letters), walk.looked, letters[-1].letter_id)
        letters.append(letter)
    return Found(tuple(letters), walk.looked, "" if walk.whole else walk.reached)


async def glance(client: StreamClient, keys: Keys, letter_id: str) -> tuple[DeadLetter, int] | None:
    """One letter without its payload, and how many bytes the whole has."""
    walk = Plucking(client, keys.dead, _FIELDS, within=(letter_id, letter_id))
    async for row in walk.rows():
        return _letter(row), walk.size
    return None


async def replay_each(
    letters: DeadLetters, chosen: Sequence[DeadLetter], *, ask_again: bool
) -> AsyncIterator[str]:
    """Put these back; yields each new entry id."""
    for letter in chosen:
        entry_id = await letters.replay(letter, ask_again=ask_again)
        if entry_id is not None:
            yield entry_id


async def purge_all(letters: DeadLetters, chosen: Sequence[DeadLetter]) -> int:
    """Throw these away; returns how many there were still."""
    ids = [letter.letter_id for letter in chosen]
    starts = range(0, len(ids), _PURGED_AT_ONCE)
    return sum([await letters.purge(ids[start : start + _PURGED_AT_ONCE]) for start in starts])


def _letter(row: Row) -> DeadLetter:
    ours = {n.removeprefix("dead_"): v for n, v in row.fields.items() if n.startswith("dead_")}
    theirs = {name: value for name, value in row.fields.items() if not name.startswith("dead_")}
    return DeadLetter(row.entry_id, theirs, ours)
