"""A question: the shape its answer must have, and how its text becomes a value."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, JsonValue

from worker.llm.aside import aside
from worker.llm.causes import Cause
from worker.llm.salvage import without_bad_items
from worker.llm.tokens import estimate_tokens
from worker.llm.wire_schema import wire_schema

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Unusable(ValueError):
    """An answer of the right shape that cannot be used; the model is asked once more.

    The message goes into the next prompt and into the log, so it names the rule and not the value.

    Attributes:
        cause: one of those that are asked again.
    """

    def __init__(self, why: str, cause: Cause = Cause.UNGROUNDED) -> None:
        super().__init__(why)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """The shape of an answer: the schema that is sent, and how its text becomes a value.

    `parse` and `salvage` raise ValueError for an answer that does not fit. The message goes into
    the next prompt and into the log, so it names the rule and not the value.

    Attributes:
        salvage: instead of `parse`, where parts of an answer may be left out; also gives how many
            were.
        heavy: whether to check an answer may take long however short it is.
        schema_tokens: how many the schema is, estimated: some servers get it as a part of the
            prompt.
    """

    name: str
    schema: dict[str, Any]
    parse: Callable[[str], T]
    max_tokens: int
    salvage: Callable[[str], tuple[T, int]] | None = None
    heavy: bool = False
    schema_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema_tokens", estimate_tokens(json.dumps(self.schema)))

    def read(self, text: str) -> tuple[T, int]:
        """The value, and how many parts of the answer it is without.

        Raises:
            ValueError: the answer does not fit.
            Reject: no answer ever will.
        """
        return self.salvage(text) if self.salvage else (self.parse(text), 0)


def model_question(
    name: str, model: type[M], max_tokens: int, salvage: str | None = None
) -> Question[M]:
    """Ask for a pydantic model; build it once, when the module is loaded.

    Args:
        name: what servers call the schema.
        model: the shape.
        max_tokens: the longest answer.
        salvage: the field whose items are independent: those that do not fit are left out and
            counted, and only when none is left the whole answer does not fit.

    Raises:
        ValueError: the model has a string or a list without a maximum, see `wire_schema`, or
            `salvage` is no list of it.
    """
    schema = wire_schema(model)
    if salvage is None:
        return Question(name, schema, model.model_validate_json, max_tokens)
    fields = cast("dict[str, dict[str, Any]]", schema["properties"])
    if fields.get(salvage, {}).get("type") != "array":
        raise ValueError(f"{model.__name__} has no list {salvage!r} to leave items out of")
    keep = partial(without_bad_items, model, salvage)
    return Question(name, schema, model.model_validate_json, max_tokens, keep)


def schema_question(
    name: str, schema: Mapping[str, JsonValue], max_tokens: int
) -> Question[JsonValue]:
    """Ask for a value of a caller's own JSON Schema (draft 2020-12).

    A large schema takes a quarter of a second to check: `caller_question` does it off the loop.

    Raises:
        Reject: the schema cannot be used; the message says why.
    """
    from worker.llm.caller_schema import CallerSchema  # noqa: PLC0415 - 4 MiB for one job type

    return Question(name, dict(schema), CallerSchema(schema).parse, max_tokens, heavy=True)


async def caller_question(
    name: str, schema: Mapping[str, JsonValue], max_tokens: int
) -> Question[JsonValue]:
    """`schema_question`, with the schema checked beside the event loop.

    Raises:
        Reject: the schema cannot be used; the message says why.
    """
    return await aside(schema_question, name, schema, max_tokens)
