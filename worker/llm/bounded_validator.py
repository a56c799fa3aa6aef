"""jsonschema's Draft 2020-12, with an end to every check.

Each keyword that is looked at costs a step, long lists and tables more, and there is a limit to the
time: schemas whose references fan out could otherwise take hours. What the library does in more
than linear time is done anew here, and the messages it writes quote no values.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sized
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

import re2  # pyright: ignore[reportMissingTypeStubs] - it has none
import referencing
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from pydantic import JsonValue

MAX_STEPS = 100_000
"""Keywords looked at for one answer, long lists and tables counted for more."""
MAX_CPU_S = 2.0
"""What counting cannot foresee ends here; honest checks take a hundredth of it."""
_ENTRIES_PER_STEP = 10

Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class TooManySteps(Exception):
    """The schema asks for more work than any honest one."""


@dataclass(slots=True)
class Budget:
    """What is left for one check. Time is this thread's own: a busy machine fails no job."""

    steps: int
    until: float
    tables: dict[int, frozenset[Hashable]] = field(default_factory=dict[int, frozenset[Hashable]])
    """The values of each `enum` that was met, by the identity of its list in the schema."""

    def spend(self, value: object) -> None:
        """Pay for one keyword with this value."""
        entries = len(value) if isinstance(value, Sized) else 0
        self.steps -= 1 + entries // _ENTRIES_PER_STEP
        if self.steps < 0 or time.thread_time() > self.until:
            raise TooManySteps


_budget: ContextVar[Budget] = ContextVar("budget")


def new_budget() -> None:
    """Begin a check: what was spent before is forgotten."""
    _budget.set(Budget(MAX_STEPS, time.thread_time() + MAX_CPU_S))


def _counted(name: str, keyword: Keyword) -> Keyword:
    # Of these the size does not matter.
    flat = name in {"enum", "pattern", "$ref"}

    def check(
        validator: Any, value: Any, instance: Any, schema: Any
    ) -> Iterable[ValidationError] | None:
        _budget.get().spend(None if flat else value)
        return keyword(validator, value, instance, schema)

    return check


# RE2 comes without types.
RE2: Any = re2
RE2_OPTIONS: Any = RE2.Options()
RE2_OPTIONS.log_errors = False


def _pattern(
    _validator: Any, pattern: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not RE2.search(pattern, instance, RE2_OPTIONS):
        yield ValidationError("it does not match")


def _enum(_validator: Any, values: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    tables = _budget.get().tables
    table = tables.get(id(values))
    if table is None:
        table = tables[id(values)] = frozenset(map(_identity, values))
    if _identity(instance) not in table:
        yield ValidationError("it is none of them")


def _unique(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    # The library compares every item with every other where they cannot be sorted.
    if wanted and isinstance(instance, list):
        items = cast("list[JsonValue]", instance)
        if len({_identity(item) for item in items}) < len(items):
            yield ValidationError("some items are equal")


def _identity(value: JsonValue) -> Hashable:
    """Equal for equal JSON: 1 and 1.0 are, 1 and true are not."""
    match value:
        case bool():
            return "boolean", value
        case dict(fields):
            return "object", frozenset((key, _identity(field)) for key, field in fields.items())
        case list(items):
            return "array", tuple(map(_identity, items))
        case _:
            return value


class _Object(dict[str, Any]):
    """An object that does not tell what is in it.

    The library writes a message for every fault, even for those it then ignores, with the whole
    value in it.
    """

    def __repr__(self) -> str:
        return "{…}"


class _Array(list[Any]):
    """An array that does not tell what is in it."""

    def __repr__(self) -> str:
        return "[…]"


def discreet(value: JsonValue) -> Any:
    """The same value, as a row of its own kind of objects and arrays that have no long `repr`."""
    match value:
        case dict(fields):
            return _Object((key, discreet(field)) for key, field in fields.items())
        case list(items):
            return _Array(map(discreet, items))
        case _:
            return value


_LIBRARY = dict(cast("Mapping[str, Keyword]", Draft202012Validator.VALIDATORS))
_LINEAR: dict[str, Keyword] = {"enum": _enum, "pattern": _pattern, "uniqueItems": _unique}
# The stubs leave `extend`, what it makes and `Registry` without types.
NOTHING_TO_FETCH: Any = cast("Any", referencing).Registry()
BoundedValidator: Any = cast("Any", validators).extend(
    Draft202012Validator,
    {name: _counted(name, check) for name, check in (_LIBRARY | _LINEAR).items()},
)
