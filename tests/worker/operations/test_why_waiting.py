"""Why no worker has a job that waits."""

from typing import Any

import pytest

from worker.errors import Service
from worker.handlers import HANDLERS
from worker.operations.finding import EntryPlace
from worker.operations.fleet import Worker
from worker.operations.pausing import PauseNote
from worker.operations.why_waiting import ASK_CORE, Around, why_waiting
from worker.steering.roster import WorkerFacts

TURN = "its turn has not come: 7 text_tag jobs wait"


def _entry(job_type: str = "text_tag", where: str = "waiting", **more: Any) -> EntryPlace:
    names = ("job_id", "user_id", "tenant", "deadline", "holder")
    facts: dict[str, Any] = dict.fromkeys(names, "") | {"deliveries": 0, "idle_s": 0.0}
    facts |= {"job_type": job_type, "entry_id": "1-0", "where": where, "recorded": False}
    return EntryPlace(**(facts | more))


def _worker(name: str = "w1", *, silent: bool = False, **facts: Any) -> Worker:
    told: dict[str, Any] = {"job_types": ("text_tag", "task_match")} | facts
    return Worker(name, WorkerFacts(**told), 40.0 if silent else 1.0, silent)


def _why(
    *workers: Worker,
    entry: EntryPlace | None = None,
    pauses: dict[str, PauseNote] | None = None,
    refused: str = "",
) -> str:
    around = Around(1_000.0, workers, pauses or {}, {"text_tag": 7}, refused)
    return why_waiting(entry or _entry(), around)


def test_it_is_paused() -> None:
    """Its type or its tenant; another's is nothing to it."""
    pauses = {"type:text_tag": PauseNote("ann", 400.0, "GPU"), "tenant:acme": PauseNote()}
    assert _why(pauses=pauses) == "text_tag is paused by ann for 10 min (GPU)"
    del pauses["type:text_tag"]
    assert _why(pauses=pauses, entry=_entry(tenant="acme")) == "tenant acme is paused"
    assert _why(_worker(), pauses=pauses, entry=_entry(tenant="other")) == TURN
    assert _why(_worker(), pauses={"tenant:": PauseNote()}) == TURN
    strange = PauseNote(at=float("inf"))
    assert _why(pauses={"type:text_tag": strange}) == "text_tag is paused"


def test_no_worker_runs() -> None:
    """With why they halted; where Redis takes no writes they may, and cannot say so."""
    assert _why() == _why(_worker(silent=True)) == "no worker runs"
    loop = [_worker(name, silent=True, host="m1", halted="bad key") for name in "ab"]
    assert _why(*loop) == "no worker runs: 2 halts on m1, the last 40 s ago: bad key"
    assert _why(*loop, refused="it is full") == "Redis takes no writes: it is full"
    assert _why(_worker(), refused="it is full") == TURN, "it beats: so it is worked off"


def test_none_takes_its_type() -> None:
    """One on its way out takes none any more."""
    others = _worker(job_types=("document",)), _worker(draining=True)
    assert _why(*others) == "no living worker takes text_tag"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"claiming": False, "waiting_for_core": 500},
            "w1 takes nothing: 500 answers wait for Core, which has to catch up",
        ),
        ({"gates": {"model": "503"}}, "w1 finds the model away: 503"),
    ],
)
def test_those_that_take_its_type_take_nothing_now(facts: dict[str, Any], said: str) -> None:
    """All of them: one that may take it is enough for it to wait for its turn only."""
    stuck = _worker(**facts), _worker("w2", **facts)
    assert _why(*stuck) == f"no worker takes text_tag now: {said}"
    assert _why(*stuck, _worker("w3", job_types=("document",))).endswith(said)
    assert _why(*stuck, _worker("w3")) == TURN


def test_core_is_away() -> None:
    """It is asked for some job types only before they are answered."""
    worker = _worker(gates={"core": "refused"})
    assert _why(worker) == TURN
    said = "no worker takes task_match now: w1 finds Core away: refused"
    assert _why(worker, entry=_entry("task_match")) == said
    assert {name for name, of in HANDLERS.items() if Service.CORE in of.needs} == ASK_CORE
    assert all(Service.MODEL in of.needs for of in HANDLERS.values())


def test_one_that_does_not_wait() -> None:
    """A worker has it; or its answer is written down, which no pause keeps from Core."""
    for entry in (_entry(where="in_flight"), _entry(recorded=True)):
        assert _why(entry=entry, pauses={"type:text_tag": PauseNote()}) == ""
