"""What goes wrong in one world, all of it drawn from the seed."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from redis import exceptions

from tests.simulation.core import CoreFaults
from tests.simulation.model import ModelFaults
from tests.simulation.network import Loss, Route
from tests.simulation.process import Process
from tests.simulation.redis_server import RedisServer

REFUSALS: tuple[Exception, ...] = (
    exceptions.ConnectionError("Connection refused"),
    exceptions.ReadOnlyError("You can't write against a read only replica."),
    exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    exceptions.MasterDownError("Link with MASTER is down"),
    exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'"),
)
_ROBBED_WITHIN_S = 600.0
_STRIKES_MAX, _AMBUSHES_MAX = 6, 8
_DELICATE = (
    *("before record", "served record", "before effect", "served effect", "before tick"),
    *("before finish", "served finish", "before dead_letter", "before release"),
    *("before settle", "before settle"),  # the one a zombie's fence is for, and rarely reached
)


@dataclass(slots=True)
class Tally:
    """How often what went wrong."""

    crashes: int = 0
    freezes: int = 0
    drains: int = 0
    outages: int = 0
    losses: int = 0


class Weather:
    """The odds of one world, for every single request; see `network.Fate`."""

    def __init__(self, rng: Random, tally: Tally) -> None:
        self._rng = rng
        self._tally = tally
        self._losses = _odds(rng, 0.02)
        self._late = _odds(rng, 0.004)
        self._slow = _odds(rng, 0.1)
        self._strikes = _odds(rng, 0.006)
        self._strikes_left = _STRIKES_MAX
        self._cut_off: dict[str, float] = {}
        self._ambushes: list[str] = []
        self._until_robbed: list[Process] = []

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self._losses = self._late = self._slow = self._strikes = 0.0
        self._cut_off.clear()
        self._ambushes.clear()

    def cut_off(self, process: Process, seconds: float) -> None:
        """No request of this process reaches anybody for a while."""
        self._cut_off[process.name] = process.loop.time() + seconds

    def route(self, process: Process, service: str) -> Route:
        """What happens to this request."""
        rng = self._rng
        there_s, back_s = 0.0002 + rng.random() * 0.002, 0.0002 + rng.random() * 0.002
        if process.loop.time() < self._cut_off.get(process.name, 0.0) and service != "model":
            return Route(there_s, back_s, Loss.REQUEST, silent=True)
        if rng.random() < self._slow:
            there_s, back_s = there_s + rng.random() * 0.5, back_s + rng.random() * 0.5
        if service == "redis" and rng.random() < self._late:
            there_s += rng.uniform(3, 40)
        loss = Loss.NOTHING
        if service != "model" and rng.random() < self._losses:
            loss = rng.choice([Loss.REQUEST, Loss.REPLY])
            self._tally.losses += 1
        return Route(there_s, back_s, loss, silent=rng.random() < 0.3)

    def strike(self, process: Process, what: str) -> bool:
        """Perhaps kill or freeze the sender at this very point, and say so."""
        if what.endswith("beat"):  # nothing is at stake there, and they are many
            return False
        if what in self._ambushes:
            self._ambushes.remove(what)
        elif self._strikes_left and self._rng.random() < self._strikes:
            self._strikes_left -= 1
        else:
            return False
        if self._rng.random() < 0.4:
            self._tally.crashes += 1
            process.kill()
        else:
            self._tally.freezes += 1
            seconds = freeze_s(self._rng)
            if self._rng.random() < 0.7:
                self._until_robbed.append(process)
                seconds = _ROBBED_WITHIN_S
            process.freeze(process.loop.time() + seconds)
        return True

    def lie_in_wait(self) -> None:
        """Strike whoever comes to one delicate point next."""
        self._ambushes.append(self._rng.choice(_DELICATE))

    def robbed(self, process: Process) -> None:
        """Somebody took a lease of this process's: the worst moment for it to wake up."""
        if process in self._until_robbed:
            self._until_robbed.remove(process)
            process.thaw(process.loop.time() + self._rng.random() * 0.06)


