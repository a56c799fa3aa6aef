"""The rows about servers that are kept full, from what was measured."""

from benchmarks.batching_server import Shape
from benchmarks.rows_saturation import LARGE, SMALL, alone, late, shared
from benchmarks.sizes import SIZES
from benchmarks.turns import Found, Part

SIZE = SIZES["quick"]


def found(part: Part, *names: str, speeds: dict[str, float] | None = None) -> Found:
    """The same good figures for all of these, but for their speeds."""
    made = Found(part.turns)
    for name in names:
        speed = (speeds or {}).get(name, 100.0)
        figures = {"busy": 99.0, "queue": 2.0, "tokens/s": speed, "at rest": 40.0, "jain": 0.99}
        made.add(name, figures | {"fair after": 5.0})
    return made


def judged(part: Part, of: Found) -> dict[str, list[str]]:
    """What each row says of its targets, by its last words."""
    rows = part.rows(of)
    return {
        row.what.rpartition(": ")[2]: [row.verdict(target) for target in row.targets]
        for row in rows
    }


def test_one_worker_is_judged_beside_ideal_loops_and_fixed_limits() -> None:
    """How full it keeps the small server, what waits there, and its speed against the best."""
    part = alone(SIZE, SMALL)
    names = [turn.name for turn in part.turns]
    of = found(part, *names, speeds={"fixed 64": 200.0, "ideal loop, 128 at once": 999.0})
    busy, queue, throughput, rest = part.rows(of)
    assert [figure.name for figure in busy.others] == names[1:3]
    assert busy.verdict(busy.targets[0]) == "met (99.0 %)"
    assert queue.verdict(queue.targets[0]) == "met (2.00 % of running)"
    assert throughput.verdict(throughput.targets[0]) == "missed by 49% (0.50 x)"
    assert [figure.name for figure in rest.others] == names[1:]


def test_a_large_server_has_the_same_rows() -> None:
    """Without ideal loops; every server has another name in them."""
    part = alone(SIZE, LARGE)
    of = found(part, *(turn.name for turn in part.turns))
    assert len(part.rows(of)) == 4
    small = alone(SIZE, SMALL)
    both = {row.what for row in [*part.rows(of), *small.rows(found(small, "llm-worker"))]}
    assert len(both) == 8


def test_many_are_judged_beside_one() -> None:
    """Each number of workers that was measured has its rows, the others none."""
    part = shared(SIZE)
    of = found(part, "one worker", "4 workers", speeds={"4 workers": 97.0})
    assert judged(part, of) == {
        "throughput": ["missed by 1% (0.97 x)"],
        "fairness (Jain)": ["met (0.99)"],
        "server queue": [],
        "processors at rest": [],
    }


def test_a_late_joiner_has_its_own_rows() -> None:
    """How even it is in the end, and how soon it was."""
    part = late(SIZE)
    fair, after, _ = part.rows(found(part, "llm-worker"))
    assert fair.ours.samples == (0.99,)
    assert after.ours.samples == (5.0,)


def test_answers_of_all_servers_take_their_time() -> None:
    """The shapes are what their descriptions say."""
    assert round(SMALL.answer_s, 1) == 0.3
    assert rate(SMALL) == rate(LARGE) == 216


def rate(shape: Shape) -> int:
    """Answers a second of a full server."""
    return round(shape.seats / shape.answer_s)
