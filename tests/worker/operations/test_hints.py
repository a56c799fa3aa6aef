"""What is odd is said in plain words, with what to type."""

from collections.abc import Mapping
from typing import Any

from worker.operations.fleet import Worker
from worker.operations.halts import folded
from worker.operations.hints import Pauses, hints
from worker.operations.letters import Death, Letters
from worker.operations.pausing import PauseNote
from worker.operations.tenants import TenantsWaiting
from worker.operations.view import StreamView
from worker.steering.roster import ModelLimit, ModelServer, WorkerFacts

NO_LETTERS = Letters(0, 0, ())
NO_TENANTS = TenantsWaiting()


def _stream(**more: Any) -> StreamView:
    figures: dict[str, Any] = dict.fromkeys(("waiting", "in_flight", "parked", "outbox"), 0)
    figures |= {"oldest_waiting_s": None, "oldest_in_flight_s": None, "ended_a_minute": 0}
    figures |= {
        "job_type": "text_tag",
        "drained_in_s": None,
        "gained_a_minute": None,
        "drained": "-",
        "paused": None,
        "served_by": 1,
    }
    return StreamView(**(figures | more))


def _worker(name: str = "w1", *, silent: bool = False, pending: int = 0, **facts: Any) -> Worker:
    return Worker(name, WorkerFacts(**facts), 40.0 if silent else 1.0, silent, pending)


def _said(
    stream: StreamView,
    *workers: Worker,
    pauses: Mapping[str, PauseNote] | None = None,
    tenants: TenantsWaiting = NO_TENANTS,
    letters: Letters = NO_LETTERS,
    refused: str = "",
) -> list[tuple[str, str]]:
    rows = folded(workers)
    found = hints([stream], rows, Pauses(pauses or {}, tenants), letters, 1_000.0, refused)
    return [(hint.text, hint.command) for hint in found]


def test_nothing_is_odd() -> None:
    """Then nothing is said."""
    assert _said(_stream(waiting=3), _worker()) == []


def test_no_worker_runs() -> None:
    """With how many jobs wait for one."""
    assert _said(_stream()) == [("no worker runs", "llm-worker run")]
    assert _said(_stream(waiting=2, in_flight=1), _worker(silent=True))[0] == (
        *("no worker runs; 3 jobs wait", "llm-worker run"),
    )


def test_workers_that_halted() -> None:
    """Why is told, once for all of them, instead of sending one to start what halts again."""
    why = "the model server has no model 'mistral'"
    found = _said(
        *(_stream(waiting=2), _worker("a", silent=True, halted=why)),
        *(_worker("b", silent=True, halted=why), _worker("c", silent=True, halted="a bad key")),
    )
    assert found == [
        (f"no worker runs: 2 halts, the last 40 s ago: {why}", "llm-worker check"),
        ("1 halt, 40 s ago: a bad key", "llm-worker check"),
    ]


def test_a_halt_that_a_later_start_has_mended() -> None:
    """Only a start on that machine, after the halt, that runs; not one that ran all the while."""
    halted = _worker("a", silent=True, halted="a bad key", host="m1", halted_at=100.0)
    told = [("1 halt on m1, 40 s ago: a bad key", "llm-worker check")]
    beside = _worker("b", host="m1", started_at=99.0)
    elsewhere = _worker("c", host="m2", started_at=101.0)
    dead = _worker("d", silent=True, host="m1", started_at=101.0)
    assert _said(_stream(), halted, beside, elsewhere, dead) == told
    assert _said(_stream(), halted, _worker("e", host="m1", started_at=101.0)) == []


def test_redis_is_full() -> None:
    """Workers that could not write their rows are not said to be dead."""
    mute = _worker(silent=True, pending=2)
    [(text, command)] = _said(_stream(waiting=2), mute, refused="it is full")
    assert text == "Redis takes no writes: it is full"
    assert command == "llm-worker check"
    halted = _worker("a", silent=True, halted="a bad key")
    told = [text for text, _ in _said(_stream(), halted, refused="it is full")]
    assert told[1] == "1 halt, 40 s ago: a bad key", "others may run and be unable to say so"


def test_a_model_server_that_says_nothing() -> None:
    """Its breaker is closed, calls are under way, and it does not tell its load any more."""
    server = ModelServer(provider="vllm", server="gpu:8000", breaker="closed")
    limit = ModelLimit(provider="vllm", server="gpu:8000", role="text", limit=2, reason="stale")
    assert _said(_stream(), _worker(servers=(server,), limits=(limit,))) == []
    busy = limit.model_copy(update={"in_flight": 3})
    [(text, _)] = _said(_stream(), _worker(servers=(server,), limits=(busy,)))
    assert text.startswith("vllm gpu:8000 does not tell its load while calls are under way")


def test_a_worker_that_was_killed_with_jobs_in_its_hands() -> None:
    """They go to others, and one wants to know why."""
    dead = _worker("w2", silent=True, held=9, pending=4)
    [(text, command)] = _said(_stream(), _worker(), dead)
    assert text == "w2 was last heard of 40 s ago; what it left, 4 jobs, goes to others"
    assert command == "llm-worker workers"


def test_a_worker_that_was_killed_and_whose_jobs_others_have() -> None:
    """What it last said it held is past: there is nothing to wait for any more."""
    assert _said(_stream(), _worker(), _worker("w2", silent=True, held=9)) == []