def freeze_s(rng: Random) -> float:
    """How long a process stands still: a moment, or longer than any lease."""
    return rng.choice([rng.uniform(1, 10), rng.uniform(60, 400)])


@dataclass(frozen=True, slots=True)
class Stage:
    """What events happen to."""

    redis: RedisServer
    model: ModelFaults
    core: CoreFaults
    weather: Weather
    a_process: Callable[[], Process | None]
    drain: Callable[[Process], None]
    later: Callable[[float, Callable[[], object]], None]
    """Do something after so many seconds."""


class Events:
    """Outages and the like, at their times."""

    def __init__(self, rng: Random, stage: Stage, tally: Tally) -> None:
        self._rng = rng
        self._stage = stage
        self._tally = tally

    def schedule(self, span_s: float) -> None:
        """Draw what happens within this time."""
        kinds = (self._crash, self._freeze, self._drain, self._cut_off, self._redis_away,
                 self._redis_stalls, self._redis_restarts, self._core_away, self._core_broken,
                 self._model_away, self._model_busy, self._model_odd)  # fmt: skip
        for _ in range(self._rng.randint(0, _AMBUSHES_MAX)):
            self._stage.later(self._rng.random() * span_s, self._stage.weather.lie_in_wait)
        for kind in kinds:
            most = self._rng.choice([0, 1, 3])
            for _ in range(self._rng.randint(0, most)):
                self._stage.later(self._rng.random() * span_s, kind)

    def _crash(self) -> None:
        process = self._stage.a_process()
        if process is not None:
            self._tally.crashes += 1
            process.kill()

    def _freeze(self) -> None:
        process = self._stage.a_process()
        if process is not None:
            self._tally.freezes += 1
            process.freeze(process.loop.time() + freeze_s(self._rng))

    def _drain(self) -> None:
        process = self._stage.a_process()
        if process is not None:
            self._tally.drains += 1
            self._stage.drain(process)

    def _cut_off(self) -> None:
        process = self._stage.a_process()
        if process is not None:
            self._tally.outages += 1
            self._stage.weather.cut_off(process, self._outage_s())

    def _redis_away(self) -> None:
        redis = self._stage.redis
        redis.stop_serving(self._rng.choice(REFUSALS))
        self._until(lambda: redis.stop_serving(None))

    def _redis_stalls(self) -> None:
        redis = self._stage.redis
        redis.stall(self._outage_s() / 4)
        self._tally.outages += 1

    def _redis_restarts(self) -> None:
        self._stage.redis.stop_serving(REFUSALS[0])
        self._until(self._stage.redis.restart)

    def _core_away(self) -> None:
        self._stage.core.away = True
        self._until(lambda: setattr(self._stage.core, "away", False))

    def _core_broken(self) -> None:
        core = self._stage.core
        core.broken, core.slow = self._rng.random() * 0.3, self._rng.random() * 0.3
        self._until(core.calm)

    def _model_away(self) -> None:
        self._stage.model.away = True
        self._until(lambda: setattr(self._stage.model, "away", False))

    def _model_busy(self) -> None:
        self._stage.model.busy = self._rng.choice([0.3, 1.0])
        self._until(lambda: setattr(self._stage.model, "busy", 0.0))

    def _model_odd(self) -> None:
        model, rng = self._stage.model, self._rng
        model.broken, model.hangs, model.nonsense = (rng.random() * 0.3 for _ in range(3))
        self._until(model.calm)

    def _until(self, over: Callable[[], object]) -> None:
        self._tally.outages += 1
        self._stage.later(self._outage_s(), over)

    def _outage_s(self) -> float:
        return self._rng.choice(
            [self._rng.uniform(0.1, 5), self._rng.uniform(5, 60), self._rng.uniform(60, 600)]
        )


def _odds(rng: Random, most: float) -> float:
    """Nothing of this kind in half of all worlds; else up to `most`."""
    return rng.random() * most if rng.random() < 0.5 else 0.0
