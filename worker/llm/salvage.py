"""What can be kept of a list in which some items do not hold."""

from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

M = TypeVar("M", bound=BaseModel)


def without_bad_items(model: type[M], field: str, text: str) -> tuple[M, int]:
    """Read an answer, and leave out the items of one list that do not fit.

    Args:
        model: what the answer should be.
        field: the list whose items have nothing to do with each other.
        text: valid JSON.

    Returns:
        The value, and how many items it is without.

    Raises:
        ValidationError: something else is wrong with it, or no item is left.
    """
    try:
        return model.model_validate_json(text), 0
    except ValidationError as error:
        bad = _bad_items(error, field)
        if bad is None:
            raise
        value = cast("dict[str, Any]", from_json(text))
        items = cast("list[object]", value[field])
        kept = [item for at, item in enumerate(items) if at not in bad]
        if not kept:
            raise
        try:
            return model.model_validate_json(to_json(value | {field: kept})), len(bad)
        except ValidationError:  # too few are left
            raise error from None


def _bad_items(error: ValidationError, field: str) -> set[int] | None:
    """Where the faults are, if all of them are in items of this list."""
    bad: set[int] = set()
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        match fault["loc"]:
            case (name, int(at), *_) if name == field:
                bad.add(at)
            case _:
                return None
    return bad
