"""Each invariant is noticed when it is broken, and none when all is well."""

from collections import Counter
from collections.abc import Callable

import pytest

from shared import JobStatus, JobType, Keys
from tests.chaos.evidence import CoreJob, CoreRecords, Evidence, ModelBill, RedisLeft
from tests.chaos.jobs import ChaosJob, Enqueued, Wanted
from tests.chaos.outstanding import StreamState
from tests.chaos.verdict import broken

KEYS = Keys()
EMAIL = Wanted(Counter(create_event=2, job_completed=1))
BAD = Wanted(Counter(job_failed=1))


def good() -> Evidence:
    """A run of one email and one bad job, at which all went well."""
    jobs = {
        "c1": ChaosJob("c1", JobType.EMAIL_EXTRACT, {}, EMAIL),
        "c2": ChaosJob("c2", JobType.TEXT_TAG, {}, BAD),
    }
    return Evidence(
        enqueued=Enqueued(jobs, {"c3"}),
        core=CoreRecords(
            jobs={"c1": CoreJob(JobStatus.COMPLETED, 1), "c2": CoreJob(JobStatus.FAILED, 1)},
            effects={"c1": Counter(EMAIL.effects), "c2": Counter(BAD.effects)},
            events=Counter({"dentist of c1": 1, "concert of c1": 1}),
        ),
        bill=ModelBill(calls=Counter(c1=3), refused=Counter(c1=1), excused=Counter(c1=1)),
        redis=RedisLeft(
            [StreamState("llm:text_tag", 0, 0, 0)], ["llm:dead"], ["c2"], Counter(c1=1, c2=1)
        ),
        logged=Counter(),
        oddities=[],
    )


def _lost(evidence: Evidence) -> None:
    del evidence.core.jobs["c1"]


def _wrong_end(evidence: Evidence) -> None:
    evidence.core.jobs["c1"] = CoreJob(JobStatus.FAILED, 1)


def _ended_twice(evidence: Evidence) -> None:
    evidence.core.jobs["c2"] = CoreJob(JobStatus.FAILED, 2)


def _applied_twice(evidence: Evidence) -> None:
    evidence.core.effects["c1"]["create_event"] += 1


def _event_twice(evidence: Evidence) -> None:
    evidence.core.events["dentist of c1"] += 1


def _effect_missing(evidence: Evidence) -> None:
    evidence.core.effects["c1"]["create_event"] -= 1


def _stranger(evidence: Evidence) -> None:
    evidence.core.jobs["c9"] = CoreJob(JobStatus.COMPLETED, 1)


def _unsure_unfinished(evidence: Evidence) -> None:
    evidence.core.jobs["c3"] = CoreJob(JobStatus.PROCESSING, 0)


def _paid_again(evidence: Evidence) -> None:
    evidence.bill.calls["c1"] += 1


def _entry_left(evidence: Evidence) -> None:
    evidence.redis.streams[0] = StreamState("llm:text_tag", 1, 0, 0)


def _pending_left(evidence: Evidence) -> None:
    evidence.redis.streams[0] = StreamState("llm:text_tag", 0, 1, 0)


def _key_left(evidence: Evidence) -> None:
    evidence.redis.keys.append("llm:outbox:text_tag")


def _letter_twice(evidence: Evidence) -> None:
    evidence.redis.dead_jobs.append("c2")


def _letter_missing(evidence: Evidence) -> None:
    evidence.redis.dead_jobs.clear()


def _told_twice(evidence: Evidence) -> None:
    evidence.redis.told["c1"] += 1


def _not_told(evidence: Evidence) -> None:
    del evidence.redis.told["c2"]


def _bug_logged(evidence: Evidence) -> None:
    evidence.oddities.append("worker-0: worker_bug")


BREAKS = {
    _lost: "not at their right end",
    _wrong_end: "not at their right end",
    _ended_twice: "done twice",
    _applied_twice: "done twice",
    _event_twice: "done twice",
    _effect_missing: "miss effects",
    _stranger: "nobody enqueued",
    _unsure_unfinished: "have begun and not ended",
    _paid_again: "paid for again",
    _entry_left: "still holds 1 entries",
    _pending_left: "1 pending",
    _key_left: "keys were left behind",
    _letter_twice: "too many",
    _letter_missing: "wrong about",
    _told_twice: "not told once: {'c1': 2}",
    _not_told: "not told once: {'c2': 0}",
    _bug_logged: "worker_bug",
}


def test_a_good_run_breaks_nothing() -> None:
    """An unconfirmed job may be absent, and a third call is fine with a refusal and an excuse."""
    assert broken(good(), KEYS) == []


def test_an_unconfirmed_job_may_have_a_letter() -> None:
    """Its entry may have arrived without its reply, and it may be one of the bad ones."""
    evidence = good()
    evidence.core.jobs["c3"] = CoreJob(JobStatus.FAILED, 1)
    evidence.redis.dead_jobs.append("c3")
    assert broken(evidence, KEYS) == []


@pytest.mark.parametrize(
    ("breaks", "said"),
    [pytest.param(breaks, said, id=breaks.__name__.strip("_")) for breaks, said in BREAKS.items()],
)
def test_each_broken_invariant_is_named(breaks: Callable[[Evidence], None], said: str) -> None:
    """One thing goes wrong, and one line says so."""
    evidence = good()
    breaks(evidence)
    assert said in "\n".join(broken(evidence, KEYS))
