"""Values of the same schema, read from the parts of one text, brought together. Pure.

What an earlier part left open a later one fills in; lists are joined. Two parts that say different
things are no matter for code.
"""

import json
from collections.abc import Sequence

from pydantic import JsonValue


class Contradiction(ValueError):
    """Two parts say different things at the same place."""


def merged(values: Sequence[JsonValue]) -> JsonValue:
    """One value out of at least one.

    Raises:
        Contradiction: they cannot all be true.
    """
    whole, *later = values
    for value in later:
        whole = _joined(whole, value)
    return whole


def _joined(one: JsonValue, other: JsonValue) -> JsonValue:
    if isinstance(one, dict) and isinstance(other, dict):
        both = dict(one)
        for key, value in other.items():
            both[key] = _joined(both[key], value) if key in both else value
        return both
    if isinstance(one, list) and isinstance(other, list):
        # Only between parts: what one part says twice is there twice.
        known = {_written(item) for item in one}
        return [*one, *(item for item in other if _written(item) not in known)]
    if _is_empty(other) or _written(one) == _written(other):
        return one
    if _is_empty(one):
        return other
    raise Contradiction("two parts of the text say different things")


def _is_empty(value: JsonValue) -> bool:
    """Whether a part had nothing to say; 0 and False say something."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def _written(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
