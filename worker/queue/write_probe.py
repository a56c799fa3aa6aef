"""Whether Redis takes writes, found out by one that changes nothing.

A server whose memory is full, whose disk failed, or that has become a replica answers every read:
to look at it with those would call it well while no answer can be recorded.
"""

from redis.exceptions import OutOfMemoryError, ReadOnlyError

from shared.redis_streams import Keys, StreamClient
from worker.queue.redis_connections import NotNow

_SHOWN_CHARS = 150


async def write_refusal(client: StreamClient, keys: Keys) -> str:
    """What the server says to a write now, without its code; empty where it takes it.

    Raises:
        redis.exceptions.RedisError, OSError: it does not answer at all, or not to this user.
    """
    # To a stream that is never there, and is not made for it: the server looks first whether it
    # could, then finds nothing to do. XADD is among the rights that every worker and operator has.
    nowhere = f"{keys.prefix}:probe"
    try:
        await client.execute_command("XADD", nowhere, "NOMKSTREAM", "*", "a", "b")
    except (OutOfMemoryError, ReadOnlyError, NotNow) as error:
        return str(error).splitlines()[0][:_SHOWN_CHARS]
    return ""
