"""The workers there are, by what each told last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from shared.redis_streams import Keys, StreamClient
from worker.operations.words import age, amount, over
from worker.steering.last_word import KEPT_A_HOST
from worker.steering.roster import SILENT_AFTER_S, WorkerFacts, load_facts

HALTED_SHOWN_S = 600.0
"""So long a worker that could not go on is shown; in a crash loop the next start says it anew."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker.

    Attributes:
        name: its consumer in the group.
        silent: whether it has not been heard of for three beats: dead, frozen or cut off; or
            whether that was its last word (`facts.halted`).
        pending: jobs that Redis says are in its hands, where that was counted.
        halts: how many halts its row stands for, over `halting_s` seconds, see `halts.py`.
    """

    name: str
    facts: WorkerFacts
    heard_s_ago: float
    silent: bool
    pending: int = 0
    halts: int = 0
    halting_s: float = 0.0

    @property
    def takes_nothing(self) -> str:
        """Why it claims nothing new, in words; empty while it does."""
        if self.facts.claiming:
            return ""
        answers = amount(self.facts.waiting_for_core, "answer")
        waits = "waits" if self.facts.waiting_for_core == 1 else "wait"
        why = "is away" if "core" in self.facts.gates else "has to catch up"
        return f"takes nothing: {answers} {waits} for Core, which {why}"

    @property
    def halted(self) -> str:
        """That it halted and when, in words, before `facts.halted`: why; empty where it did not."""
        if not self.facts.halted:
            return ""
        ago = f"{age(self.heard_s_ago)} ago"
        if self.halts < 2:
            return f"halted {ago}"
        least = "at least " if self.halts >= KEPT_A_HOST else ""
        return f"halted {least}{self.halts} times{over(self.halting_s)}, the last {ago}"

    @property
    def uptime_s(self) -> float:
        """Since its start, by two machines' clocks."""
        return max(0.0, self.facts.at - self.facts.started_at)

    @property
    def in_hand(self) -> int:
        """Its jobs: what it tells while it lives; then what nobody has taken over yet."""
        return self.pending if self.silent else self.facts.held


async def read_workers(client: StreamClient, keys: Keys, now: float) -> list[Worker]:
    """Who has told of itself, by name; what cannot be read is left out.

    Args:
        client: whose server.
        keys: the names there.
        now: the server's clock, in Unix seconds.
    """
    reply = cast("Mapping[bytes, bytes]", await client.execute_command("HGETALL", keys.workers))
    found: list[Worker] = []
    for name, raw in sorted(dict(reply).items()):
        facts = load_facts(raw)
        if facts is not None:
            ago = max(0.0, now - facts.at)
            silent = ago > SILENT_AFTER_S or bool(facts.halted)
            if facts.halted and ago > HALTED_SHOWN_S:
                continue
            found.append(Worker(name.decode(errors="replace"), facts, ago, silent))
    return found
