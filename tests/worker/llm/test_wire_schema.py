"""wire_schema: the subset, the bounds, the same bytes."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import BaseModel, Field, StringConstraints

from worker.llm.wire_schema import wire_schema

Short = Annotated[str, StringConstraints(max_length=20, pattern=r"^[a-z]+$")]


class Colour(StrEnum):
    """Two words."""

    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """An inner object."""

    name: Short = "x"
    colour: Colour = Field(Colour.RED, title="The colour", description="never sent")


class Whole(BaseModel):
    """One of everything that is allowed."""

    parts: Annotated[list[Part], Field(min_length=1, max_length=3)]
    spare: Part | None = None
    kind: Literal["a", "b"]
    fixed: Literal["only"]
    when: datetime | date
    share: Annotated[float, Field(ge=0, le=1, multiple_of=0.5)]
    pair: tuple[int, Short]
    sure: bool = True


class Loop(BaseModel):
    """Refers to itself."""

    inner: "Loop | None" = None


class LooseText(BaseModel):
    """A string without a maximum."""

    text: str


class LooseList(BaseModel):
    """A list without a maximum, one level down."""

    outer: Annotated[list[list[int]], Field(max_length=2)]


class LooseKeys(BaseModel):
    """Any number of keys."""

    words: dict[str, int]


class Anything(BaseModel):
    """No type at all."""

    thing: Any


class PatternOnly(BaseModel):
    """A pattern may repeat for ever."""

    text: Annotated[str, StringConstraints(pattern="^a*$")]


def _nodes(schema: object) -> Iterator[dict[str, object]]:
    if isinstance(schema, dict):
        node = cast("dict[str, object]", schema)
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(schema, list):
        for value in cast("list[object]", schema):
            yield from _nodes(value)


def test_writes_exactly_the_subset() -> None:
    """References are inlined, decoration is gone, lengths win over patterns."""
    part = {
        "type": "object",
        "properties": {
            "name": {"maxLength": 20, "type": "string"},
            "colour": {"enum": ["red", "blue"], "type": "string"},
        },
        "required": ["name", "colour"],
        "additionalProperties": False,
    }
    assert wire_schema(Whole) == {
        "type": "object",
        "properties": {
            "parts": {"type": "array", "minItems": 1, "maxItems": 3, "items": part},
            "spare": {"anyOf": [part, {"type": "null"}]},
            "kind": {"enum": ["a", "b"], "type": "string"},
            "fixed": {"const": "only", "type": "string"},
            "when": {
                "anyOf": [
                    {"format": "date-time", "type": "string"},
                    {"format": "date", "type": "string"},
                ]
            },
            "share": {"maximum": 1, "minimum": 0, "type": "number"},
            "pair": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "prefixItems": [{"type": "integer"}, {"maxLength": 20, "type": "string"}],
                "items": False,
            },
            "sure": {"type": "boolean"},
        },
        "required": ["parts", "spare", "kind", "fixed", "when", "share", "pair", "sure"],
        "additionalProperties": False,
    }


def test_is_the_same_bytes_every_time() -> None:
    """Servers compile a grammar for each schema and keep it by its bytes."""
    assert json.dumps(wire_schema(Whole)) == json.dumps(wire_schema(Whole))


def test_every_string_and_list_is_bounded() -> None:
    """Nothing in the schema lets a babbling model go on."""
    for node in _nodes(wire_schema(Whole)):
        if node.get("type") == "array":
            assert "maxItems" in node
        if node.get("type") == "string":
            assert node.keys() & {"maxLength", "enum", "const", "format"}


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (LooseText, r"LooseText\.text: a string"),
        (PatternOnly, r"PatternOnly\.text: a string"),
        (LooseList, r"LooseList\.outer\[\]: a list"),
        (LooseKeys, r"LooseKeys\.words: any number of keys"),
        (Anything, r"Anything\.thing: anything"),
        (Loop, r"Loop\.inner.*itself"),
    ],
)
def test_unbounded_models_do_not_start(model: type[BaseModel], where: str) -> None:
    """The error names the field, when the program starts and not when a job runs."""
    with pytest.raises(ValueError, match=where):
        wire_schema(model)
