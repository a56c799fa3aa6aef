"""Schemas made plain."""

import pytest

from worker.embedded.model_schema import Schema, SchemaCheck, UnfitSchema, join, resolve, types


def test_reference_and_all_of_are_joined() -> None:
    """A reference is followed, `allOf` is joined, the narrower bound wins."""
    root: Schema = {"$defs": {"A/b": {"type": "integer", "minimum": 1, "maximum": 9}}}
    joined = resolve({"allOf": [{"$ref": "#/$defs/A~1b"}, {"minimum": 3}, {"maximum": 20}]}, root)
    assert joined == {"type": "integer", "minimum": 3, "maximum": 9}


@pytest.mark.parametrize("reference", ["#/$defs/Gone", "http://127.0.0.1:1/x", "#/$defs/Loop"])
def test_dead_references(reference: str) -> None:
    """A reference to nowhere, to elsewhere or to itself is an error; nothing is fetched."""
    root: Schema = {"$defs": {"Loop": {"$ref": "#/$defs/Loop"}}}
    with pytest.raises(UnfitSchema):
        resolve({"$ref": reference}, root)


def test_join_of_objects() -> None:
    """Properties and required names add up, closed stays closed."""
    first: Schema = {"properties": {"a": True}, "required": ["a"], "additionalProperties": False}
    second: Schema = {"properties": {"b": True}, "required": ["b"], "additionalProperties": True}
    assert join(first, second) == {
        "properties": {"a": True, "b": True},
        "required": ["a", "b"],
        "additionalProperties": False,
    }


def test_types_that_are_only_implied() -> None:
    """Keywords tell the type where it is not named."""
    assert types({"properties": {}}) == ["object"]
    assert types({"items": {}}) == ["array"]
    assert types({"maxLength": 3}) == ["string"]
    assert types({"type": ["string", "null"]}) == ["string", "null"]
    assert types({}) == []


def test_no_schema_at_all() -> None:
    """What is no JSON Schema is told so."""
    with pytest.raises(UnfitSchema, match="not a JSON Schema"):
        SchemaCheck({"type": "bogus"})
