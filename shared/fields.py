"""What payloads, results and Core's bodies are made of.

Lengths are bounded everywhere: what has no bound is somebody's outage.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _no_dot_segment(value: str) -> str:
    if value in {".", ".."}:  # in a path these would name another record
        raise ValueError("'.' and '..' are no ids")
    return value


RecordId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^/?#\s]+$"),
    AfterValidator(_no_dot_segment),
]
"""An id as it stands in Core's paths: no separator, no white space."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Vocabulary = Annotated[tuple[Tag, ...], Field(min_length=1, max_length=500)]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
PageNumber = Annotated[int, Field(ge=1, le=100_000)]
Confidence = Annotated[float, Field(ge=0, le=1)]


class Wire(BaseModel):
    """What travels between services: immutable, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
