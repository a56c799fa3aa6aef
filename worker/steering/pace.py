"""How many jobs ended in the last minute, by a key, in twelve steps of five seconds."""

from collections import Counter, deque

_STEP_S = 5.0
_STEPS = 12


class Pace:
    """Counts; `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, Counter[tuple[str, bool]]]] = deque(maxlen=_STEPS + 1)

    def note(self, job_type: str, now: float, *, completed: bool) -> None:
        """A job has ended."""
        step = int(now // _STEP_S)
        if not self._steps or self._steps[-1][0] != step:
            self._steps.append((step, Counter()))
        self._steps[-1][1][job_type, completed] += 1

    def last_minute(self, now: float) -> dict[str, tuple[int, int]]:
        """Completed and dead jobs of this step and the eleven before it, by job type."""
        since = int(now // _STEP_S) - _STEPS
        total: Counter[tuple[str, bool]] = Counter()
        for step, counts in self._steps:
            if step > since:
                total += counts
        names = {name for name, _ in total}
        return {name: (total[name, True], total[name, False]) for name in sorted(names)}
