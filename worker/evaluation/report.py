"""What a run came to, as it is kept in a file: everything but secrets."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.enums import JobType
from worker.evaluation.dataset import Kind
from worker.evaluation.metrics import METRICS, Metric
from worker.evaluation.scoring import Mark, Share

SCHEMA = 1
"""The version of this file's format; a reader refuses those it does not know."""


class ReportError(ValueError):
    """A report that cannot be read; `str()` names the file and says why."""


class Kept(BaseModel):
    """Part of a report: immutable, and newer fields are no hindrance."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CaseError(Kept):
    """Why a case has no result."""

    cause: str
    """A word of `worker.llm.causes`, the dead letter's reason, or `bug`."""
    message: str
    raw_answer: str = ""
    """What the model said, where that was what could not be used."""


class Spent(Kept):
    """What a case has cost; `seconds` on the clock of the wall."""

    seconds: float = 0.0
    calls: int = 0
    reasks: int = 0
    repaired: int = 0
    dropped: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0


class CaseOutcome(Kept):
    """One case, run once.

    `score` is the set's figure for this case alone.
    """

    id: str
    run: int = 1
    valid: bool
    """Whether a result came."""
    score: float
    hits: int
    found: int
    wanted: int
    also: Mapping[str, Share] = {}
    expected: JsonValue
    answer: JsonValue = None
    error: CaseError | None = None
    spent: Spent = Spent()

    @property
    def mark(self) -> Mark:
        """Its counts."""
        return Mark(self.hits, self.found, self.wanted, self.also)


class SetReport(Kept):
    """What came of one set."""

    name: str
    kind: Kind
    job_type: JobType | None
    metric: str = Field(pattern=f"^({'|'.join(METRICS)})$")
    cases_there: int
    """How many there are; fewer were run when the run was limited or stopped."""
    prompts: tuple[str, ...] = ()
    """The wordings that were used, such as `text_tag/3`."""
    models: tuple[str, ...] = ()
    """Who answered, as `provider/model`."""
    cases: tuple[CaseOutcome, ...]

    @property
    def figure(self) -> Metric:
        """How it is scored."""
        return METRICS[self.metric]


class RunSettings(Kept):
    """What has a bearing on the answers."""

    provider: str
    servers: tuple[str, ...]
    text_model: str
    vision_model: str
    structure: str
    fallbacks: tuple[str, ...]
    timeout_s: float
    vision_timeout_s: float
    concurrency: int
    attempts: int
    repeat: int
    limit: int | None


class Report(Kept):
    """A run."""

    schema_version: Literal[1] = SCHEMA
    made_at: datetime
    stopped: str = ""
    """Why it ended before its end; empty when it did not."""
    settings: RunSettings
    sets: tuple[SetReport, ...]


def write_report(report: Report, file: Path) -> None:
    """Write it whole or not at all.

    Raises:
        OSError: it cannot be written there.
    """
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def read_report(file: Path) -> Report:
    """Read a report.

    Raises:
        ReportError: there is none, or of another version.
    """
    try:
        raw = file.read_bytes()
        version = _version(raw)
        if version != SCHEMA:
            raise ReportError(f"{file}: a report of version {version!r}; this reads {SCHEMA}")
        return Report.model_validate_json(raw)
    except OSError as error:
        raise ReportError(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        [first, *_] = error.errors(include_url=False, include_input=False)
        where = ".".join(map(str, first["loc"]))
        raise ReportError(f"{file}: no report: {where}: {first['msg']}") from None


def _version(raw: bytes) -> object:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", found).get("schema_version") if type(found) is dict else None
