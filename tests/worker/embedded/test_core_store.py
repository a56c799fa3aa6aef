"""The reference Core's records."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from shared import (
    EventCreate,
    JobEntry,
    JobStatus,
    JobType,
    LLMJobUpdate,
    TagsAddRequest,
    TagStatus,
    TaskState,
)
from worker.embedded.core_database import open_database
from worker.embedded.core_ledger import Call, Refused
from worker.embedded.core_store import CoreStore, Verdict, judge

QUEUED, PROCESSING = JobStatus.QUEUED, JobStatus.PROCESSING
COMPLETED, FAILED = JobStatus.COMPLETED, JobStatus.FAILED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CoreStore]:
    """A seeded store."""
    with closing(open_database(tmp_path / "core.sqlite3")) as connection:
        yield CoreStore(connection)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[CoreStore]:
    """A store that makes nothing on the side."""
    with closing(open_database(tmp_path / "strict.sqlite3")) as connection:
        yield CoreStore(connection, strict=True)


@pytest.mark.parametrize(
    ("current", "wanted", "verdict"),
    [
        (QUEUED, PROCESSING, Verdict.APPLY),
        (QUEUED, COMPLETED, Verdict.APPLY),
        (PROCESSING, PROCESSING, Verdict.APPLY),
        (PROCESSING, FAILED, Verdict.APPLY),
        (COMPLETED, PROCESSING, Verdict.IGNORE),
        (FAILED, PROCESSING, Verdict.IGNORE),
        (FAILED, COMPLETED, Verdict.APPLY),
        (FAILED, FAILED, Verdict.APPLY),
        (COMPLETED, COMPLETED, Verdict.CONFLICT),
        (COMPLETED, FAILED, Verdict.CONFLICT),
    ],
)
def test_judge(current: JobStatus, wanted: JobStatus, verdict: Verdict) -> None:
    """Every step a job may be asked to make has one answer."""
    assert judge(current, wanted) is verdict


def test_an_update_makes_an_unknown_job(store: CoreStore) -> None:
    """A job that was only XADDed shows up with its first update."""
    store.update_job("j1", LLMJobUpdate(status=COMPLETED, result={"tags": ["ferry"]}))
    job = store.job("j1")
    assert (job["status"], job["result"], job["final_count"]) == (
        "completed",
        {"tags": ["ferry"]},
        1,
    )
    assert job["job_type"] is None


def test_a_failed_job_may_end_again(store: CoreStore) -> None:
    """A replayed dead letter completes, its old error goes, and both ends are counted."""
    store.update_job("j1", LLMJobUpdate(status=FAILED, error_message="too tired"))
    store.update_job("j1", LLMJobUpdate(status=PROCESSING))
    assert store.job("j1")["error_message"] == "too tired"
    store.update_job("j1", LLMJobUpdate(status=COMPLETED, result={}))
    job = store.job("j1")
    assert (job["status"], job["error_message"], job["final_count"]) == ("completed", None, 2)


def test_strict_makes_nothing(strict: CoreStore) -> None:
    """Neither a job nor a memory appears for being named."""
    with pytest.raises(Refused, match="no job 'j1'"):
        strict.update_job("j1", LLMJobUpdate(status=PROCESSING))
    with pytest.raises(Refused, match="no memory 'm99'"):
        strict.add_tags("m99", TagsAddRequest(tags=["sea"]))
    assert strict.jobs(None, 10) == []


def test_a_job_is_withdrawn_only_while_it_is_queued(store: CoreStore) -> None:
    """A job some worker has reported about was published, whatever Redis said."""
    call = Call("k", "POST", "/llm_jobs")
    for job_id in ("j1", "j2"):
        store.create_job(JobType.FOLLOWUP, JobEntry(job_id, {"message": "?"}))
    store.update_job("j2", LLMJobUpdate(status=PROCESSING))
    assert store.withdraw_job("j1", call)
    assert not store.withdraw_job("j2", call)
    assert [job["job_id"] for job in store.jobs(None, 10)] == ["j2"]


def test_jobs_newest_first_by_status(store: CoreStore) -> None:
    """The list can be narrowed to a status and a number."""
    for job_id in ("j1", "j2", "j3"):
        store.create_job(JobType.FOLLOWUP, JobEntry(job_id, {"message": "?"}))
    store.update_job("j2", LLMJobUpdate(status=COMPLETED))
    assert [job["job_id"] for job in store.jobs(QUEUED, 10)] == ["j3", "j1"]
    assert [job["job_id"] for job in store.jobs(None, 1)] == ["j3"]
    assert store.jobs(QUEUED, 1)[0]["payload"] == {"message": "?"}


def test_a_tag_is_there_once(store: CoreStore) -> None:
    """Repeats and other spellings add nothing, and what was confirmed is not doubted again."""
    store.add_tags("m1", TagsAddRequest(tags=["Ferry", "naxos"]))
    store.add_tags("m1", TagsAddRequest(tags=["naxos"], status=TagStatus.CONFIRMED))
    store.add_tags("m1", TagsAddRequest(tags=["ferry", "naxos", "june"]))
    assert store.memory("m1")["tags"] == [
        {"tag": "Ferry", "status": "suggested"},
        {"tag": "naxos", "status": "confirmed"},
        {"tag": "june", "status": "suggested"},
    ]


def test_tags_make_an_unknown_memory(store: CoreStore) -> None:
    """A memory nobody has seen exists once it is tagged."""
    store.add_tags("m99", TagsAddRequest(tags=["sea"]))
    assert store.memory("m99")["content"] is None


def test_events_of_one_owner(store: CoreStore) -> None:
    """Events are listed as they came, for one owner or for all."""
    for owner in (42, 7, 42):
        event = EventCreate(owner_user_id=owner, event_time=date(2026, 6, 1), description="Ferry")
        store.create_event(event)
    assert [event["id"] for event in store.events(42, 10)] == ["e1", "e3"]
    assert len(store.events(None, 10)) == 3
    assert store.events(7, 10)[0]["event_time"] == "2026-06-01"


def test_open_tasks(store: CoreStore) -> None:
    """Done tasks are left out when open ones are asked for."""
    everything = store.tasks(42, None)
    still_open = store.tasks(42, TaskState.NOT_DONE)
    assert "Book the ferry to Naxos" in [task.description for task in still_open]
    assert len(still_open) == len(everything) - 1
