"""CallerSchema: hostile and broken schemas cost nothing, honest ones check answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from shared.enums import FailureReason
from worker.errors import Reject
from worker.llm.caller_schema import MAX_SCHEMA_CHARS, CallerSchema

Schema = dict[str, JsonValue]

PERSON: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0},
        "role": {"enum": ["guest", "host"]},
        "friend": {"$ref": "#"},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def _fan(start: Schema) -> Schema:
    levels: Schema = {"d40": {}}
    for level in range(40):
        following: JsonValue = {"$ref": f"#/$defs/d{level + 1}"}
        levels[f"d{level}"] = {"allOf": [following, following]}
    return {"$defs": levels, **start}


def _deep() -> Schema:
    schema: Schema = {}
    for _ in range(3_000):
        schema = {"not": schema}
    return schema


def test_reads_a_fitting_answer() -> None:
    """A value that fits comes back as it is, also through a reference to the schema itself."""
    text = '{"name": "Ada", "age": 36, "friend": {"name": "Bob"}}'
    assert CallerSchema(PERSON).parse(text) == {
        "name": "Ada",
        "age": 36,
        "friend": {"name": "Bob"},
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"age": 1}', r"\$: 'name' is a required property"),
        ('{"name": 7}', r"\$\.name: breaks type string"),
        ('{"name": "secret", "age": -1}', r"\$\.age: breaks minimum 0"),
        ('{"name": "secret", "role": "secret"}', r"\$\.role: breaks enum$"),
        ('{"name": "secret", "secret": 1}', r"\$: breaks additionalProperties"),
        ('{"name": "secret secret secret!"}', r"\$\.name: breaks maxLength 20"),
        ('{"name": "x", "age": 1e999}', "Out of range"),
        ("{", "EOF"),
        ('{"friend":' * 190 + "{}" + "}" * 190, "required"),
    ],
)
def test_says_which_rule_is_broken_and_not_by_what(text: str, line: str) -> None:
    """The message may go to the log, so the answer's own words are not in it."""
    with pytest.raises(ValueError, match=line) as caught:
        CallerSchema(PERSON).parse(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "objekt"}, r"\$\.type: 'objekt'"),
        ({"properties": []}, r"\$\.properties"),
        ({"properties": {"x": {"pattern": "("}}}, "regex"),
        ({"type": "string"}, "root"),
        ({"type": ["null", "integer"]}, "root"),
        ({"$ref": "https://127.0.0.1:1/schema"}, "points outside"),
        ({"properties": {"x": {"$ref": "file:///etc/passwd"}}}, "points outside"),
        ({"properties": {"x": {"$ref": "#/$defs/gone"}}}, "leads nowhere"),
        ({"$ref": "#"}, "without end"),
        ({"properties": {"x": {"$ref": "#/properties/x"}}}, "without end"),
        (_fan({"$ref": "#/$defs/d0"}), "too long to check"),
        (_fan({"properties": {"x": {"$ref": "#/$defs/d0"}}}), "too long to check"),
        (_deep(), "recursion"),
        ({"description": "x" * MAX_SCHEMA_CHARS}, "longer than"),
        ({"minimum": float("nan")}, "Out of range"),
    ],
)
def test_refuses_schemas_before_they_cost_anything(schema: Schema, why: str) -> None:
    """What cannot work is rejected with a reason, without a fetch, a hang or a model call."""
    with pytest.raises(Reject, match=why) as caught:
        CallerSchema(schema)
    assert caught.value.reason is FailureReason.INVALID_PAYLOAD


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": ["object", "null"]},
        {"type": "array", "items": {"type": "integer"}},
        {"const": {"$ref": "https://127.0.0.1:1/only-data"}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        {"$schema": "https://example.com/unknown", "type": "object"},
        {"properties": {"$ref": {"type": "string"}}},
        {
            "properties": {"x": {"$ref": "#/definitions/y"}},
            "definitions": {"y": {"type": "integer"}},
        },
        {"$defs": {"n": {"$id": "https://a/n", "$defs": {"m": {}}, "$ref": "#/$defs/m"}}},
    ],
)
def test_takes_unusual_schemas(schema: Schema) -> None:
    """Old dialects, plain data and properties with odd names are no reason to refuse."""
    CallerSchema(schema)


def test_a_schema_that_explodes_on_an_answer_is_the_callers_fault() -> None:
    """Work that only an answer sets off has the same bound."""
    schema = CallerSchema({"items": {"allOf": [{"type": "integer"} for _ in range(400)]}})
    with pytest.raises(Reject, match="too long"):
        schema.parse(f"[{','.join(['1'] * 2_000)}]")


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "$ref", "items", "properties", "allOf", "$id", "enum"]),
                x,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_any_value_as_a_schema_is_taken_or_rejected(value: JsonValue) -> None:
    """Nothing that a stranger writes raises anything but Reject and ValueError."""
    try:
        schema = CallerSchema({"allOf": [value]} if not isinstance(value, dict) else value)
        schema.parse('{"items": [1, "#"], "type": null}')
    except (Reject, ValueError):
        return


def test_patterns_take_linear_time() -> None:
    """A pattern that would keep `re` busy for years is checked at once."""
    schema = CallerSchema(
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    )
    assert schema.parse('{"a": "aaa"}') == {"a": "aaa"}
    with pytest.raises(ValueError, match="breaks pattern"):
        schema.parse('{"a": "' + "a" * 5_000 + '!"}')


@pytest.mark.parametrize(
    "part", [{"pattern": "(?=a)b"}, {"patternProperties": {"^x": {"type": "string"}}}]
)
def test_patterns_that_cannot_be_bounded_are_refused(part: dict[str, JsonValue]) -> None:
    """Look-around has no linear-time form, and names by pattern are not supported."""
    with pytest.raises(Reject, match="the schema cannot be used"):
        CallerSchema({"type": "object", "properties": {"a": part}})
