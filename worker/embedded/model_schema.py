"""A JSON Schema made plain: references followed, `allOf` joined, types named.

Only what is written in the schema itself is followed; nothing is ever fetched.
"""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Protocol, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue
from referencing import Registry

Schema = dict[str, JsonValue]


class ValidationFault(Protocol):
    """What is read of jsonschema's `ValidationError`."""

    message: str
    absolute_path: Iterable[str | int]


class Validator(Protocol):
    """What is used of jsonschema's validators, whose stubs are not strict."""

    def evolve(self, *, schema: Schema) -> "Validator":
        """The same validator for a part of its schema."""
        ...

    def is_valid(self, instance: JsonValue) -> bool:
        """Whether a value fits."""
        ...

    def iter_errors(self, instance: JsonValue) -> Iterator[ValidationFault]:
        """What is wrong with a value."""
        ...


_MOST_HOPS = 50
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems"}
_IMPLIED = (
    ("object", {"properties", "required", "additionalProperties"}),
    ("array", {"items", "prefixItems", "minItems", "maxItems"}),
    ("string", {"minLength", "maxLength", "pattern", "format"}),
    ("number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
)


class UnfitSchema(Exception):
    """No value was found that fits the schema; `str()` says where it went wrong."""


class SchemaCheck:
    """Says whether values fit a schema or a part of it.

    Raises:
        UnfitSchema: it is not a JSON Schema.
    """

    def __init__(self, schema: Schema) -> None:
        self._validator = _checked(json.dumps(schema))

    def fits(self, value: JsonValue, part: Schema) -> bool:
        """Whether a value fits a part of the schema."""
        return self._validator.evolve(schema=part).is_valid(value)

    def error(self, value: JsonValue) -> str | None:
        """Why a value does not fit the whole schema; None when it does."""
        error = next(self._validator.iter_errors(value), None)
        if error is None:
            return None
        return f"at '/{'/'.join(str(part) for part in error.absolute_path)}': {error.message:.200}"


@lru_cache(maxsize=128)
def _checked(written: str) -> Validator:
    schema: Schema = json.loads(written)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UnfitSchema(f"not a JSON Schema: {error.message:.200}") from None
    # an empty registry: without one, jsonschema would open a foreign reference's address
    return cast("Validator", Draft202012Validator(schema, registry=Registry()))


def resolve(schema: JsonValue, root: Schema) -> Schema:
    """A schema with its `$ref` followed and its `allOf` joined in; `true` is an empty schema.

    Raises:
        UnfitSchema: a reference leads nowhere, in a circle or out of the schema, or it is `false`.
    """
    for _ in range(_MOST_HOPS):
        if schema is False:
            raise UnfitSchema("a schema is false")
        if not isinstance(schema, dict):
            return {}
        reference, parts = schema.get("$ref"), schema.get("allOf")
        if isinstance(reference, str):
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = join(_target(reference, root), rest)
        elif isinstance(parts, list):
            joined: Schema = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts:
                joined = join(joined, resolve(part, root))
            schema = joined
        else:
            return schema
    raise UnfitSchema("a reference leads in a circle")


def join(first: Schema, second: Schema) -> Schema:
    """Both schemas at once: properties and required names together, the narrower of two bounds."""
    joined = dict(first)
    for key, value in second.items():
        mine = joined.get(key)
        joined[key] = value if mine is None else _both(key, mine, value)
    return joined


def types(schema: Schema) -> list[str]:
    """The types a schema allows, those it only implies included; empty means any."""
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if isinstance(named, list):
        return [name for name in named if isinstance(name, str)]
    return [name for name, keys in _IMPLIED if keys & schema.keys()][:1]


def _target(reference: str, root: Schema) -> Schema:
    if not reference.startswith("#"):
        raise UnfitSchema(f"{reference!r:.80} is outside the schema")
    at: JsonValue = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(at, dict) or key not in at:
            raise UnfitSchema(f"{reference!r:.80} leads nowhere")
        at = at[key]
    return at if isinstance(at, dict) else {}


def _both(key: str, first: JsonValue, second: JsonValue) -> JsonValue:
    both: JsonValue = second
    match first, second:
        case dict(), dict() if key == "properties":
            both = {**first, **second}
        case list(), list() if key == "required":
            both = [*first, *(name for name in second if name not in first)]
        case list(), list() if key in {"enum", "type"}:
            both = [member for member in first if member in second]
        case ((int() | float()), (int() | float())) if key in _UPPER:
            both = min(first, second)
        case ((int() | float()), (int() | float())) if key in _LOWER:
            both = max(first, second)
        case False, _ if key == "additionalProperties":
            both = False
        case _:
            pass
    return both
