"""CallerSchema: hostile and broken schemas cost nothing, honest ones check answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from shared.enums import FailureReason
from worker.errors import Reject
from worker.llm.caller_schema import MAX_SCHEMA_CHARS, CallerSchema

Schema = dict[str, JsonValue]

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
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
        ({"unevaluatedProperties": False, "type": "object"}, "unevaluatedProperties is not"),
        ({"properties": {"x": {"$schema": DRAFT_7, "pattern": "^(a+)+$"}}}, "only stand at its"),
        ({"const": {"$schema": DRAFT_7}, "$ref": "#/const"}, "only stand at its root"),
        ({"properties": {"const": {"pattern": "(?=a)b"}}}, "pattern"),
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


def test_a_reference_to_data_that_is_no_schema_is_the_callers_fault() -> None:
    """The library fails in its own ways on it, only when an answer leads it there."""
    schema = CallerSchema({"const": {"maxLength": "x"}, "items": {"$ref": "#/const"}})
    with pytest.raises(Reject, match="cannot be used"):
        schema.parse('["abc"]')


def test_the_dialect_at_the_root_changes_nothing() -> None:
    """A reference to the root must not lead out of the bounds, where patterns have no end."""
    schema = CallerSchema(
        {
            "$schema": DRAFT_7,
            "type": ["object", "array"],
            "items": {"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}},
            "properties": {"again": {"$ref": "#"}},
        }
    )
    with pytest.raises(ValueError, match="breaks pattern"):
        schema.parse('{"again": [{"a": "' + "a" * 5_000 + '!"}]}')


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('[1, true, "1", null, [1], {"a": 1}]', True),
        ("[1, 1.0]", False),
        ('[{"a": 1, "b": 2}, {"b": 2, "a": 1}]', False),
        ("[[1], [true]]", True),
        ("[0, false]", True),
    ],
)
def test_items_are_unique_as_json_has_it(text: str, fits: bool) -> None:
    """1 is 1.0 but not true, and the order of names does not count."""
    schema = CallerSchema({"type": "array", "uniqueItems": True})
    if fits:
        schema.parse(text)
    else:
        with pytest.raises(ValueError, match="breaks uniqueItems"):
            schema.parse(text)


@pytest.mark.parametrize(
    ("text", "fits"), [("[1.0]", True), ("[true]", False), ('["a"]', True), ('[{"b": [1]}]', True)]
)
def test_a_table_holds_values_as_json_has_them(text: str, fits: bool) -> None:
    """Of any kind, and by their value."""
    schema = CallerSchema({"type": "array", "items": {"enum": [1, "a", {"b": [1]}]}})
    if fits:
        schema.parse(text)
    else:
        with pytest.raises(ValueError, match="breaks enum"):
            schema.parse(text)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "uniqueItems": True}, [{"a": number} for number in range(9_000)]),
        ({"type": "array", "items": {"enum": list(range(9_000))}}, [8_999] * 9_000),
        ({"anyOf": [False] * 9_000 + [{}]}, ["x" * 9] * 9_000),
        ({"anyOf": [{"type": "null"}] * 3_000 + [{}]}, ["x" * 9] * 9_000),
    ],
)
def test_what_the_library_does_slowly_is_quick(schema: Schema, value: list[JsonValue]) -> None:
    """Under the library's own keywords each of these takes many seconds."""
    assert CallerSchema(schema).parse(json.dumps(value)) == value


def test_a_part_that_allows_nothing_says_so() -> None:
    """It has no keyword to name."""
    with pytest.raises(ValueError, match=r"nothing may$"):
        CallerSchema({"type": "object", "properties": {"a": False}}).parse('{"a": "secret"}')


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
