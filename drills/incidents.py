"""What can happen on a game day, how each is told from the others, and in which order. Pure."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from types import MappingProxyType


class Kind(StrEnum):
    """An incident's short name, as `--only` takes it."""

    MODEL_GONE = "model-gone"
    MODEL_FROZEN = "model-frozen"
    MODEL_RENAMED = "model-renamed"
    CORE_GONE = "core-gone"
    CORE_BEHIND_GATEWAY = "core-behind-gateway"
    REDIS_GONE = "redis-gone"
    REDIS_FULL = "redis-full"


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that breaks.

    Attributes:
        name: what it is, as the list of answers has it.
        told_by: what tells it from the others.
        section: the heading in docs/operations.md that it leads to.
    """

    name: str
    told_by: str
    section: str


INCIDENTS: Mapping[Kind, Incident] = MappingProxyType(
    {
        Kind.MODEL_GONE: Incident(
            "the model server is gone",
            "Status calls the model away, and `llm-worker check` cannot connect to the model "
            "server: nothing listens at its address. Redis and Core answer.",
            "LlmWorkerModelAway",
        ),
        Kind.MODEL_FROZEN: Incident(
            "the model server hangs: it accepts calls and answers nothing",
            "Jobs stay in flight and none ends; after some 20 seconds status calls the model away "
            "and says that it hangs. `llm-worker check` waits for an answer, where a server that "
            "is gone refuses at once.",
            "LlmWorkerModelAway",
        ),
        Kind.MODEL_RENAMED: Incident(
            "the model is served under another name",
            "Workers end by themselves with exit code 3 and are started again and again: the log "
            "line `halted`, status and `llm-worker check` name the model that is not there.",
            "LlmWorkerRestarting",
        ),
        Kind.CORE_GONE: Incident(
            "Core is gone",
            "Status calls Core away, answers pile up in the outbox, and the reason is about a "
            "connection: `llm-worker check` finds nobody at Core's address.",
            "LlmWorkerCoreAway",
        ),
        Kind.CORE_BEHIND_GATEWAY: Incident(
            "Core is gone behind a gateway that says 502",
            "Status calls Core away as when it is gone, but the reason is an answer, 502: a "
            "gateway is there, and Core behind it is not.",
            "LlmWorkerCoreAway",
        ),
        Kind.REDIS_GONE: Incident(
            "Redis is gone",
            "`llm-worker status` itself ends with an error, for it reads Redis, and the page "
            "says so, too; workers live and say in their log that Redis is unavailable.",
            "LlmWorkerRedisAway",
        ),
        Kind.REDIS_FULL: Incident(
            "Redis is full: it answers and takes no writes",
            "`llm-worker status` still reads, and its first hint is that Redis takes no writes; "
            "`llm-worker check` names maxmemory.",
            "LlmWorkerRedisAway",
        ),
    }
)


def draw(seed: int, rounds: int, among: Sequence[Kind] = ()) -> list[Kind]:
    """The incidents of a game day, the same for the same arguments.

    Args:
        seed: of the order.
        rounds: how many.
        among: which may come; none named: all. Each comes once before any comes twice.
    """
    chosen = [kind for kind in Kind if not among or kind in among]
    return list(islice(_decks(random.Random(seed), chosen), rounds))  # noqa: S311 - has to repeat


def _decks(dice: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from dice.sample(kinds, len(kinds))
