"""The batching stand-in as a process, and what happened on it between two looks at its counters."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from worker.embedded.child import free_port
from worker.embedded.service import Service

_SAMPLE = re.compile(r"^(?:vllm|stand_in):(\w+)\{[^}]*\} (\S+)$", re.MULTILINE)


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
    def options(self) -> list[str]:
        """The stand-in's command line."""
        own_ms = self.step_ms / 4
        said: Mapping[str, float] = {
            "max-num-seqs": self.seats,
            "step-ms": self.step_ms - own_ms,
            "sequence-ms": own_ms / self.seats,
            "prefill-ms": 0,
            "chunk-tokens": 65_536,
            "cache-tokens": 10**9,
            "output-tokens": self.median_tokens,
            "output-sigma": self.sigma,
            "seed": 5,
        }
        return ["--batching", *(f"--{name}={value}" for name, value in said.items())]


@dataclass(frozen=True, slots=True)
class Look:
    """The counters at one moment; of the machine, the processors' seconds in all and at rest."""

    at_s: float
    counters: Mapping[str, float]
    cpu: tuple[float, float]
    answers: tuple[int, ...] = ()
    """Of each worker since its start."""


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two looks.

    Attributes:
        busy: the share of the seats' time in which somebody sat there.
        queue: who waited, as a share of who ran, both averaged over the time.
        tokens_s: tokens a second, the server's throughput.
        step_ms: what a step really took: more than the shape says, and the machine was too slow.
        idle: the share of the processors' time that nobody used.
        shares: answers that each worker got.
    """

    busy: float
    queue: float
    tokens_s: float
    step_ms: float
    idle: float
    shares: tuple[int, ...]


def between(shape: Shape, one: Look, other: Look) -> Window:
    """From one look to a later one."""
    passed_s = other.at_s - one.at_s
    grown = {name: value - one.counters.get(name, 0.0) for name, value in other.counters.items()}
    running_s = grown["running_seconds_total"]
    cpu, rest = (later - earlier for later, earlier in zip(other.cpu, one.cpu, strict=True))
    before = one.answers + (0,) * (len(other.answers) - len(one.answers))
    return Window(
        busy=running_s / (shape.seats * passed_s),
        queue=grown["waiting_seconds_total"] / max(running_s, 1e-9),
        tokens_s=grown["generation_tokens_total"] / passed_s,
        step_ms=passed_s * 1_000 / max(grown["steps_total"], 1.0),
        idle=rest / max(cpu, 1e-9),
        shares=tuple(b - a for a, b in zip(before, other.answers, strict=True)),
    )


def jain(shares: tuple[int, ...]) -> float:
    """Jain's index of fairness: 1 for equal shares, 1/n where one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


class BatchingServer:
    """A stand-in of some shape; `service` starts and stops it."""

    def __init__(self, shape: Shape, folder: Path, environ: Mapping[str, str]) -> None:
        port = free_port()
        self.shape = shape
        self.url = f"http://127.0.0.1:{port}"
        words = ["worker.embedded.model", "--port", str(port), *shape.options]
        self.service = Service("model", words, f"{self.url}/health", folder, environ)

    async def look(self, http: aiohttp.ClientSession, answers: tuple[int, ...] = ()) -> Look:
        """Its counters now."""
        async with http.get(f"{self.url}/metrics") as response:
            text = await response.text()
        # its seconds go on while the answer travels: near enough at a few milliseconds
        found = {name: float(value) for name, value in _SAMPLE.findall(text)}
        return Look(time.monotonic(), found, _processors(), answers)


def _processors() -> tuple[float, float]:
    """Clock ticks of all processors together since the boot: in all, and at rest."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    ticks = [float(word) for word in words]
    return sum(ticks), ticks[3] + ticks[4]
