"""The shapes of batching stand-ins, and what happened on one between two looks at its counters."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process_tree import BenchFailed
from benchmarks.site import Site, said

_SAMPLE = re.compile(r"^(?:vllm|stand_in):(\w+)\{[^}]*\} (\S+)$", re.MULTILINE)
_ANSWERED = re.compile(
    r'^llm_worker_llm_calls_total\{[^}]*outcome="ok"[^}]*\} (\S+)$', re.MULTILINE
)
_SEATS_PART = 0.25


@dataclass(frozen=True, slots=True)
class Shape:
    """A server: so many seats, steps of `step_ms` with all of them taken, log-normal answers.

    A quarter of a full step is the seats' own; what prompts cost is left out, so that every way of
    asking pays for the same.
    """

    seats: int
    step_ms: float
    median_tokens: float
    sigma: float = 0.8

    @property
    def answer_s(self) -> float:
        """What an answer takes on a full server, on the average."""
        return self.step_ms / 1_000 * self.median_tokens * math.exp(self.sigma**2 / 2)

    def takes_s(self, steps: float, tokens: float) -> float:
        """What so many steps with so many tokens in all take; each is one of a seat's in a step."""
        own_ms = self.step_ms * _SEATS_PART
        return (steps * (self.step_ms - own_ms) + tokens * own_ms / self.seats) / 1_000

    @property
    def command(self) -> list[str]:
        """The stand-in's module and its arguments."""
        options: Mapping[str, float] = {
            "max-num-seqs": self.seats,
            "step-ms": self.takes_s(1, 0) * 1_000,
            "sequence-ms": self.takes_s(0, 1) * 1_000,
            "prefill-ms": 0,
            "chunk-tokens": 65_536,
            "cache-tokens": 10**9,
            "output-tokens": self.median_tokens,
            "output-sigma": self.sigma,
            "seed": 5,
        }
        words = (f"--{name}={value}" for name, value in options.items())
        return ["worker.embedded.model", "--models", "m", "--batching", *words]


@dataclass(frozen=True, slots=True)
class Look:
    """The counters at one moment; of the machine, the processors' ticks in all and at rest."""

    counters: Mapping[str, float]
    cpu: tuple[float, float]
    answers: tuple[int, ...] = ()
    """Of each worker since its start."""

    @property
    def at_s(self) -> float:
        """When, by the server's own clock."""
        return self.counters["clock_seconds"]


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two looks, or in several such times together.

    Attributes:
        seats: that there are.
        passed_s: how long it was.
        running_s: seconds of all who ran, together.
        waiting_s: the same of all who waited.
        tokens: that were written.
        steps: that were made.
        due_s: what these take by the server's shape.
        cpu: what the processors could do, and what of that they did not.
        shares: answers that each worker got.
    """

    seats: int
    passed_s: float
    running_s: float
    waiting_s: float
    tokens: float
    steps: float
    due_s: float
    cpu: tuple[float, float]
    shares: tuple[int, ...]

    @property
    def busy(self) -> float:
        """The share of the seats' time in which somebody sat there."""
        return self.running_s / (self.seats * self.passed_s)

    @property
    def queue(self) -> float:
        """Who waited, as a share of who ran, both averaged over the time."""
        return self.waiting_s / max(self.running_s, 1e-9)

    @property
    def tokens_s(self) -> float:
        """Tokens a second: the throughput.

        Of seconds as its steps should take them: that a busy machine makes them late is not the
        fault of those who ask.
        """
        return self.tokens / max(self.due_s, 1e-9)

    @property
    def step_ms(self) -> float:
        """What a step really took; much more than the shape says, and the machine was too slow."""
        return self.passed_s * 1_000 / max(self.steps, 1.0)

    @property
    def idle(self) -> float:
        """The share of the processors' time that nobody used."""
        return self.cpu[1] / max(self.cpu[0], 1e-9)

    def __add__(self, other: "Window") -> "Window":
        return Window(
            seats=self.seats,
            passed_s=self.passed_s + other.passed_s,
            running_s=self.running_s + other.running_s,
            waiting_s=self.waiting_s + other.waiting_s,
            tokens=self.tokens + other.tokens,
            steps=self.steps + other.steps,
            due_s=self.due_s + other.due_s,
            cpu=(self.cpu[0] + other.cpu[0], self.cpu[1] + other.cpu[1]),
            shares=tuple(a + b for a, b in zip(self.shares, other.shares, strict=True)),
        )


def between(shape: Shape, one: Look, other: Look) -> Window:
    """From one look to a later one, at which there may be more workers."""
    grown = {name: value - one.counters.get(name, 0.0) for name, value in other.counters.items()}
    tokens, steps = grown["generation_tokens_total"], grown["steps_total"]
    before = one.answers + (0,) * (len(other.answers) - len(one.answers))
    return Window(
        seats=shape.seats,
        passed_s=other.at_s - one.at_s,
        running_s=grown["running_seconds_total"],
        waiting_s=grown["waiting_seconds_total"],
        tokens=tokens,
        steps=steps,
        due_s=shape.takes_s(steps, tokens),
        cpu=(other.cpu[0] - one.cpu[0], other.cpu[1] - one.cpu[1]),
        shares=tuple(b - a for a, b in zip(before, other.answers, strict=True)),
    )


def jain(shares: tuple[int, ...]) -> float:
    """Jain's index of fairness: 1 for equal shares, 1/n where one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def look(site: Site, workers: Sequence[str] = ()) -> Look:
    """At a site's batching server now, and at what each worker was answered.

    Args:
        site: where the model is the stand-in.
        workers: where their metrics are; of one that does not serve yet nothing is known.

    Raises:
        BenchFailed: the server does not answer.
    """
    answers = tuple(_answers(said(url) or "") for url in workers)
    text = said(site.url("model", "/metrics"))
    if text is None:
        raise BenchFailed("the server does not tell its metrics")
    found = {name: float(value) for name, value in _SAMPLE.findall(text)}
    return Look(found, _processors(), answers)


def _answers(metrics: str) -> int:
    return int(sum(map(float, _ANSWERED.findall(metrics))))


def _processors() -> tuple[float, float]:
    """Clock ticks of all processors together since the boot: in all, and at rest."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    ticks = [float(word) for word in words]
    return sum(ticks), ticks[3] + ticks[4]
