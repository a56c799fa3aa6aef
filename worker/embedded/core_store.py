"""The reference Core's records: jobs, memories, events, tasks.

The methods that change something are run inside `Ledger.once`; they open no transaction.
"""

import json
import sqlite3
from enum import Enum
from typing import Any

from shared import (
    EventCreate,
    JobEntry,
    JobStatus,
    JobType,
    LLMJobUpdate,
    TagsAddRequest,
    TagStatus,
    TaskResponse,
    TaskState,
)
from worker.embedded.core_database import transaction
from worker.embedded.core_ledger import Call, Change, Ledger, Refused, to_json

Record = dict[str, Any]
CREATE_JOB = "create_job"


class Verdict(Enum):
    """What becomes of a job update."""

    APPLY = "apply"
    IGNORE = "ignore"
    CONFLICT = "conflict"


def judge(current: JobStatus, wanted: JobStatus) -> Verdict:
    """Whether a job may go from one status to another.

    A late `processing` says nothing new. `failed` is final for the worker but not for Core: a
    dead letter may be replayed, and its second end counts. `completed` is the end.
    """
    if current.is_final and not wanted.is_final:
        return Verdict.IGNORE
    return Verdict.CONFLICT if current is JobStatus.COMPLETED else Verdict.APPLY


class CoreStore:
    """Reads and changes records.

    `strict` refuses what names a job or a memory that is not there, instead of making it.
    """

    def __init__(self, connection: sqlite3.Connection, *, strict: bool = False) -> None:
        self._db = connection
        self._strict = strict
        self.ledger = Ledger(connection)

    # ---------------------------------------------------------------------------- jobs

    def create_job(self, job_type: JobType, entry: JobEntry) -> Change:
        """Add a queued job.

        Raises:
            Refused: 409, there is a job of this id.
        """
        if self._job_row(entry.job_id) is not None:
            raise Refused(409, f"there is a job {entry.job_id!r} already")
        self._db.execute(
            "INSERT INTO llm_jobs (job_id, job_type, user_id, payload, status) "
            "VALUES (?, ?, ?, ?, ?)",
            (entry.job_id, job_type, entry.user_id, to_json(entry.payload), JobStatus.QUEUED),
        )
        return Change(self.job(entry.job_id), CREATE_JOB)

    def withdraw_job(self, job_id: str, call: Call) -> bool:
        """Undo `create_job`, in a transaction of its own.

        Returns:
            Whether it is undone; False when a worker has the job, so it was published after all.
        """
        with transaction(self._db):
            deleted = self._db.execute(
                "DELETE FROM llm_jobs WHERE job_id = ? AND status = ?", (job_id, JobStatus.QUEUED)
            ).rowcount
            if deleted:
                self.ledger.forget(call, CREATE_JOB)
        return bool(deleted)

    def update_job(self, job_id: str, update: LLMJobUpdate) -> Change:
        """Take a worker's word about a job; one never seen is made, as a plain XADD needs.

        Raises:
            Refused: 404, not there and Core is strict; 409, it is completed already.
        """
        row = self._job_row(job_id)
        if row is None:
            if self._strict:
                raise Refused(404, f"there is no job {job_id!r}")
            self._db.execute(
                "INSERT INTO llm_jobs (job_id, status) VALUES (?, ?)", (job_id, JobStatus.QUEUED)
            )
        current = JobStatus.QUEUED if row is None else JobStatus(row["status"])
        verdict = judge(current, update.status)
        if verdict is Verdict.CONFLICT:
            raise Refused(409, f"job {job_id!r} is completed already")
        if verdict is Verdict.IGNORE:
            return Change(self.job(job_id))
        result = None if update.result is None else to_json(update.result)
        self._db.execute(
            "UPDATE llm_jobs SET status = ?, result = ?, error_message = ?, "
            "final_count = final_count + ? WHERE job_id = ?",
            (update.status, result, update.error_message, update.status.is_final, job_id),
        )
        return Change(self.job(job_id), f"job_{update.status}")

    def job(self, job_id: str) -> Record:
        """One job.

        Raises:
            Refused: 404.
        """
        row = self._job_row(job_id)
        if row is None:
            raise Refused(404, f"there is no job {job_id!r}")
        return _job_record(row)

    def jobs(self, status: JobStatus | None, limit: int) -> list[Record]:
        """Jobs, newest first."""
        rows = self._db.execute(
            "SELECT * FROM llm_jobs WHERE ?1 IS NULL OR status = ?1 ORDER BY rowid DESC LIMIT ?2",
            (status, limit),
        )
        return [_job_record(row) for row in rows]

    def _job_row(self, job_id: str) -> Any:
        return self._db.execute("SELECT * FROM llm_jobs WHERE job_id = ?", (job_id,)).fetchone()

    # ------------------------------------------------------------------------ memories

    def add_tags(self, memory_id: str, request: TagsAddRequest) -> Change:
        """Add tags to a memory, each once; a confirmed tag stays confirmed.

        Raises:
            Refused: 404, no such memory and Core is strict.
        """
        if not self._strict:
            self._db.execute("INSERT OR IGNORE INTO memories (id) VALUES (?)", (memory_id,))
        self.memory(memory_id)
        self._db.executemany(
            "INSERT INTO memory_tags (memory_id, tag, status) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET status = excluded.status WHERE excluded.status = ?",
            [(memory_id, tag, request.status, TagStatus.CONFIRMED) for tag in request.tags],
        )
        return Change(self.memory(memory_id), "add_tags")

    def memory(self, memory_id: str) -> Record:
        """One memory with its tags, in the order they came.

        Raises:
            Refused: 404.
        """
        row = self._db.execute("SELECT * FROM memories WHERE id = ?", (memory_id,)).fetchone()
        if row is None:
            raise Refused(404, f"there is no memory {memory_id!r}")
        tags = self._db.execute(
            "SELECT tag, status FROM memory_tags WHERE memory_id = ? ORDER BY rowid", (memory_id,)
        )
        return dict(row) | {"tags": [dict(tag) for tag in tags]}

    # -------------------------------------------------------------- events, tasks, users

    def create_event(self, event: EventCreate) -> Change:
        """Add an event."""
        fields = event.model_dump(mode="json")
        number = self._db.execute(
            "INSERT INTO events (owner_user_id, event_time, description, source_type) VALUES "
            "(:owner_user_id, :event_time, :description, :source_type)",
            fields,
        ).lastrowid
        return Change({"id": f"e{number}"} | fields, "create_event")

    def events(self, owner_user_id: int | None, limit: int) -> list[Record]:
        """Events, oldest first; of everybody when no owner is given."""
        rows = self._db.execute(
            "SELECT 'e' || number AS id, owner_user_id, event_time, description, source_type, "
            "created_at FROM events WHERE ?1 IS NULL OR owner_user_id = ?1 "
            "ORDER BY number LIMIT ?2",
            (owner_user_id, limit),
        )
        return [dict(row) for row in rows]

    def tasks(self, owner_user_id: int, state: TaskState | None) -> list[TaskResponse]:
        """A user's tasks; in every state when none is given."""
        rows = self._db.execute(
            "SELECT * FROM tasks WHERE owner_user_id = ?1 AND (?2 IS NULL OR state = ?2) "
            "ORDER BY rowid",
            (owner_user_id, state),
        )
        return [TaskResponse.model_validate(dict(row)) for row in rows]

    def users(self) -> list[Record]:
        """Everybody Core knows."""
        return [dict(row) for row in self._db.execute("SELECT * FROM users ORDER BY id")]

    def stats(self) -> Record:
        """What has happened in this database so far."""
        statuses = self._db.execute("SELECT status, count(*) FROM llm_jobs GROUP BY status")
        return {
            "replays": self.ledger.replays(),
            "effects_applied": self.ledger.effects(),
            "jobs": {str(status): int(count) for status, count in statuses},
        }


def _job_record(row: sqlite3.Row) -> Record:
    record: Record = dict(row)
    for name in ("payload", "result"):
        if record[name] is not None:
            record[name] = json.loads(record[name])
    return record
