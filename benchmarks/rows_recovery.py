"""How soon all is at full speed again after Redis, or the model server, was away.

Redis is killed and started again at its port with all its data; the model server is killed, so
that its port refuses connections, and started again. The model takes 400 to 800 ms a job, so that
64 at once and not the processors are what full speed means. Once it is back at full speed, a
contender has time to do all jobs: what is left undone when nothing moves any more is told.
"""

import time
from collections.abc import Callable

from benchmarks.bench import Bench, Running
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
_STILL_S = 15.0
"""Longer than any pause that a contender makes by itself here."""


def recovery(scale: Scale) -> list[Row]:
    """Of Redis, and of the model server."""
    away_s = scale.of(30, 10)
    rows: list[Row] = []
    for name, service in (("Redis", "redis"), ("the model server", "model")):
        with Bench(_LATENCY_S) as bench:
            found = interleaved(
                ["s until it is back"],
                scale.contenders(with_ideal=False),
                1 if scale.quick else scale.runs,
                lambda who, bench=bench, service=service: _Outage(bench, service, away_s)(who),
            )
        what = f"recovery to 95 % of full speed after {name} was away for {away_s} s"
        ours, *others = found["s until it is back"]
        rows.append(Row(what, "s", ours, tuple(others), (Target(5),)))
    return rows


class _Outage:
    """One outage of one service, as one contender lives through it."""

    def __init__(self, bench: Bench, service: str, away_s: float) -> None:
        self._bench = bench
        self._service = service
        self._away_s = away_s
        self._jobs = int(_SPEED * (_WARM_S + _BEFORE_S + 10))

    def __call__(self, contender: Contender) -> Measured:
        """Seconds until it is back, and what was lost or done twice."""
        bench = self._bench
        bench.fill(contender, self._jobs)
        running = bench.start(contender)
        try:
            # A limit that finds itself takes its time.
            self._looks(_WARM_S, lambda seen: back_after_s(seen, _SPEED) is not None)
            full = full_speed(self._looks(_BEFORE_S, lambda _: False))
            self._away()
            looks = self._looks(_WATCHED_S, lambda seen: back_after_s(seen, full) is not None)
            back = back_after_s(looks, full)
            return {
                "s until it is back": f"not within {_WATCHED_S:.0f} s" if back is None else back,
                "note": self._losses(running),
            }
        finally:
            bench.stop(running)

    def _away(self) -> None:
        if self._service == "redis":
            self._bench.redis.kill()
            time.sleep(self._away_s)
            self._bench.redis.start()
        else:
            self._bench.stop_server(self._service)
            time.sleep(self._away_s)
            self._bench.start_server(self._service)

    def _looks(self, seconds: float, enough: Callable[[list[int]], bool]) -> list[int]:
        """Jobs done, every `WINDOW_S` for so long, or until that is enough."""
        seen = [self._bench.done]
        due = time.monotonic()
        for _ in range(int(seconds / WINDOW_S)):
            due += WINDOW_S
            time.sleep(max(0.0, due - time.monotonic()))
            seen.append(self._bench.done)
            if enough(seen):
                break
        return seen

    def _losses(self, running: Running) -> str:
        """Wait until all is done or nothing moves any more."""
        bench, seen = self._bench, -1
        while seen < bench.done < self._jobs:
            seen, give_up_at = bench.done, time.monotonic() + _STILL_S
            while bench.done == seen and time.monotonic() < give_up_at and not running.has_ended:
                time.sleep(WINDOW_S)
        ended = "its process has ended" if running.has_ended else ""
        left = self._jobs - bench.done
        twice = bench.tally[Count.AGAIN]
        facts = (ended, f"{left:,} jobs undone" if left else "", f"{twice} twice" if twice else "")
        return ", ".join(fact for fact in facts if fact)
