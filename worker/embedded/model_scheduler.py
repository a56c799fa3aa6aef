"""How a batching server shares its steps: who runs, who waits, what a step costs. No I/O, no time.

Every step gives each running sequence one token. A new sequence first has its prompt read, in
chunks out of what the step's token budget has left; the step that reads the last of it brings the
first token. Whoever drives it calls `begin`, lets that many seconds pass and calls `end`.

A request that comes during a step is seen at the next, as by vLLM: only what a step then leaves
behind counts as waiting, or a server with free places would seem to have a queue.

Unlike vLLM it reserves cache for a sequence's whole length before it runs, and so never preempts.
"""

import itertools
from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """What a server can do; a step takes `step_ms + sequence_ms * batch + prefill_ms * prompt`.

    Raises:
        ValueError: a bound is below 1, a cost below 0, or a step cannot serve a full batch.
    """

    sequences: int = 64
    """Sequences that run at once (vLLM's `--max-num-seqs`)."""
    step_ms: float = 10.0
    sequence_ms: float = 0.1
    prefill_ms: float = 0.02
    """For each token of a prompt."""
    chunk_tokens: int = 2_048
    """Tokens of a step, both kinds (`--max-num-batched-tokens`)."""
    cache_tokens: int = 524_288
    """Tokens there is cache for."""
    by_priority: bool = False
    """Lower `priority` first; without it first come, first served."""

    def __post_init__(self) -> None:
        if min(self.sequences, self.chunk_tokens, self.cache_tokens) < 1:
            raise ValueError("sequences, chunk and cache have to be at least 1")
        if min(self.step_ms, self.sequence_ms, self.prefill_ms) < 0:
            raise ValueError("a step's costs cannot be negative")
        if self.chunk_tokens < self.sequences:
            raise ValueError("a step's tokens have to be enough for one of each sequence")


@dataclass(slots=True, eq=False)
class Sequence:
    """One request on its way; the scheduler alone changes it. Times are its clock's seconds."""

    prompt_tokens: int
    output_tokens: int
    place: tuple[int, int]
    """Where in the queue: priority, then number of arrival."""
    queued_s: float
    """When a step first saw it; until then, when it came."""
    started_s: float | None = None
    ended: bool = False
    """Finished or cancelled."""
    read: int = 0
    """Tokens of the prompt that have been read."""
    first_step: int | None = None
    """The step that brought its first token."""

    @property
    def room(self) -> int:
        """Tokens of cache it takes at its end."""
        return self.prompt_tokens + self.output_tokens


@dataclass(slots=True)
class Totals:
    """What was done since the start."""

    prompt_tokens: int = 0
    """Of prompts that were read to their end."""
    generation_tokens: int = 0
    steps: int = 0
    running_s: float = 0.0
    """Seconds of all running sequences together: of a full server, `sequences` each second."""
    waiting_s: float = 0.0
    """The same of all that waited."""
    at_s: float = 0.0
    """Until when all this was counted, by the clock of the scheduler."""


_Shares = list[tuple[Sequence, int]]
"""Prompts that a step reads, and how many tokens of each."""


