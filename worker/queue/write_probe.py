"""Whether Redis takes writes, found out by one that changes nothing.

A server whose memory is full, whose disk failed, or that has become a replica answers every read:
to look at it with those would call it well while producers, or all, are refused. `PING` tells as
little: some refuse it together with the writes, some do not.
"""

from dataclasses import dataclass

from redis.exceptions import OutOfMemoryError, ReadOnlyError

from shared.redis_streams import Keys, StreamClient
from worker.queue.redis_connections import NotNow

_SHOWN_CHARS = 150


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server says to a write that it does not take.

    Attributes:
        code: its first word, which says why: `OOM`, `READONLY`, `MISCONF` and so on.
        said: the others, on one line.
    """

    code: str
    said: str

    def __str__(self) -> str:
        return f"{self.code} {self.said}"


def nowhere(keys: Keys) -> str:
    """A stream that is never there, and is not made."""
    return f"{keys.prefix}:probe"


async def write_refusal(client: StreamClient, keys: Keys) -> Refusal | None:
    """What the server says to a write now; None where it takes it.

    Raises:
        redis.exceptions.RedisError, OSError: it does not answer at all, or not to this user.
    """
    # The server looks first whether it could, then finds nothing to do. XADD is among the rights
    # that every worker and operator has.
    try:
        await client.execute_command("XADD", nowhere(keys), "NOMKSTREAM", "*", "a", "b")
    except OutOfMemoryError as error:
        return _refusal(f"OOM {error}")
    except ReadOnlyError as error:
        return _refusal(f"READONLY {error}")
    except NotNow as error:
        return _refusal(str(error))
    return None


def _refusal(words: str) -> Refusal:
    # redis-py cuts the code off where it has a class for it.
    code, _, said = words.split("\n", 1)[0].partition(" ")
    return Refusal(code, said.strip()[:_SHOWN_CHARS])
