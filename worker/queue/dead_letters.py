"""The dead letters, for people: find, read, put back, throw away."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

from shared.redis_streams import Keys, StreamClient
from worker.queue.scripts import REPLAY

_PAGE = 200
_OURS = "dead_"
_Rows = list[tuple[bytes, dict[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that ended without a result, with its own fields and what was said of it."""

    letter_id: str
    fields: Mapping[str, str]
    """The producer's own."""
    said: Mapping[str, str]
    """Ours, without their `dead_`: reason, error, attempts, deliveries, stream, entry_id, at …"""

    @property
    def reason(self) -> str:
        """One of `shared.FailureReason`."""
        return self.said.get("reason", "")

    @property
    def job_type(self) -> str:
        """The last part of its stream's name."""
        return self.said.get("stream", "").rpartition(":")[2]

    @property
    def died_s(self) -> float:
        """When it died, in Unix seconds (the letter's id says so)."""
        return int(self.letter_id.partition("-")[0]) / 1_000


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant; what is None or empty is not asked for."""

    job_type: str | None = None
    reason: str | None = None
    text: str | None = None
    """Must occur somewhere in the letter, whatever its case."""
    older_than_s: float | None = None
    newer_than_s: float | None = None

    def takes(self, letter: DeadLetter, now: float) -> bool:
        """Whether a letter is meant."""
        age_s = now - letter.died_s
        return (
            self.job_type in {None, letter.job_type}
            and self.reason in {None, letter.reason}
            and (self.older_than_s is None or age_s >= self.older_than_s)
            and (self.newer_than_s is None or age_s <= self.newer_than_s)
            and self._has_text(letter)
        )

    def _has_text(self, letter: DeadLetter) -> bool:
        if not self.text:
            return True
        wanted = self.text.casefold()
        values = (*letter.fields.values(), *letter.said.values())
        return any(wanted in value.casefold() for value in values)


class DeadLetters:
    """The stream of dead letters under a prefix."""

    def __init__(self, client: StreamClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def count(self) -> int:
        """How many there are."""
        return int(await self._client.execute_command("XLEN", self._keys.dead))

    async def find(self, wanted: LetterFilter, now: float) -> AsyncIterator[DeadLetter]:
        """The letters that are meant, oldest first; those that die meanwhile are not among them."""
        command = self._client.execute_command
        newest = cast("_Rows", await command("XREVRANGE", self._keys.dead, "+", "-", "COUNT", 1))
        # Not this machine's time: the letters carry the server's.
        start, end = "-", newest[0][0].decode() if newest else "0-0"
        while True:
            reply = await command("XRANGE", self._keys.dead, start, end, "COUNT", _PAGE)
            rows = cast("_Rows", reply)
            for letter_id, fields in rows:
                letter = _letter(letter_id, fields)
                if wanted.takes(letter, now):
                    yield letter
            if len(rows) < _PAGE:
                return
            start = f"({rows[-1][0].decode()}"

    async def get(self, letter_id: str) -> DeadLetter | None:
        """One letter by its id; None when there is none."""
        command = self._client.execute_command
        rows = cast("_Rows", await command("XRANGE", self._keys.dead, letter_id, letter_id))
        return _letter(*rows[0]) if rows else None

    async def replay(self, letter: DeadLetter, *, ask_again: bool = False) -> str | None:
        """Put a letter's job back on its stream, in one step, under its old job id.

        Args:
            letter: whose job runs again.
            ask_again: whether an answer that Core refused is dropped and asked for anew.

        Returns:
            The new entry id; None when somebody else was quicker, or the letter does not say where
            it came from.
        """
        job_type = letter.job_type
        if not job_type:
            return None
        keys = [self._keys.dead, self._keys.stream(job_type), self._keys.outbox(job_type)]
        mode = "ask" if ask_again else "answer"
        entry_id = await REPLAY(self._client, keys, [letter.letter_id, mode])
        return entry_id.decode() if isinstance(entry_id, bytes) else None

    async def purge(self, letter_ids: list[str]) -> int:
        """Throw letters away; returns how many there were."""
        if not letter_ids:
            return 0
        return int(await self._client.execute_command("XDEL", self._keys.dead, *letter_ids))


def _letter(letter_id: bytes, fields: Mapping[bytes, bytes]) -> DeadLetter:
    text = {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in fields.items()
    }
    return DeadLetter(
        letter_id.decode(),
        {name: value for name, value in text.items() if not name.startswith(_OURS)},
        {n.removeprefix(_OURS): value for n, value in text.items() if n.startswith(_OURS)},
    )
