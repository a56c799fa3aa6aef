"""The date resolver on a set of expressions, without any model."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from worker.dates import SaidMoment, resolve

CASES = "cases.jsonl"


class SaidFields(BaseModel):
    """What a model says of one event's time."""

    model_config = ConfigDict(extra="forbid")

    quote: str
    local_date: str | None
    local_time: str | None
    weekday: str | None
    zone: str | None


class DateCase(BaseModel):
    """One line of `cases.jsonl`."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(min_length=1)]
    sent: AwareDatetime
    zone: str
    """The reader's zone, an IANA name."""
    said: SaidFields
    expect: str | None
    """RFC 3339 with its offset, `YYYY-MM-DD` for a whole day, or null for no moment."""


@dataclass(frozen=True, slots=True)
class WrongDate:
    """A case that came out otherwise; None stands for no moment."""

    id: str
    expected: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class DateScore:
    """How many cases of a set are right."""

    right: int
    total: int
    wrong: tuple[WrongDate, ...]

    @property
    def share(self) -> float:
        """From 0 to 1; of an empty set 0."""
        return self.right / self.total if self.total else 0.0


def load_cases(folder: Path) -> list[DateCase]:
    """The cases of a set.

    Raises:
        OSError: there is no such file.
        pydantic.ValidationError: a line is no case.
    """
    lines = (folder / CASES).read_text(encoding="utf-8").splitlines()
    return [DateCase.model_validate_json(line) for line in lines if line.strip()]


def score(folder: Path) -> DateScore:
    """Resolve every case of a set. Raises what `load_cases` raises."""
    cases = load_cases(folder)
    wrong = tuple(
        WrongDate(case.id, case.expect, found)
        for case in cases
        if (found := _written(resolve_case(case))) != case.expect
    )
    return DateScore(len(cases) - len(wrong), len(cases), wrong)


def resolve_case(case: DateCase) -> datetime | date | None:
    """What the resolver makes of a case."""
    fields = case.said
    said = SaidMoment(
        day=fields.local_date,
        time=fields.local_time,
        weekday=fields.weekday,
        zone=fields.zone,
        quote=fields.quote,
    )
    return resolve(said, ZoneInfo(case.zone), case.sent)


def _written(moment: datetime | date | None) -> str | None:
    return None if moment is None else moment.isoformat()
