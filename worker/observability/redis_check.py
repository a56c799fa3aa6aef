"""What `/ready` says of Redis: it answers, and takes what workers have to write."""

from redis.exceptions import RedisError

from shared.redis_streams import Keys, StreamClient
from worker.observability.health import Check, Unready
from worker.queue.write_probe import write_refusal


def redis_check(client: StreamClient, keys: Keys) -> Check:
    """The check of this Redis: one short command."""

    async def check() -> None:
        try:
            refusal = await write_refusal(client, keys)
        except (RedisError, OSError) as error:
            raise Unready(str(error) or "no answer") from None
        if refusal is not None:
            raise Unready(f"refuses writes: {refusal}")

    return check
