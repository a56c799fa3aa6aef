"""How soon all is at full speed again after Redis, or the model server, was away.

Redis is killed and started again at its port with all its data; the model server is killed, so
that its port refuses connections, and started again. The model takes 400 to 800 ms a job, so that
64 at once and not the processors are what full speed means. Once it is back at full speed, a
contender has time to do all jobs: what is left undone when nothing moves any more is told. Nobody
is waited for longer than the size's patience: who is not back by then takes more than that.
"""

import time
from collections.abc import Callable

from benchmarks.contenders import OURS, PEERS, Contender
from benchmarks.peers.task import AT_ONCE
from benchmarks.process_tree import BenchFailed
from benchmarks.recovering import STEADY, WINDOW_S, back_after_s, full_speed
from benchmarks.site import Site, instant_model
from benchmarks.sizes import Size
from benchmarks.table import Row, Target
from benchmarks.tally import Count
from benchmarks.turns import Found, Measured, Part, of_contenders

_LATENCY_S = (0.4, 0.8)
_SPEED = AT_ONCE / 0.6
"""Jobs a second that there can be."""
_LEAST = 0.9
"""Who does not come so near to it was busy with something else than waiting, and it is told."""
_WARM_S = 15.0
_BEFORE_S = 4.0
_AFTER_S = 7.0
_START_S, _BACK_S = 7.0, 4.0
"""What site, jobs, worker and its full speed usually take, and what recovery does."""
_NAMES = {"redis": "Redis", "model": "the model server"}


def recovery(size: Size, service: str) -> Part:
    """Of one service, `redis` or `model`."""

    def measure(contender: Contender) -> Measured:
        with Site(instant_model(_LATENCY_S)) as site:
            return _Outage(site, service, size)(contender)

    def rows(found: Found) -> list[Row]:
        away = f"{_NAMES[service]} was away for {size.away_s:g} s"
        what = f"recovery to 95 % of full speed after {away}"
        return [found.row(what, "s", "s until it is back", (Target(5),))]

    usual_s = _START_S + _BEFORE_S + size.away_s + _BACK_S + _WARM_S + size.patience_s / 2
    return Part(of_contenders([OURS, *PEERS], measure), size.long_runs, usual_s, rows)


class _Outage:
    """One outage of one service, as one contender lives through it."""

    def __init__(self, site: Site, service: str, size: Size) -> None:
        self._site = site
        self._service = service
        self._away_s = size.away_s
        self._patience_s = size.patience_s
        self._jobs = int(_SPEED * (_WARM_S + _BEFORE_S + _AFTER_S))

    def __call__(self, contender: Contender) -> Measured:
        """Seconds until it is back, and what was lost or done twice."""
        self._site.enqueue(contender, self._jobs)
        worker = _Supervised(self._site, contender)
        # A limit that finds itself takes its time.
        self._looks(worker, _WARM_S, lambda seen: back_after_s(seen, _SPEED) is not None)
        full = full_speed(self._looks(worker, _BEFORE_S, lambda _: False))
        if not full:  # it would be back at once
            raise BenchFailed("no job was done before the outage")
        self._be_away(worker)
        # Two seconds of full speed have to be seen, and somebody slow has to be seen a while.
        watched_s = self._patience_s + STEADY * WINDOW_S
        looks = self._looks(worker, watched_s, lambda seen: back_after_s(seen, full) is not None)
        back = back_after_s(looks, full)
        return {
            "s until it is back": f"> {self._patience_s:g} s" if back is None else back,
            "note": self._losses(worker, full),
        }

    def _be_away(self, worker: "_Supervised") -> None:
        if self._service == "redis":
            self._site.redis.kill()
        else:
            self._site.stop_server(self._service)
        self._looks(worker, self._away_s, lambda _: False)
        if self._service == "redis":
            self._site.redis.start()
        else:
            self._site.start_server(self._service)

    def _looks(
        self, worker: "_Supervised", seconds: float, enough: Callable[[list[int]], bool]
    ) -> list[int]:
        """Jobs done, every `WINDOW_S` for so long, or until that is enough."""
        seen = [self._site.done]
        due = time.monotonic()
        for _ in range(int(seconds / WINDOW_S)):
            due += WINDOW_S
            time.sleep(max(0.0, due - time.monotonic()))
            worker.look_after()
            seen.append(self._site.done)
            if enough(seen):
                break
        return seen

    def _losses(self, worker: "_Supervised", full: float) -> str:
        """Wait until all is done, nothing moves any more, or the time is over."""
        site, started, seen = self._site, time.monotonic(), -1
        give_up_at = started + 2 * (_AFTER_S + self._patience_s)
        while seen < site.done < self._jobs and time.monotonic() < give_up_at:
            seen = site.done
            self._looks(worker, self._patience_s, lambda found, seen=seen: found[-1] > seen)
        left, twice = self._jobs - site.done, site.tally[Count.AGAIN]
        facts = (
            f"full speed was {full:.0f} a second" if full < _LEAST * _SPEED else "",
            f"ended and was started again {worker.restarts} x" if worker.restarts else "",
            f"{left:,} jobs undone {time.monotonic() - started:.0f} s later" if left else "",
            f"{twice} twice" if twice else "",
        )
        return ", ".join(fact for fact in facts if fact)


class _Supervised:
    """A contender's worker, started again when it ends, as a supervisor does.

    Attributes:
        restarts: how often that was.
    """

    def __init__(self, site: Site, contender: Contender) -> None:
        self._site = site
        self._contender = contender
        self._running = site.start(contender)
        self._started = time.monotonic()
        self.restarts = 0

    def look_after(self) -> None:
        """Start it again if it has ended, a second after its last start at the earliest."""
        if self._running.has_ended and time.monotonic() - self._started > 1:
            self._site.stop(self._running)
            self._running = self._site.start(self._contender)
            self._started = time.monotonic()
            self.restarts += 1
