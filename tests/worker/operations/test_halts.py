"""Halts are counted as halts, and gone when a later start runs."""

from worker.operations.fleet import Worker
from worker.operations.halts import folded, halts_said
from worker.steering.roster import WorkerFacts


def _halt(name: str, ago_s: float, why: str = "bad key", host: str = "m1") -> Worker:
    facts = WorkerFacts(host=host, halted=why, halted_at=1_000 - ago_s)
    return Worker(name, facts, ago_s, silent=True, pending=1)


def _runs(name: str, started_s_ago: float, host: str = "m1", *, silent: bool = False) -> Worker:
    return Worker(name, WorkerFacts(host=host, started_at=1_000 - started_s_ago), 1.0, silent)


def test_halts_of_a_host_for_the_same_reason_are_one_row() -> None:
    """The newest's, with what all of them left."""
    loop = [_halt(f"w{n}", 125 - 20 * n) for n in range(7)]
    [row] = folded(loop)
    assert (row.name, row.halts, row.halting_s, row.pending) == ("w6", 7, 120.0, 7)
    assert row.halted == "halted 7 times in 2 min, the last 5 s ago"
    assert halts_said([row]) == ["7 halts on m1 in 2 min, the last 5 s ago: bad key"]
    [row] = folded([*loop, _halt("w7", 145)])
    assert row.halted.startswith("halted at least 8 times"), "Redis keeps no more of a host"
    assert halts_said([row])[0].startswith("at least 8 halts on m1")


def test_other_reasons_and_other_hosts_are_other_rows() -> None:
    """In the order of their names; a sentence for each reason counts over the hosts."""
    rows = [
        _halt("a", 5),
        _halt("b", 5, "no model"),
        _halt("c", 65, host="m2"),
        _runs("d", 9, "m3"),
    ]
    assert folded(rows) == sorted(folded(rows), key=lambda row: row.name)
    assert [(row.name, row.halted) for row in folded(rows)] == [
        *(("a", "halted 5 s ago"), ("b", "halted 5 s ago"), ("c", "halted 65 s ago"), ("d", "")),
    ]
    assert halts_said(folded(rows)) == [
        "2 halts on 2 hosts in 60 s, the last 5 s ago: bad key",
        "1 halt on m1, 5 s ago: no model",
    ]


def test_what_a_later_start_on_that_host_has_mended_is_not_shown() -> None:
    """One that ran before the halt, elsewhere, or is silent itself has mended nothing."""
    halts = [_halt("a", 60), _halt("b", 40), _halt("c", 20)]
    assert folded([*halts, _runs("d", 10)]) == [_runs("d", 10)]
    [newest, _] = folded([*halts, _runs("d", 30)])
    assert (newest.name, newest.halts) == ("c", 1)
    for other in (_runs("d", 70), _runs("d", 10, "m2"), _runs("d", 10, silent=True)):
        assert [row.halts for row in folded([*halts, other])] == [3, 0]
