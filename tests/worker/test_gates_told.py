"""What the log says of a service that is away, and for how long it has been."""

from dataclasses import dataclass

from structlog.testing import capture_logs

from worker.clock import Clock
from worker.errors import Service
from worker.gates import Gates
from worker.parking import Parking


@dataclass
class Post:
    """Gates and their clock, which only `later` moves."""

    now: float = 100.0

    def __post_init__(self) -> None:
        clock = Clock(elapsed=lambda: self.now, jitter=lambda: 0.0)
        self.gates = Gates(Parking(), clock)
        self.gate = self.gates[Service.MODEL]

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def test_one_that_stays_away_is_said_each_minute() -> None:
    """With how long, and why it is away now: the first line may have scrolled off long ago."""
    post = Post()
    with capture_logs() as logs:
        post.gate.trip("a", "refused", None)
        for _ in range(40):
            post.later(4.0)
            assert post.gate.try_enter("a")
            post.gate.trip("a", "502", None)
    said = [(line["event"], line["away_s"], line["why"]) for line in logs]
    assert said == [
        ("service_away", 0, "refused"),
        ("service_away", 60, "502"),
        ("service_away", 120, "502"),
    ]


def test_a_try_that_takes_long_does_not_make_it_mute() -> None:
    """A probe of a server that hangs ends only with its timeout; meanwhile the log goes on."""
    post = Post()
    with capture_logs() as logs:
        post.gates.remind()
        post.gate.trip("a", "it hangs", None)
        for _ in range(60):
            post.later(2.0)
            post.gates.remind()
        assert post.gates.away_s() == {"model": 120.0}
        post.gate.try_enter("b")
        post.gate.passed("b")
        post.later(120.0)
        post.gates.remind()
    said = [(line["event"], line.get("away_s")) for line in logs]
    away = [("service_away", seconds) for seconds in (0, 60, 120)]
    assert said == [*away, ("service_back", None)]
    assert post.gates.away_s() == {}
