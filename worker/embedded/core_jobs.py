"""A producer inside Core: from the body of `POST /llm_jobs` to an entry in its stream.

Core keeps a job before it publishes it, or a fast worker would report about a job unknown. Killed
between the two, this Core leaves a queued job that nobody runs; one for real use would publish
from an outbox of its own.
"""

from typing import Any, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from shared import (
    PAYLOADS,
    EntryError,
    JobEntry,
    JobType,
    Keys,
    LLMJobCreate,
    decode_entry,
    encode_entry,
    publish,
)
from worker.embedded.core_ledger import Refused
from worker.embedded.core_requests import validate

_TIMEOUT_S = 5


def job_entry(body: LLMJobCreate) -> JobEntry:
    """The stream entry for a job, with an id made up where there is none.

    Raises:
        Refused: 422, no worker could read it, or its payload does not fit its job type.
    """
    validate(PAYLOADS[body.job_type], body.payload, at="payload")
    entry = JobEntry(
        job_id=body.job_id or uuid4().hex,
        payload=body.payload,
        user_id=body.user_id,
        deadline=None if body.deadline is None else body.deadline.timestamp(),
        tenant=body.tenant,
    )
    fields = {name.encode(): value.encode() for name, value in encode_entry(entry).items()}
    try:
        decode_entry(fields)  # what the worker would dead-letter unread is refused here
    except EntryError as error:
        raise Refused(422, str(error)) from None
    return entry


class Publisher:
    """Appends jobs to their streams."""

    def __init__(self, redis_url: str | None, prefix: str) -> None:
        """Nothing is sent yet.

        Raises:
            ValueError: the URL is not one of Redis.
        """
        self._redis = None if redis_url is None else _connect(redis_url)
        self._keys = Keys(prefix)

    async def publish(self, job_type: JobType, entry: JobEntry) -> None:
        """Append one job.

        Raises:
            Refused: 503, Redis is away, or it did not say whether it has the job.
        """
        if self._redis is None:
            raise Refused(503, "this Core publishes no jobs: it was started without a Redis URL")
        try:
            await publish(self._redis, self._keys, job_type, entry)
        except (RedisError, OSError) as error:
            raise Refused(503, f"Redis did not take the job: {error}") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._redis is not None:
            await self._redis.aclose()


def _connect(url: str) -> Redis:
    from_url = cast("Any", Redis.from_url)  # untyped in redis-py
    return cast(
        "Redis",
        from_url(
            url,
            protocol=2,
            legacy_responses=False,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            health_check_interval=0,
            retry=Retry(NoBackoff(), 0),  # a repeated XADD would make a second job
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        ),
    )
