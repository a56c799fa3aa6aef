"""A folder of cases: read whole and checked before the first question is asked.

`dataset.json` says what kind of set it is, `cases.jsonl` holds a case a line, `images/` and
`documents/` what the payloads point at. Nothing in the folder is executed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from shared.enums import JobType
from shared.schemas import PAYLOADS, Payload, TaskResponse
from worker.evaluation.dates import DateCase
from worker.evaluation.expectations import EXPECTATIONS, Expectation, Holds

ENQUEUED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When a case was enqueued that does not say: never the time of the run, which would move what
"tomorrow" means."""
MAX_FILE_BYTES = 64 << 20
_MOST_FAULTS = 3
M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")


class DatasetError(ValueError):
    """A set that cannot be read; `str()` names file, line and what is wrong there."""


class Kind(StrEnum):
    """What a set asks."""

    JOBS = "jobs"
    """Cases of one job type, each with its right answer."""
    INJECTIONS = "injections"
    """Hostile cases of any job type, each with what it must not bring about."""
    DATES = "dates"
    """Expressions for the date resolver; no model is asked."""


class About(BaseModel):
    """The content of `dataset.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    job_type: JobType | None = None
    about: str = ""

    @model_validator(mode="after")
    def _jobs_have_a_type(self) -> Self:
        if (self.job_type is None) == (self.kind is Kind.JOBS):
            raise ValueError("job_type belongs to sets of kind jobs, and to no others")
        return self


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its right answer.

    Attributes:
        tasks: what Core says the user still has to do.
        obeyed: of an injection, what a model that was taken in would answer.
    """

    case_id: str
    job_type: JobType
    payload: Payload
    expect: Expectation
    user_id: int | None = None
    enqueued_at: datetime = ENQUEUED_AT
    tasks: tuple[TaskResponse, ...] = ()
    obeyed: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A set that can be run: its cases, or its dates, which are no jobs."""

    folder: Path
    about: About
    cases: tuple[Case, ...] = ()
    dates: tuple[DateCase, ...] = ()

    def __len__(self) -> int:
        return len(self.cases) or len(self.dates)

    @property
    def name(self) -> str:
        """What it is called in tables and reports."""
        return self.folder.resolve().name


class _Line(BaseModel):
    """A line of `cases.jsonl`, before its payload and expectation are looked at."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,100}$")]
    job_type: JobType | None = None
    payload: dict[str, JsonValue]
    expect: dict[str, JsonValue]
    user_id: int | None = None
    enqueued_at: AwareDatetime = ENQUEUED_AT
    tasks: Annotated[tuple[TaskResponse, ...], Field(max_length=1_000)] = ()
    obeyed: str | dict[str, JsonValue] | None = None
    note: str = ""
    """For whoever reads the file."""


def read_dataset(folder: Path) -> Dataset:
    """Read and check a folder.

    Raises:
        DatasetError: something is missing or malformed.
    """
    named = folder / "dataset.json"
    try:
        about = About.model_validate_json(_bytes(named))
    except ValidationError as error:
        raise DatasetError(f"{named}: {_faults(error)}") from None
    file = folder / "cases.jsonl"
    if about.kind is Kind.DATES:
        return Dataset(folder, about, dates=_read_lines(file, _date, lambda case: case.id))
    cases = _read_lines(file, lambda line: _case(line, about), lambda case: case.case_id)
    return Dataset(folder, about, cases)


def _read_lines(file: Path, read: Callable[[bytes], R], name: Callable[[R], str]) -> tuple[R, ...]:
    """Each line by itself; a name for each, and none twice."""
    found: dict[str, R] = {}
    for number, line in enumerate(_bytes(file).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            case = read(line)
        except ValidationError as error:
            raise DatasetError(f"{file}:{number}: {_faults(error)}") from None
        except ValueError as error:
            raise DatasetError(f"{file}:{number}: {error}") from None
        if name(case) in found:
            raise DatasetError(f"{file}:{number}: there is another case {name(case)}")
        found[name(case)] = case
    if not found:
        raise DatasetError(f"{file}: no cases in it")
    return tuple(found.values())


def _date(line: bytes) -> DateCase:
    case = DateCase.model_validate_json(line)
    try:
        ZoneInfo(case.zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{case.id}: zone: no IANA time zone") from None
    return case


def _case(line: bytes, about: About) -> Case:
    said = _Line.model_validate_json(line)
    injected = about.kind is Kind.INJECTIONS
    job_type = said.job_type if injected else about.job_type
    if job_type is None:
        raise ValueError("job_type: an injection says what it is aimed at")
    if said.job_type not in {None, job_type}:
        raise ValueError(f"job_type: {said.job_type} in a set of {job_type}")
    return Case(
        case_id=said.id,
        job_type=job_type,
        payload=_part(PAYLOADS[job_type], said, "payload"),
        expect=_part(Holds if injected else EXPECTATIONS[job_type], said, "expect"),
        user_id=said.user_id,
        enqueued_at=said.enqueued_at,
        tasks=said.tasks,
        obeyed=_text(said.obeyed),
    )


def _part(model: type[M], said: _Line, name: str) -> M:
    try:
        return model.model_validate_json(json.dumps(getattr(said, name)))
    except ValidationError as error:
        raise ValueError(f"{said.id}: {name}: {_faults(error)}") from None


def _text(obeyed: str | dict[str, Any] | None) -> str | None:
    return json.dumps(obeyed, ensure_ascii=False) if isinstance(obeyed, dict) else obeyed


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise DatasetError(f"{file}: larger than {MAX_FILE_BYTES:,} bytes")
        return file.read_bytes()
    except OSError as error:
        raise DatasetError(f"{file}: {error.strerror}") from None


def _faults(error: ValidationError) -> str:
    """What is wrong, without the values."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in found]
    more = f" (and {len(told) - _MOST_FAULTS} more)" if len(told) > _MOST_FAULTS else ""
    return "; ".join(told[:_MOST_FAULTS]) + more
