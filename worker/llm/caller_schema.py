"""A JSON Schema that came with a job: checked before it costs anything, then used to check.

It was written by a stranger, so nothing is fetched for it, and checking an answer has a budget of
steps and of time: references that fan out could otherwise take hours. Patterns run under RE2, which
takes linear time; under `re` some patterns of ten characters never end. Both checks may take tens
of milliseconds and belong in a thread.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from pydantic import JsonValue
from pydantic_core import from_json
from referencing.exceptions import Unresolvable

from shared.enums import FailureReason
from worker.errors import Reject
from worker.llm.bounded_validator import (
    NOTHING_TO_FETCH,
    RE2,
    RE2_OPTIONS,
    BoundedValidator,
    TooManySteps,
    discreet,
    new_budget,
)

MAX_SCHEMA_CHARS = 65_536
_MAX_ERRORS = 5
# Names by pattern, and keywords for which the library walks the whole schema again, uncounted.
_UNBOUNDED = ("patternProperties", "unevaluatedItems", "unevaluatedProperties")
# Their values are schemas under names that mean nothing.
_NAMED = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_DATA_KEYWORDS = frozenset({"const", "enum", "default", "examples"})


class CallerSchema:
    """A caller's schema that is known to work.

    Raises:
        Reject: it is no JSON Schema, points outside itself, never ends, or allows no object and
            no array.
    """

    def __init__(self, schema: Mapping[str, JsonValue]) -> None:
        references = _check(schema)
        # With a dialect's name in it the library would check with that dialect, unbounded.
        plain = {key: value for key, value in schema.items() if key != "$schema"}
        self._validator = BoundedValidator(plain, registry=NOTHING_TO_FETCH)
        new_budget()
        try:
            for probe in ("null", "{}", "[]"):
                self._errors(from_json(probe))
            for reference in references:
                self._errors(None, {"$ref": reference})
        except RecursionError:
            raise _unusable("it refers to itself without end") from None

    def parse(self, text: str) -> JsonValue:
        """Read an answer.

        Raises:
            ValueError: it is no JSON or does not fit; the message quotes no values.
            Reject: to check it takes more steps than any honest schema needs.
        """
        new_budget()
        value: JsonValue = from_json(text.encode(), allow_inf_nan=False)
        try:
            json.dumps(value, allow_nan=False)  # 1e999 was read as infinity
            errors = self._errors(discreet(value))
        except RecursionError:
            raise ValueError("the answer is nested too deeply") from None
        if errors:
            raise ValueError("\n".join(map(_line, errors)))
        return value

    def _errors(
        self, value: JsonValue, part: Mapping[str, JsonValue] | None = None
    ) -> list[ValidationError]:
        """The first few faults of a value, by the schema or by a part that stands inside it."""
        validator = self._validator if part is None else self._validator.evolve(schema=part)
        try:
            errors: Iterator[ValidationError] = validator.iter_errors(value)
            return list(islice(errors, _MAX_ERRORS))
        except TooManySteps:
            raise _unusable("it takes too long to check") from None
        except Unresolvable as error:
            raise _unusable(f"{error.ref!r:.80} leads nowhere in it") from None
        except RecursionError:
            raise
        except Exception:  # a reference may lead to data that is no schema
            raise _unusable("it cannot be used to check anything") from None


def _check(schema: Mapping[str, JsonValue]) -> set[str]:
    """Look at the schema as a document; gives the references that can be tried from its root."""
    try:
        text = json.dumps(schema, allow_nan=False)
        if len(text) > MAX_SCHEMA_CHARS:
            raise _unusable(f"it is longer than {MAX_SCHEMA_CHARS} characters")
        Draft202012Validator.check_schema(
            cast("Any", schema), format_checker=Draft202012Validator.FORMAT_CHECKER
        )
    except SchemaError as error:
        raise _unusable(f"{error.json_path:.80}: {error.message:.200}") from None
    except (ValueError, RecursionError) as error:
        raise _unusable(str(error)) from None
    if _names_dialect(dict(schema)):
        raise _unusable("$schema can only stand at its root")
    _check_patterns(schema, text)
    references = set(_strings(dict(schema), frozenset({"$ref", "$dynamicRef"})))
    for reference in references:
        if not reference.startswith("#"):
            raise _unusable(f"{reference!r:.80} points outside of it, and nothing is fetched")
    if not _roots(schema) & {"object", "array"}:
        raise _unusable("its root must allow an object or an array")
    # Parts with an id of their own are the root of their references.
    return set() if '"$id"' in text else references


def _roots(schema: Mapping[str, JsonValue]) -> set[str]:
    match schema.get("type", ["object"]):
        case str(name):
            return {name}
        case list(names):
            return {str(name) for name in names}
        case _:
            return set()


def _check_patterns(schema: Mapping[str, JsonValue], text: str) -> None:
    for keyword in _UNBOUNDED:
        if f'"{keyword}"' in text:
            raise _unusable(f"{keyword} is not supported")
    for pattern in _strings(dict(schema), frozenset({"pattern"})):
        try:
            RE2.compile(pattern, RE2_OPTIONS)
        except RE2.error as error:
            raise _unusable(f"pattern {pattern!r:.80}: {error!s:.80}") from None


def _strings(node: JsonValue, keywords: frozenset[str]) -> Iterator[str]:
    """The strings that stand under these keywords, however deep."""
    waiting: list[JsonValue] = [node]
    while waiting:
        match waiting.pop():
            case dict(fields):
                for key, value in fields.items():
                    if key in keywords and isinstance(value, str):
                        yield value
                    elif key in _NAMED and isinstance(value, dict):
                        waiting.extend(value.values())
                    elif key not in _DATA_KEYWORDS:
                        waiting.append(value)
            case list(items):
                waiting.extend(items)
            case _:
                pass


def _names_dialect(node: JsonValue) -> bool:
    """Whether a `$schema` stands below the root, where it would change how that part is read."""
    waiting: list[JsonValue] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part is not node and isinstance(part.get("$schema"), str):
                return True
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def _line(error: ValidationError) -> str:
    """Where and which rule; only numbers and type names are repeated, never what was said."""
    rule = str(error.validator)
    if rule == "None":
        return f"{error.json_path:.80}: something stands where nothing may"
    if rule == "required":
        return f"{error.json_path:.80}: {error.message:.80}"
    expected = cast("object", error.validator_value)
    shown = f" {expected}" if rule == "type" or isinstance(expected, int | float) else ""
    return f"{error.json_path:.80}: breaks {rule}{shown:.60}"


def _unusable(why: str) -> Reject:
    return Reject(FailureReason.INVALID_PAYLOAD, f"the schema cannot be used: {why}")
