"""The account of a game day's jobs: what was enqueued, and what has become of it. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from shared.enums import JobStatus

Effects = Counter[str]
"""How often which effect is applied in Core, by its kind: `job_completed`, `add_tags` …"""


@dataclass(slots=True)
class Enqueued:
    """What the feed knows.

    Attributes:
        jobs: by id, what Redis has confirmed, with the effects that each has to have.
        unsure: the same of jobs whose XADD got no answer: perhaps they are there, perhaps not.
        refused: how many Redis has refused for certain.
    """

    jobs: dict[str, Effects] = field(default_factory=dict[str, Effects])
    unsure: dict[str, Effects] = field(default_factory=dict[str, Effects])
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """What is written in Core and in Redis, by job id.

    Attributes:
        statuses: how each job stands in Core.
        effects: what was applied for it there.
        left: jobs that are still in a stream.
        letters: jobs that are dead letters.
    """

    statuses: Mapping[str, JobStatus]
    effects: Mapping[str, Effects]
    left: Collection[str]
    letters: Collection[str]


@dataclass(frozen=True, slots=True)
class Account:
    """How it adds up.

    Attributes:
        enqueued: what Redis took.
        not_taken: what it did not take, as far as anybody knows.
        dead: jobs that could never succeed and ended as dead letters.
        wrongly_dead: jobs that could have succeeded, and are dead.
        left: jobs that are still in a stream.
        lost: jobs that are nowhere, or have not had all their effects.
        twice: jobs of which something was applied more often than it should.
    """

    enqueued: int
    not_taken: int
    done: int
    dead: int
    wrongly_dead: tuple[str, ...]
    left: tuple[str, ...]
    lost: tuple[str, ...]
    twice: tuple[str, ...]

    @property
    def balances(self) -> bool:
        """Whether every job came to its one right end."""
        return not (self.wrongly_dead or self.left or self.lost or self.twice)


def cast_up(enqueued: Enqueued, books: Books) -> Account:
    """Hold what is written against what was enqueued."""
    known = books.statuses.keys() | set(books.left) | set(books.letters)
    arrived = {job: wanted for job, wanted in enqueued.unsure.items() if job in known}
    jobs = enqueued.jobs | arrived
    ended = {job: books.statuses[job] for job in jobs if job in books.statuses}
    right = {job for job, status in ended.items() if status is _right_end(jobs[job])}
    dead = {job for job, status in ended.items() if status is JobStatus.FAILED}
    return Account(
        enqueued=len(jobs),
        not_taken=enqueued.refused + len(enqueued.unsure) - len(arrived),
        done=len(right - dead),
        dead=len(right & dead),
        wrongly_dead=tuple(sorted((dead | (set(books.letters) & jobs.keys())) - _bad(jobs))),
        left=tuple(sorted(books.left)),
        lost=tuple(sorted(_lost(jobs, right | dead, books))),
        twice=tuple(sorted(_twice(jobs, books))),
    )


def _right_end(wanted: Effects) -> JobStatus:
    return JobStatus.COMPLETED if wanted["job_completed"] else JobStatus.FAILED


def _bad(jobs: Mapping[str, Effects]) -> set[str]:
    return {job for job, wanted in jobs.items() if _right_end(wanted) is JobStatus.FAILED}


def _lost(jobs: Mapping[str, Effects], ended: Collection[str], books: Books) -> Iterator[str]:
    for job, wanted in jobs.items():
        if job in books.left:
            continue
        is_whole = wanted <= books.effects.get(job, Effects())
        if job not in ended or (books.statuses[job] is JobStatus.COMPLETED and not is_whole):
            yield job


def _twice(jobs: Mapping[str, Effects], books: Books) -> Iterator[str]:
    for job, wanted in jobs.items():
        extra = books.effects.get(job, Effects()) - wanted
        del extra["job_failed"]  # a dead letter may be replayed, and then ends once more
        if extra:
            yield job
