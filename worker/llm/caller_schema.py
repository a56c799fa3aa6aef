"""A JSON Schema that came with a job: checked before it costs anything, then used to check.

It was written by a stranger, so nothing is fetched for it, and checking an answer has a budget:
references that fan out could otherwise keep the event loop busy for hours. Patterns run under RE2,
which takes linear time; under `re` some patterns of ten characters never end.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from itertools import islice
from typing import Any, cast

import re2  # pyright: ignore[reportMissingTypeStubs] - it has none
import referencing
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError
from pydantic import JsonValue
from pydantic_core import from_json
from referencing.exceptions import Unresolvable

from shared.enums import FailureReason
from worker.errors import Reject

MAX_SCHEMA_CHARS = 65_536
MAX_STEPS = 50_000
"""Keywords looked at for one answer: under a second of work."""
_MAX_ERRORS = 5
_DATA_KEYWORDS = frozenset({"const", "enum", "default", "examples"})

Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class _TooManySteps(Exception):
    """The schema asks for more work than any honest one."""


_steps_left: ContextVar[int] = ContextVar("steps_left")


def _counted(keyword: Keyword) -> Keyword:
    def check(
        validator: Any, value: Any, instance: Any, schema: Any
    ) -> Iterable[ValidationError] | None:
        left = _steps_left.get()
        if left == 0:
            raise _TooManySteps
        _steps_left.set(left - 1)
        return keyword(validator, value, instance, schema)

    return check


_KEYWORDS = dict(cast("Mapping[str, Keyword]", Draft202012Validator.VALIDATORS))
# RE2 comes without types.
_RE2: Any = re2
_RE2_OPTIONS: Any = _RE2.Options()
_RE2_OPTIONS.log_errors = False


def _pattern(
    _validator: Any, pattern: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _RE2.search(pattern, instance, _RE2_OPTIONS):
        yield ValidationError("it does not match")


# The stubs leave `extend`, what it makes and `Registry` without types.
_NOTHING_TO_FETCH: Any = cast("Any", referencing).Registry()
_Validator: Any = cast("Any", validators).extend(
    Draft202012Validator,
    {name: _counted(check) for name, check in (_KEYWORDS | {"pattern": _pattern}).items()},
)


class CallerSchema:
    """A caller's schema that is known to work.

    Raises:
        Reject: it is no JSON Schema, points outside itself, never ends, or allows no object and
            no array.
    """

    def __init__(self, schema: Mapping[str, JsonValue]) -> None:
        references = _check(schema)
        self._validator = _Validator(schema, registry=_NOTHING_TO_FETCH)
        _steps_left.set(MAX_STEPS)
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
        _steps_left.set(MAX_STEPS)
        value: JsonValue = from_json(text, allow_inf_nan=False)
        try:
            json.dumps(value, allow_nan=False)  # 1e999 was read as infinity
            errors = self._errors(value)
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
        except _TooManySteps:
            raise _unusable("it takes too long to check") from None
        except Unresolvable as error:
            raise _unusable(f"{error.ref!r:.80} leads nowhere in it") from None


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
    if '"patternProperties"' in text:
        raise _unusable("patternProperties is not supported")
    for pattern in _strings(dict(schema), frozenset({"pattern"})):
        try:
            _RE2.compile(pattern, _RE2_OPTIONS)
        except _RE2.error as error:
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
                    elif key not in _DATA_KEYWORDS:
                        waiting.append(value)
            case list(items):
                waiting.extend(items)
            case _:
                pass


def _line(error: ValidationError) -> str:
    """Where and which rule; only numbers and type names are repeated, never what was said."""
    rule = str(error.validator)
    if rule == "required":
        return f"{error.json_path:.80}: {error.message:.80}"
    expected = cast("object", error.validator_value)
    shown = f" {expected}" if rule == "type" or isinstance(expected, int | float) else ""
    return f"{error.json_path:.80}: breaks {rule}{shown:.60}"


def _unusable(why: str) -> Reject:
    return Reject(FailureReason.INVALID_PAYLOAD, f"the schema cannot be used: {why}")
