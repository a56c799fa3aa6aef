"""One world: a few workers, their services, their jobs, and everything that goes wrong."""

import asyncio
import random
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager
from random import Random
from typing import Any, NoReturn

import structlog

from shared.redis_streams import GROUP, Keys
from tests.simulation import worker
from tests.simulation.core import Core, CoreLink
from tests.simulation.faults import Events, Stage, Tally, Weather
from tests.simulation.jobs import TENANTS, TYPES, SimJob, draw_jobs
from tests.simulation.model import Model, ModelLink
from tests.simulation.network import Network
from tests.simulation.process import Process
from tests.simulation.redis_link import connect
from tests.simulation.redis_server import EPOCH_S, RedisServer, at_virtual_time
from tests.simulation.trace import Trace
from tests.simulation.virtual_loop import VirtualLoop, VirtualTime
from tests.simulation.watch import Watch
from worker.lifecycle import ExitCode
from worker.marks import tenant_field, type_field
from worker.queue.scripts import CANCEL

QUIET_WITHIN_S = 4 * 3_600.0
"""After the last fault; what has not ended by then is lost."""
_FAULTS_WITHIN_S = 3_600.0
_LOOK_EVERY_S = 5.0
_CANCELLED_SHARE = 0.08
_PAUSES_MAX = 3
_LEAVE_WITHIN_S = 300.0
_BAD_NEWS = frozenset({"worker_bug", "handler_bug", "halted"})


