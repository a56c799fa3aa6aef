"""How soon all is at full speed again after Redis, or the model server, was away.

Redis is killed and started again at its port with all its data; the model server is killed, so
that its port refuses connections, and started again. The model takes 400 to 800 ms a job, so that
64 at once and not the processors are what full speed means. Once it is back at full speed, a
contender has time to do all jobs: what is left undone when nothing moves any more is told.
"""

import time
from collections.abc import Callable
from typing import Self

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.interleaved import Measured, Scale, interleaved
from benchmarks.peers.task import AT_ONCE
from benchmarks.recovering import WINDOW_S, back_after_s, full_speed
from benchmarks.table import Row, Target
from benchmarks.tally import Count

_LATENCY_S = (0.4, 0.8)
_SPEED = AT_ONCE / 0.6
"""Jobs a second that there can be."""
_WARM_S = 20.0
_BEFORE_S = 4.0
_WATCHED_S = 40.0


def recovery(scale: Scale) -> list[Row]:
    """Of Redis, and of the model server."""
    # What dead workers held comes back by itself: after 20 s here, after 60 s elsewhere.
    away_s, still_s = scale.of(30, 10), scale.of(75, 15)
    rows: list[Row] = []
    for name, service in (("Redis", "redis"), ("the model server", "model")):
        with Bench(_LATENCY_S) as bench:
            found = interleaved(
                ["s until it is back"],
                scale.contenders(with_ideal=False),
                1 if scale.quick else scale.runs,
                lambda who, bench=bench, service=service: _Outage(bench, service, away_s, still_s)(
                    who
                ),
            )
        what = f"recovery to 95 % of full speed after {name} was away for {away_s} s"
        ours, *others = found["s until it is back"]
        rows.append(Row(what, "s", ours, tuple(others), (Target(5),)))
    return rows


class _Outage:
    """One outage of one service, as one contender lives through it."""

    def __init__(self, bench: Bench, service: str, away_s: float, still_s: float) -> None:
        self._bench = bench
        self._service = service
        self._away_s = away_s
        self._still_s = still_s
        self._jobs = int(_SPEED * (_WARM_S + _BEFORE_S + 10))

    def __call__(self, contender: Contender) -> Measured:
        """Seconds until it is back, and what was lost or done twice."""
        self._bench.fill(contender, self._jobs)
        with _Supervised(self._bench, contender) as worker:
            # A limit that finds itself takes its time.
            self._looks(worker, _WARM_S, lambda seen: back_after_s(seen, _SPEED) is not None)
            full = full_speed(self._looks(worker, _BEFORE_S, lambda _: False))
            self._be_away(worker)
            looks = self._looks(
                worker, _WATCHED_S, lambda seen: back_after_s(seen, full) is not None
            )
            back = back_after_s(looks, full)
            return {
                "s until it is back": f"not within {_WATCHED_S:.0f} s" if back is None else back,
                "note": self._losses(worker),
            }

    def _be_away(self, worker: "_Supervised") -> None:
        if self._service == "redis":
            self._bench.redis.kill()
        else:
            self._bench.stop_server(self._service)
        self._looks(worker, self._away_s, lambda _: False)
        if self._service == "redis":
            self._bench.redis.start()
        else:
            self._bench.start_server(self._service)

    def _looks(
        self, worker: "_Supervised", seconds: float, enough: Callable[[list[int]], bool]
    ) -> list[int]:
        """Jobs done, every `WINDOW_S` for so long, or until that is enough."""
        seen = [self._bench.done]
        due = time.monotonic()
        for _ in range(int(seconds / WINDOW_S)):
            due += WINDOW_S
            time.sleep(max(0.0, due - time.monotonic()))
            worker.look_after()
            seen.append(self._bench.done)
            if enough(seen):
                break
        return seen

    def _losses(self, worker: "_Supervised") -> str:
        """Wait until all is done or nothing moves any more."""
        bench, seen = self._bench, -1
        while seen < bench.done < self._jobs:
            seen = bench.done
            self._looks(worker, self._still_s, lambda found, seen=seen: found[-1] > seen)
        left, twice = self._jobs - bench.done, bench.tally[Count.AGAIN]
        facts = (
            f"ended and was started again {worker.restarts} x" if worker.restarts else "",
            f"{left:,} jobs undone, and none for {self._still_s:.0f} s" if left else "",
            f"{twice} twice" if twice else "",
        )
        return ", ".join(fact for fact in facts if fact)


class _Supervised:
    """A contender's worker, started again when it ends, as a supervisor does.

    Attributes:
        restarts: how often that was.
    """

    def __init__(self, bench: Bench, contender: Contender) -> None:
        self._bench = bench
        self._contender = contender
        self._running = bench.start(contender)
        self._started = time.monotonic()
        self.restarts = 0

    def look_after(self) -> None:
        """Start it again if it has ended, a second after its last start at the earliest."""
        if self._running.has_ended and time.monotonic() - self._started > 1:
            self._bench.stop(self._running)
            self._running = self._bench.start(self._contender)
            self._started = time.monotonic()
            self.restarts += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bench.stop(self._running)
