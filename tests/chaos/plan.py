"""What goes wrong, and when: decided by the seed alone, before anything has started.

Two lanes run beside each other, so a worker may be killed while Core is away and Redis restarts.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """One way to go wrong."""

    WORKER_KILL = "worker_kill"
    """SIGKILL."""
    WORKER_FREEZE = "worker_freeze"
    """SIGSTOP for longer than a lease, then SIGCONT."""
    WORKER_TERM = "worker_term"
    """SIGTERM, as a deployment does."""
    REDIS_RESTART = "redis_restart"
    REDIS_FREEZE = "redis_freeze"
    """SIGSTOP: connections stay open, nothing answers."""
    REDIS_DROP = "redis_drop"
    """`CLIENT KILL` of every connection."""
    REDIS_REPLIES_LOST = "redis_replies_lost"
    """The command is carried out, the connection is reset instead of the reply."""
    CORE_DOWN = "core_down"
    CORE_KILL = "core_kill"
    CORE_REPLIES_LOST = "core_replies_lost"
    MODEL_503 = "model_503"
    MODEL_CUT = "model_cut"
    """Every connection to the model is reset."""
    MODEL_REPLIES_LOST = "model_replies_lost"


WORKER_KINDS = (Kind.WORKER_KILL, Kind.WORKER_FREEZE, Kind.WORKER_TERM)
SERVICE_KINDS = tuple(kind for kind in Kind if kind not in WORKER_KINDS)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the plan."""

    at_s: float
    """Seconds after the start of the run."""
    kind: Kind
    victim: int = 0
    """The worker meant, where one is."""
    length_s: float = 0.0
    """How long it lasts, where it lasts."""
    amount: int = 0
    """How many replies or answers it hits, where it counts them."""


def plan(seed: int, seconds: float, workers: int, lease_s: float) -> list[Fault]:
    """The faults of a run, in the order of their times; the same for the same arguments."""
    dice = random.Random(seed)
    faults = [
        *_worker_faults(dice, seconds, workers, lease_s),
        *_service_faults(dice, seconds, lease_s),
    ]
    return sorted(faults, key=lambda fault: fault.at_s)


def _worker_faults(
    dice: random.Random, seconds: float, workers: int, lease_s: float
) -> Iterator[Fault]:
    at_s = 2.0
    for kind in _deck(dice, WORKER_KINDS):
        if at_s >= seconds:
            return
        length_s = lease_s * dice.uniform(1.2, 2.0)
        yield Fault(at_s, kind, dice.randrange(workers), length_s)
        at_s += dice.uniform(1.0, 3.0)


def _service_faults(dice: random.Random, seconds: float, lease_s: float) -> Iterator[Fault]:
    at_s = 1.0
    for kind in _deck(dice, SERVICE_KINDS):
        if at_s >= seconds:
            return
        lasts = kind in {Kind.REDIS_RESTART, Kind.REDIS_FREEZE, Kind.CORE_DOWN, Kind.CORE_KILL}
        length_s = dice.uniform(0.2, 1.5 * lease_s) if lasts else 0.0
        yield Fault(at_s, kind, length_s=length_s, amount=dice.randint(1, 12))
        at_s += length_s + dice.uniform(0.3, 1.2)


def _deck(dice: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    """Every kind once in some order, again and again: a short run meets as many as it can."""
    while True:
        yield from dice.sample(kinds, len(kinds))