class World:
    """Everything there is in one simulation.

    Attributes:
        wrongs: what should never have happened, one line each.
        daemons: those that run now, by their seat.
        processes: all there ever were, by their names.
        entries: each job's stream and entry id.
        cancelled: jobs that somebody did not want any more.
        paused: what is not to be taken now.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.time = VirtualTime()
        self.trace = Trace()
        self.tally = Tally()
        self.wrongs: list[str] = []
        self.daemons: dict[int, worker.Daemon] = {}
        self.processes: dict[str, Process] = {}
        self.entries: dict[str, tuple[str, str]] = {}
        self.cancelled: set[str] = set()
        self.paused: set[str] = set()
        self._appended: dict[tuple[str, str], SimJob] = {}
        self.rng = Random(seed)
        self.loop = VirtualLoop("world", self.time)
        self.keys = Keys(worker.PREFIX)
        self.settings = worker.draw_settings(self.rng)
        self.span_s = 180 * 50 ** self.rng.random()
        drawn = draw_jobs(self.rng, self.span_s, EPOCH_S)
        self.jobs = {job.job_id: job for job in drawn}
        unknown = frozenset(job.job_id for job in drawn if self.rng.random() < 0.01)
        self.redis = RedisServer(self.loop)
        self.watch = Watch(self.redis, self.keys, self.loop, self.settings.worker_lease_s)
        self.redis.after_command = self.watch.look
        for stream in map(self.keys.stream, TYPES):
            self.redis.ask("XGROUP", "CREATE", stream, GROUP, "0", "MKSTREAM")
        self.core = Core(self.jobs, unknown, self.rng, self.loop)
        self.model = Model(self.jobs, self.rng, self.loop)
        self.weather = Weather(self.rng, self.tally)
        self.watch.on_taken = self._taken
        self.watch.on_takeover = lambda lost: self.weather.robbed(self.processes[lost.loser])
        self.network = Network(self.loop, self.weather, self._note)
        self._names = 0
        self._is_ending = False

    # ---------------------------------------------------------------- the story

    def run(self) -> None:
        """Let it all happen, to the end."""
        story = self.loop.create_task(self._story())
        self.loop.post(_nothing)
        while not story.done():
            self._turn()
        for seat in list(self.daemons):
            self._bury(seat)
        self.loop.dismantle()
        self.wrongs += self.watch.wrongs + self.core.wrongs + self.loop.errors
        story.result()

    async def _story(self) -> None:
        for seat in range(self.rng.randint(2, 4)):
            self._later(self.rng.random() * 5, lambda seat=seat: self._start(seat))
        for job in self.jobs.values():
            self.loop.call_at(job.at_s, self._append, job)
        self._schedule_faults()
        self._schedule_pauses()
        await asyncio.sleep(self.span_s)
        self.weather.calm()
        await self._until(lambda: not self._is_something_wrong(), _FAULTS_WITHIN_S, "a fault stays")
        self._note("world", "all faults are over")
        await self._until(self.is_quiet, QUIET_WITHIN_S, "not all jobs have ended")
        self._is_ending = True
        for daemon in self.daemons.values():
            daemon.signal()
        await self._until(lambda: not self.daemons, _LEAVE_WITHIN_S, "a worker has not left")

    def _schedule_faults(self) -> None:
        stage = Stage(
            redis=self.redis,
            model=self.model.faults,
            core=self.core.faults,
            weather=self.weather,
            a_process=self._a_process,
            drain=self._drain,
            later=self._later,
        )
        Events(self.rng, stage, self.tally).schedule(self.span_s)

    def _schedule_pauses(self) -> None:
        """Now and then somebody pauses a tenant or a type, and in the end resumes it."""
        dice = Random(f"{self.seed} pauses")
        marks = [*(tenant_field(name or "") for name in set(TENANTS)), type_field(TYPES[0])]
        for mark in dice.sample(sorted(marks), dice.randint(0, _PAUSES_MAX)):
            begins, ends = sorted(dice.random() * self.span_s for _ in "12")
            for at_s, is_end in ((begins, False), (ends, True)):
                heard = dice.random() < 0.7
                self._later(at_s, lambda m=mark, e=is_end, h=heard: self._pause(m, ends=e, heard=h))

    async def _until(self, condition: Callable[[], bool], within_s: float, wrong: str) -> None:
        for _ in range(int(within_s / _LOOK_EVERY_S)):
            if condition():
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        self.wrongs.append(f"{wrong} within {within_s:.0f} s")

    def _is_something_wrong(self) -> bool:
        redis, core, model = self.redis, self.core.faults, self.model.faults
        frozen = [daemon.process.frozen_until for daemon in self.daemons.values()]
        away = redis.refuses is not None or core.away or model.away
        return away or max([redis.stalled_until, *frozen]) > self.time.now

    def is_quiet(self) -> bool:
        """Whether the streams are empty, and every job was appended."""
        if self.time.now < self.span_s:
            return False
        return not any(self.redis.ask("XLEN", self.keys.stream(name)) for name in TYPES)

    # ---------------------------------------------------------------- turning

    def _turn(self) -> None:
        """Move time on to whoever has something to do next, and let it do that."""
        loop, wake_at = self.loop, self.loop.wake_at
        for daemon in self.daemons.values():
            if daemon.process.wake_at < wake_at:
                loop, wake_at = daemon.process.loop, daemon.process.wake_at
        self.time.now = max(self.time.now, wake_at)
        loop.turn()
        for seat, daemon in list(self.daemons.items()):
            if not daemon.process.alive or daemon.main.done():
                self._bury(seat)

    def _bury(self, seat: int) -> None:
        daemon = self.daemons.pop(seat)
        process = daemon.process
        is_left = process.alive and daemon.main.done()
        if is_left:
            self._judge_exit(daemon)
        self._note(process.name, "left" if is_left else "killed")
        process.alive = False
        if process.loop.dismantle() and is_left:
            self.wrongs.append(f"{process.name} left tasks behind")
        self.wrongs += [f"{process.name}: {error}" for error in process.loop.errors]
        if not self._is_ending:
            self._later(self.rng.uniform(0.5, 60), lambda: self._start(seat))

    def _judge_exit(self, daemon: worker.Daemon) -> None:
        name, error = daemon.process.name, daemon.main.exception()
        if error is not None:
            self.wrongs.append(f"{name} crashed by itself: {error!r}")
        elif daemon.main.result() not in {ExitCode.DRAINED, ExitCode.FORCED}:
            self.wrongs.append(f"{name} ended with {daemon.main.result()!r}")

    # ---------------------------------------------------------------- what happens

    def _start(self, seat: int) -> None:
        if self._is_ending:
            return
        self._names += 1
        process = Process(
            f"w{seat}.{self._names}", VirtualLoop(f"w{seat}.{self._names}", self.time)
        )
        services = worker.Services(
            redis=connect(process, self.redis, self.network, self._names),
            core=CoreLink(process, self.core, self.network),
            model=ModelLink(process, self.model, self.network),
        )
        self._note(process.name, "starts")
        self.processes[process.name] = process
        self.daemons[seat] = worker.start(process, self.settings, services)

    def _append(self, job: SimJob) -> None:
        flat = [part for pair in job.fields.items() for part in pair]
        entry_id = self.redis.append(self.keys.stream(job.job_type), "*", *flat)
        place = (self.keys.stream(job.job_type), entry_id)
        self.entries[job.job_id], self._appended[place] = place, job
        self._note("producer", f"appends {job.job_id} {job.kind.name} as {entry_id}")
        dice = Random(f"{self.seed} {job.job_id}")
        if dice.random() < _CANCELLED_SHARE:
            heard = dice.random() < 0.7
            self._later(120 * dice.random() ** 4, lambda: self._cancel(job, heard=heard))

    def _cancel(self, job: SimJob, *, heard: bool) -> None:
        self.redis.run(CANCEL, [self.keys.cancelled], [self.keys.control, job.job_id])
        self.cancelled.add(job.job_id)
        self._note("operator", f"cancels {job.job_id}")
        for daemon in self.daemons.values() if heard else ():
            daemon.tell()

    def _pause(self, mark: str, *, ends: bool, heard: bool) -> None:
        self.redis.pause(self.keys.paused, mark, ends=ends)
        (self.paused.discard if ends else self.paused.add)(mark)
        self._note("operator", f"{'resumes' if ends else 'pauses'} {mark}")
        for daemon in self.daemons.values() if heard else ():
            daemon.tell()

    def _taken(self, who: str, stream: str, entry_id: str) -> None:
        """A tenant who is paused is heeded to the moment; a type as soon as a worker has heard."""
        job = self._appended.get((stream, entry_id))
        if job is None or tenant_field(job.fields.get("tenant", "")) not in self.paused:
            return
        if not self.redis.ask("HEXISTS", self.keys.outbox(job.job_type), entry_id):
            self.wrongs.append(f"{who} took {job.job_id}, whose tenant is paused")

    def _a_process(self) -> Process | None:
        running = [daemon.process for daemon in self.daemons.values()]
        return self.rng.choice(running) if running else None

    def _drain(self, process: Process) -> None:
        for daemon in self.daemons.values():
            if daemon.process is process:
                daemon.signal()

    def _later(self, seconds: float, callback: Callable[[], object]) -> None:
        self.loop.post_at(self.time.now + seconds, callback)

    def _note(self, who: str, what: str) -> None:
        self.trace.add(self.time.now, who, what)

    # ---------------------------------------------------------------- log lines

    def hear(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> NoReturn:
        """A log line of a worker's; it ends here.

        Raises:
            DropEvent: always.
        """
        loop = asyncio.get_running_loop()
        name = loop.name if isinstance(loop, VirtualLoop) else "?"
        process = self.processes.get(name)
        if process is not None and process.alive:
            if event["event"] == "handing_back_the_rest":
                process.cut = True
            line = " ".join(f"{key}={value}" for key, value in event.items() if key != "exc_info")
            self._note(name, line)
            if event["event"] in _BAD_NEWS:
                self.wrongs.append(f"{name} logged {line}")
        raise structlog.DropEvent


@contextmanager
def simulated(world: World) -> Generator[None]:
    """Have clocks, dice and log lines go through a world."""
    logging, dice = structlog.get_config(), random.getstate()
    random.seed(world.seed)
    structlog.configure(processors=[world.hear], cache_logger_on_first_use=False)
    try:
        with at_virtual_time(world.time), worker.in_simulation(world.rng):
            yield
    finally:
        structlog.configure(**logging)
        random.setstate(dice)


def _nothing() -> None: ...