class Scheduler:
    """The queue and the batch of one server; a token of one sequence costs it nothing."""

    def __init__(self, profile: Profile, now: Callable[[], float]) -> None:
        self._totals = Totals(at_s=now())
        self._profile = profile
        self._now = now
        self._numbers = itertools.count()
        self._shares: _Shares | None = None
        self._arrived: list[Sequence] = []
        self._waiting: list[Sequence] = []
        self._reading: list[Sequence] = []
        self._writing = 0
        self._last_steps: dict[int, set[Sequence]] = {}
        """Those that write, by the step of their last token: no count-down for each of them."""
        self._held = 0
        self._reserved = 0

    @property
    def totals(self) -> Totals:
        """What was done until this moment."""
        self._count_time()
        return self._totals

    @property
    def running(self) -> int:
        """Sequences in the batch."""
        return len(self._reading) + self._writing

    @property
    def waiting(self) -> int:
        """Sequences that were there for the latest step and had no place in it."""
        return len(self._waiting)

    @property
    def unfinished(self) -> int:
        """All of them: running, waiting, and come during this step."""
        return self.running + len(self._waiting) + len(self._arrived)

    @property
    def cache_use(self) -> float:
        """The share, 0 to 1, of the cache that holds tokens now."""
        return min(self._held / self._profile.cache_tokens, 1.0)

    def add(self, prompt_tokens: int, output_tokens: int, priority: int = 0) -> Sequence:
        """Put a request into the queue; both lengths count as 1 at least."""
        place = (priority if self._profile.by_priority else 0, next(self._numbers))
        sequence = Sequence(max(1, prompt_tokens), max(1, output_tokens), place, self._now())
        self._arrived.append(sequence)
        return sequence

    def cancel(self, sequence: Sequence) -> None:
        """Take a request out of the queue or the batch; nothing when it has ended."""
        if sequence.ended:
            return
        self._count_time()
        if sequence.started_s is None:
            self._forget(sequence)
            return
        if sequence.first_step is None:
            self._reading.remove(sequence)
        else:
            self._last_steps[_last_step(sequence)].discard(sequence)
        self._leave(sequence)

    def begin(self) -> float | None:
        """Begin a step and tell how many seconds it takes; None when there is nothing to do."""
        self._count_time()
        for sequence in self._arrived:
            sequence.queued_s = self._now()
            insort(self._waiting, sequence, key=_place)
        self._arrived.clear()
        left = self._profile.chunk_tokens - self._writing
        shares: _Shares = []
        for sequence in self._reading:
            left = _share(shares, sequence, left)
        while left > 0 and self._is_next_welcome():
            sequence = self._waiting.pop(0)
            sequence.started_s = self._now()
            self._reserved += sequence.room
            self._reading.append(sequence)
            left = _share(shares, sequence, left)
        batch = self._writing + len(shares)
        if not batch:
            return None
        self._shares = shares
        read = sum(tokens for _, tokens in shares)
        costs = self._profile
        return (costs.step_ms + costs.sequence_ms * batch + costs.prefill_ms * read) / 1_000

    def end(self) -> list[Sequence]:
        """End the step that was begun; returns those that have their last token.

        Raises:
            RuntimeError: no step was begun.
        """
        shares, self._shares = self._shares, None
        if shares is None:
            raise RuntimeError("no step was begun")
        self._count_time()
        self._write(self._writing)
        for sequence, tokens in shares:
            if not sequence.ended:
                self._read(sequence, tokens)
        self._reading = [sequence for sequence in self._reading if sequence.first_step is None]
        finished = sorted(self._last_steps.pop(self._totals.steps, ()), key=_place)
        self._totals.steps += 1
        for sequence in finished:
            self._leave(sequence)
        return finished

    def _count_time(self) -> None:
        """Bring the seconds up to date; due before any change of who runs or waits."""
        passed_s = self._now() - self._totals.at_s
        self._totals.at_s += passed_s
        self._totals.running_s += self.running * passed_s
        self._totals.waiting_s += self.waiting * passed_s

    def _forget(self, sequence: Sequence) -> None:
        sequence.ended = True
        at = bisect_left(self._waiting, sequence.place, key=_place)
        if at < len(self._waiting) and self._waiting[at] is sequence:
            del self._waiting[at]
        else:
            self._arrived.remove(sequence)

    def _is_next_welcome(self) -> bool:
        """Whether the head of the queue may run; nobody overtakes it."""
        if not self._waiting or self.running >= self._profile.sequences:
            return False
        room = self._reserved + self._waiting[0].room
        return room <= self._profile.cache_tokens or not self.running

    def _read(self, sequence: Sequence, tokens: int) -> None:
        sequence.read += tokens
        self._held += tokens
        if sequence.read < sequence.prompt_tokens:
            return
        self._totals.prompt_tokens += sequence.prompt_tokens
        sequence.first_step = self._totals.steps
        self._last_steps.setdefault(_last_step(sequence), set()).add(sequence)
        self._writing += 1
        self._write(1)

    def _write(self, tokens: int) -> None:
        self._held += tokens
        self._totals.generation_tokens += tokens

    def _leave(self, sequence: Sequence) -> None:
        written = 0
        if sequence.first_step is not None:
            self._writing -= 1
            written = self._totals.steps - sequence.first_step
        sequence.ended = True
        self._held -= sequence.read + written
        self._reserved -= sequence.room


def _place(sequence: Sequence) -> tuple[int, int]:
    return sequence.place


def _last_step(sequence: Sequence) -> int:
    return (sequence.first_step or 0) + sequence.output_tokens - 1


def _share(shares: _Shares, sequence: Sequence, left: int) -> int:
    """Give a prompt its chunk of a step; returns the tokens left after it."""
    tokens = min(left, sequence.prompt_tokens - sequence.read)
    if tokens > 0:
        shares.append((sequence, tokens))
    return left - max(tokens, 0)
