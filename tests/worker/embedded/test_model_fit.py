"""Values fitted to schemas: the answer validates, whatever the schema and whatever the draft."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import validate
from pydantic import JsonValue

from worker.embedded.model_fields import Field, find_values
from worker.embedded.model_fit import compose
from worker.embedded.model_schema import Schema, UnfitSchema

WRITTEN = datetime(2026, 6, 1, 9, tzinfo=UTC)
TEXT = (
    "Anna Smith paid €42.50 on 30 June 2026 in Athens. Total: 1,165. Mail a@example.com, 3 guests."
)
NAMES = st.sampled_from(
    ["name", "total", "dueDate", "email", "tags", "is_paid", "guests", "x", "city", "notes"]
)


def find(field: Field, text: str) -> list[JsonValue]:
    """The stand-in's finder at a fixed day."""
    return find_values(field, text, WRITTEN)


@st.composite
def strings(draw: st.DrawFn) -> Schema:
    """A string, perhaps with lengths."""
    least = draw(st.integers(0, 12))
    most = draw(st.integers(least, 30))
    return {"type": "string", "minLength": least, "maxLength": most}


@st.composite
def numbers(draw: st.DrawFn) -> Schema:
    """A number or an integer with bounds that leave room."""
    schema: Schema = {"type": draw(st.sampled_from(["number", "integer"]))}
    low = draw(st.integers(-1000, 1000))
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(
            st.integers(2, 50)
        )
    return schema


def members() -> st.SearchStrategy[Schema]:
    """An enum or a const of plain values."""
    plain = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=9))
    return st.one_of(
        st.lists(plain, min_size=1, max_size=4).map(lambda each: Schema(enum=list(each))),
        plain.map(lambda each: Schema(const=each)),
    )


def nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    """Objects, arrays and unions of what there is."""

    @st.composite
    def objects(draw: st.DrawFn) -> Schema:
        properties = draw(st.dictionaries(NAMES, inner, max_size=4))
        needed = [name for name in properties if draw(st.booleans())]
        return {
            "type": "object",
            "properties": dict(properties),
            "required": list[JsonValue](needed),
            "additionalProperties": draw(st.booleans()),
        }

    @st.composite
    def arrays(draw: st.DrawFn) -> Schema:
        least = draw(st.integers(0, 3))
        most = draw(st.integers(least, 5))
        return {"type": "array", "items": draw(inner), "minItems": least, "maxItems": most}

    @st.composite
    def unions(draw: st.DrawFn) -> Schema:
        options: list[JsonValue] = [*draw(st.lists(inner, min_size=1, max_size=3))]
        return {"anyOf": [*options, {"type": "null"}] if draw(st.booleans()) else options}

    return st.one_of(objects(), arrays(), unions())


LEAVES = st.one_of(
    strings(), numbers(), members(), st.sampled_from([Schema(type="boolean"), Schema(type="null")])
)
SCHEMAS = st.recursive(LEAVES, nested, max_leaves=8)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=SCHEMAS, draft=VALUES, text=st.sampled_from([TEXT, "", "zzz"]))
@example(schema={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, draft=7, text="")
def test_answer_validates(schema: Schema, draft: JsonValue, text: str) -> None:
    """Any schema of the usual words gets a value that an independent validator accepts."""
    validate(compose(schema, text, find, draft), schema)


def test_draft_is_kept_and_trimmed() -> None:
    """What the draft knows stays; what the schema does not name goes; bounds hold."""
    schema: Schema = {
        "type": "object",
        "properties": {
            "tags": {
                "type": "array",
                "items": {"type": "string", "maxLength": 4},
                "maxItems": 2,
                "uniqueItems": True,
            },
            "intent": {"enum": ["a", "Other"]},
            "at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["tags", "intent", "at"],
        "additionalProperties": False,
    }
    draft: JsonValue = {
        "tags": ["naxos", "naxo", "sea", "sun"],
        "intent": "other",
        "at": None,
        "z": 1,
    }
    assert compose(schema, "", find, draft) == {
        "tags": ["naxo", "sea"],
        "intent": "Other",
        "at": None,
    }


def test_unknown_schema_is_filled_from_the_text() -> None:
    """Objects, lists of objects by sentence, nulls where nothing is found."""
    schema: Schema = {
        "type": "object",
        "properties": {
            "people": {"type": "array", "items": {"$ref": "#/$defs/Person"}},
            "phone": {"type": ["string", "null"]},
            "fax": {"type": "string"},
        },
        "required": ["people", "phone"],
        "$defs": {
            "Person": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                "required": ["name", "age"],
            }
        },
    }
    text = "Anna Smith is 34. Ben Okri is 41."
    assert compose(schema, text, find) == {
        "people": [{"name": "Anna Smith", "age": 34}, {"name": "Ben Okri", "age": 41}],
        "phone": None,
    }


def test_enum_takes_the_member_the_text_speaks_of() -> None:
    """The closest member wins, the first one if none is close."""
    schema: Schema = {"enum": ["invoice", "boarding_pass"]}
    assert compose(schema, "Your boarding pass is ready", find) == "boarding_pass"
    assert compose(schema, "hello", find) == "invoice"


def test_tuple_has_a_value_for_each_part() -> None:
    """`prefixItems` are filled one by one."""
    schema: Schema = {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "items": False,
    }
    assert compose(schema, "", find, ["a", 7]) == ["a", 7]
    assert compose(schema, "", find) == ["", 0]


def test_pattern_is_looked_for_in_the_text() -> None:
    """A pattern finds its value; without one there is an error, not a wrong value."""
    schema: Schema = {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}
    assert compose(schema, "see ABC-1234, please", find) == "ABC-1234"
    with pytest.raises(UnfitSchema):
        compose(schema, "see", find)


def test_schema_that_contains_itself_ends() -> None:
    """Recursion stops soon, in trees and in wide unions alike."""
    node: Schema = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                },
                "required": ["name", "children", "next"],
            }
        },
    }
    validate(compose(node, TEXT, find), node)


def test_schema_that_cannot_end() -> None:
    """A schema that no finite value fits is an error."""
    endless: Schema = {
        "$ref": "#/$defs/A",
        "$defs": {
            "A": {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/A"}},
                "required": ["a"],
            }
        },
    }
    with pytest.raises(UnfitSchema, match="never ends"):
        compose(endless, "", find)
