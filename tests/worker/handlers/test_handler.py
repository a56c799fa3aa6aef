"""The registry is whole; and the bench that the tests of the single handlers stand on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.enums import JobType
from shared.schemas import PAYLOADS, RESULTS, TaskResponse
from worker.handlers import ALL_HANDLERS, HANDLERS
from worker.handlers.handler import Tools
from worker.llm.chat import ModelRole, PreparedImage, ScriptedLLM, Usage
from worker.llm.structured import Asker
from worker.workshop import NoDocuments

ENQUEUED_AT = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
PICTURE = PreparedImage(b"\xff\xd8", "image/jpeg", 2, 1)


@dataclass
class FixedCore:
    """A Core that knows these tasks, and remembers who was asked for."""

    tasks: Sequence[TaskResponse] = ()
    users: list[int] = field(default_factory=list[int])

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """The same tasks for everybody."""
        self.users.append(user_id)
        return list(self.tasks)


@dataclass
class FixedImages:
    """An image folder that has one picture, or one complaint, for every path."""

    found: PreparedImage | Exception = PICTURE
    paths: list[str] = field(default_factory=list[str])

    async def load(self, path: str) -> PreparedImage:
        """The picture."""
        self.paths.append(path)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@dataclass
class Bench:
    """A handler's tools over a scripted model, with everything in reach that a test looks at."""

    llm: ScriptedLLM
    core: FixedCore = field(default_factory=FixedCore)
    images: FixedImages = field(default_factory=FixedImages)
    user_id: int | None = 42

    @property
    def tools(self) -> Tools:
        """What the handler gets."""
        ask = Asker(llm=self.llm, usage=Usage(), request_id="t")
        return Tools(ask, self.core, self.images, NoDocuments(), self.user_id, ENQUEUED_AT)

    @property
    def said(self) -> str:
        """The user part of the last prompt."""
        return self.llm.requests[-1].prompt.user


def bench(*answers: dict[str, Any]) -> Bench:
    """A bench whose model gives these answers, one a call."""
    return Bench(ScriptedLLM([json.dumps(answer) for answer in answers]))


def test_every_job_type_is_whole() -> None:
    """A job type has its payload, its result and its handler, each exactly once."""
    for table in (PAYLOADS, RESULTS, HANDLERS):
        assert set(table) == set(JobType)
        assert len(set(map(id, table.values()))) == len(JobType)
    assert len(ALL_HANDLERS) == len(JobType)


@pytest.mark.parametrize("job_type", JobType)
def test_handler_takes_the_payload_of_its_type(job_type: JobType) -> None:
    """A handler stands under its own job type and reads that type's payload."""
    handler = HANDLERS[job_type]
    assert handler.job_type is job_type
    assert handler.payload is PAYLOADS[job_type]


@pytest.mark.parametrize("job_type", JobType)
def test_handler_lives_in_a_module_of_its_name(job_type: JobType) -> None:
    """Whoever looks for a job type finds it by its file's name."""
    assert HANDLERS[job_type].run.__module__ == f"worker.handlers.{job_type}"


def test_who_looks_needs_the_model_that_sees() -> None:
    """The start looks for the models that the enabled job types ask, and no other."""
    seeing = {name for name, handler in HANDLERS.items() if handler.role is ModelRole.VISION}
    assert seeing == {JobType.IMAGE_TAG, JobType.DOCUMENT}