def test_a_stream_that_nobody_takes() -> None:
    """A deployment that forgot a job type."""
    [(text, command)] = _said(_stream(waiting=2, served_by=0), _worker())
    assert "2 jobs wait on text_tag, which no living worker takes" in text
    assert "WORKER_JOB_TYPES=text_tag" in command


def test_a_service_that_is_away_and_why() -> None:
    """Once for a whole fleet."""
    away = {"core": "503 Service Unavailable"}
    found = _said(_stream(), *(_worker(f"w{n}", gates=away) for n in range(3)))
    assert found == [
        ("Core is away for 3 of 3 workers: 503 Service Unavailable", "llm-worker check")
    ]


def test_for_how_long_a_service_is_away() -> None:
    """As long as it is for the one that has found out first."""
    away = {"core": "refused"}
    known = _worker("a", gates=away, gates_s={"core": 30.0})
    found = _said(_stream(), known, _worker("b", gates=away, gates_s={"core": 190.0}))
    assert [text for text, _ in found] == ["Core is away for 2 of 2 workers, for 3 min: refused"]


def test_model_servers_that_are_left_alone() -> None:
    """By their breaker, or because they are set up wrongly."""
    sick = ModelServer(provider="vllm", server="gpu:8000", breaker="open", why="it hangs")
    slow = ModelServer(provider="vllm", server="gpu3", breaker="open")
    wrong = ModelServer(provider="vllm", server="gpu2", breaker="closed", broken="401")
    found = [text for text, _ in _said(_stream(), _worker(servers=(sick, slow, wrong)))]
    assert found == [
        "vllm gpu:8000 is left alone for a while: it hangs (w1)",
        "vllm gpu3 is left alone for a while: its answers were slow (w1)",
        "vllm gpu2 cannot work: 401 (w1)",
    ]


def test_why_nobody_can_be_asked_is_said_once() -> None:
    """Unless the gate says it already, each server is told of."""
    away = {"model": "every model server is being left alone: it hangs"}
    sick = ModelServer(provider="vllm", server="gpu:8000", breaker="open", why="it hangs")
    tried = ModelServer(provider="vllm", server="gpu2", breaker="half_open", why="HTTP 500")
    said = f"the model is away for w1: {away['model']}"
    one = _said(_stream(), _worker(servers=(sick,), gates=away))
    assert [text for text, _ in one] == [said]
    two = _said(_stream(), _worker(servers=(sick, tried), gates=away))
    tried_so = "vllm gpu2 is tried with a few calls, and left alone for the rest: HTTP 500 (w1)"
    assert [text for text, _ in two] == [said, tried_so]
    vague = {"model": "the model server is being tried"}
    found = [text for text, _ in _said(_stream(), _worker(servers=(sick,), gates=vague))]
    assert found[1:] == ["vllm gpu:8000 is left alone for a while: it hangs (w1)"]


def test_answers_that_wait_for_core() -> None:
    """Until they are delivered, nothing is taken."""
    [(text, _)] = _said(_stream(), _worker(claiming=False, waiting_for_core=500))
    assert text == "w1 takes nothing: 500 answers wait for Core, which has to catch up"
    away = _worker(claiming=False, waiting_for_core=1, gates={"core": "connection refused"})
    found = [text for text, _ in _said(_stream(), away)]
    assert found == [
        "Core is away for w1: connection refused",
        "w1 takes nothing: 1 answer waits for Core, which is away",
    ]


def test_what_is_paused() -> None:
    """By whom, for how long and why; and how to go on."""
    note = PauseNote("ann@desk", 400.0, "GPU at work")
    pauses = {"type:text_tag": note, "tenant:a; rm x": PauseNote()}
    tenants = TenantsWaiting({"a; rm x": 3})
    stream = _stream(waiting=7, paused=note)
    first, second = _said(stream, _worker(), pauses=pauses, tenants=tenants)
    assert first == (
        "text_tag is paused by ann@desk for 10 min (GPU at work); 7 jobs wait",
        "llm-worker resume text_tag",
    )
    assert second == (
        *("tenant a; rm x is paused; 3 jobs wait", "llm-worker resume --tenant 'a; rm x'"),
    )


def test_many_tenants_are_paused() -> None:
    """Those of whom most waits are named; nothing is promised of what nobody has looked at."""
    tenants = TenantsWaiting({f"t{n:02}": n for n in range(13)}, not_looked_at=1)
    found = _said(_stream(waiting=99), _worker(), tenants=tenants)
    assert len(found) == 11
    assert found[0] == (
        *("tenant t12 is paused; at least 12 jobs wait", "llm-worker resume --tenant t12"),
    )
    assert found[-1] == (*("3 more tenants are paused; at least 3 jobs wait", "llm-worker pause"),)


def test_dead_letters_that_grow() -> None:
    """Old ones are no news."""
    new = Death("bug", "", "text_tag", count=5, recent=2)
    old = Death("expired", "", "text_tag", count=5)
    [(text, command)] = _said(_stream(), _worker(), letters=Letters(10, 10, (new, old)))
    assert text == "2 text_tag jobs died in 10 minutes of bug"
    assert command == "llm-worker dead list --reason bug --newer-than 10m"
