"""Single values of a schema: a hint brought into its bounds, or a plain value if there is none."""

import math
import re
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from worker.embedded.model_schema import Schema, types

_FILLER = "unknown"
_SAMPLES = (
    *("2026-01-01", "2026-01-01T00:00:00+00:00", "00:00", "someone@example.com"),
    *(
        "https://example.com/",
        "a",
        "A",
        "0",
        "00",
        "000",
        "0000",
        "T1",
        "none",
        "EUR",
        "+1 555 0100",
    ),
    *("127.0.0.1", "::1", "example.com", "00000000-0000-0000-0000-000000000000", "P1D"),
)
"""What may fit a pattern or a format that nothing in the text fits."""


def strings(schema: Schema, hints: Sequence[JsonValue], text: str) -> Iterator[str]:
    """Strings that may fit, best first: the hints, what the pattern finds in the text, samples."""
    least, most = _count(schema, "minLength", 0), _count(schema, "maxLength", 200_000)
    pattern = schema.get("pattern")
    for hint in hints:
        if isinstance(hint, str | int | float) and not isinstance(hint, bool):
            yield _sized(str(hint).strip(), least, most)
    if isinstance(pattern, str):
        yield from _matching(pattern, text)
    if not isinstance(pattern, str) and "format" not in schema:
        yield _sized("" if least == 0 else _FILLER, least, most)
    for sample in _SAMPLES:
        yield _sized(sample, least, most)


def numbers(schema: Schema, hints: Sequence[JsonValue], *, whole: bool) -> Iterator[float]:
    """Numbers that may fit, best first: the hints, then what lies near the bounds."""
    low, high = _bounds(schema)
    step = _number(schema.get("multipleOf"))
    starts = [*(hint for hint in hints if _is_number(hint)), 0]
    edges = [low, low + 1, high, high - 1, (low + high) / 2]
    edges += [low + (high - low) / 16, math.nextafter(low, math.inf)]
    for start in starts:
        kept = min(max(float(start), low), high) if isinstance(start, int | float) else 0.0
        yield from _rounded(kept, step, whole=whole)
    for edge in edges:
        if math.isfinite(edge):
            yield from _rounded(edge, step, whole=whole)


def member(members: Sequence[JsonValue], hints: Sequence[JsonValue]) -> JsonValue | None:
    """The member that a hint means, case aside; None if no hint means one."""
    for hint in hints:
        for each in members:
            if each == hint and isinstance(each, bool) == isinstance(hint, bool):
                return each
            if isinstance(each, str) and isinstance(hint, str) and each.lower() == hint.lower():
                return each
    return None


def variants(schema: Schema) -> Iterator[JsonValue]:
    """Hints that differ from one another, for lists that must be longer than what was found."""
    low, _ = _bounds(schema)
    start = math.ceil(low) if math.isfinite(low) else 0
    if types(schema) == ["string"]:
        yield _FILLER
    yield from (True, False, None)
    for step in range(1, 64):
        yield start + step
        yield f"{step}"
        yield chr(ord("A") + step)


def _sized(text: str, least: int, most: int) -> str:
    cut = text[:most]
    return cut + "." * (least - len(cut))


def _matching(pattern: str, text: str) -> Iterator[str]:
    """Pieces of the text that match a pattern meant for a whole string."""
    try:
        found = re.finditer(pattern.removeprefix("^").removesuffix("$"), text)
        yield from (match.group() for match in found if match.group())
    except re.error:
        return


def _rounded(value: float, step: float | None, *, whole: bool) -> Iterator[float]:
    if step:
        units = value / step
        for near in (round(units), math.floor(units), math.ceil(units)):
            yield int(near * step) if whole or float(step).is_integer() else near * step
    elif whole:
        yield from (round(value), math.floor(value), math.ceil(value))
    else:
        yield int(value) if value.is_integer() else value


def _bounds(schema: Schema) -> tuple[float, float]:
    lows = [_number(schema.get(key)) for key in ("minimum", "exclusiveMinimum")]
    highs = [_number(schema.get(key)) for key in ("maximum", "exclusiveMaximum")]
    low = max((bound for bound in lows if bound is not None), default=-math.inf)
    high = min((bound for bound in highs if bound is not None), default=math.inf)
    return low, high


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(schema: Schema, key: str, default: int) -> int:
    value = _number(schema.get(key))
    return default if value is None else int(value)
