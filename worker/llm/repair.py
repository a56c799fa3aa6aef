"""JSON that is written carelessly: trailing or missing commas, single quotes, bare keys, comments.

A library makes the guess; a guess is only believed if it says word for word what the text says.
The text is read once as a row of strings, numbers, literals, colons and brackets, the guess is
written down as such a row, and both must be the same: only commas, comments, the kind of quotes and
the spelling of `true`, `false` and `null` may differ. So nothing is invented for a missing value,
nothing is left out, prose never becomes a value, and what is cut off never gets here (its brackets
do not close, see `worker.llm.json_text`).
"""

import json
import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import cast

from json_repair import repair_json
from pydantic import JsonValue
from pydantic_core import from_json

MAX_CHARS = 16_384
MAX_DEPTH = 64
"""The library recurses."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>//[^\n]*|/\*.*?\*/|\#[^\n]*)
    |(?P<double>"(?:[^"\\]++|\\.)*+")
    |(?P<single>'(?:[^'\\]++|\\.)*+')
    |(?P<mark>[{}\[\]:])
    |(?P<comma>,)
    |(?P<bare>[^\s{}\[\]:,"'/\#]+)""",
    re.DOTALL | re.VERBOSE,
)
_NAME = re.compile(r"[^\W\d][\w$-]*")
_LITERALS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_Said = tuple[str, object]
"""A kind and what was said: a mark, a string, a number, a literal, or a bare word."""


class _UnclearError(Exception):
    """It cannot be told what the text means."""


def repaired(spans: Sequence[str]) -> str | None:
    """The first of the broken pieces that can be mended, as JSON; None if none can.

    Takes tens of milliseconds for a long text: not for the event loop.
    """
    if sum(map(len, spans)) > MAX_CHARS:
        return None
    return next((mended for mended in map(_mended, spans) if mended is not None), None)


def _mended(span: str) -> str | None:
    try:
        said = _read(span)
        guess = cast("JsonValue", repair_json(span, return_objects=True, skip_json_loads=True))
    except _UnclearError:
        return None
    except Exception:  # a library of guesses at text that a stranger chose: any failure is a no
        return None
    if not isinstance(guess, dict | list) or list(_written(guess)) != said:
        return None
    return json.dumps(guess, ensure_ascii=False)


def _read(span: str) -> list[_Said]:
    """What stands in the text, without commas and comments."""
    row: list[_Said] = []
    position = depth = 0
    may_part = False
    while position < len(span):
        token = _TOKEN.match(span, position)
        if token is None:
            raise _UnclearError
        position = token.end()
        kind, text = str(token.lastgroup), token.group()
        depth += (text in {"{", "["}) - (text in {"}", "]"})
        if depth > MAX_DEPTH or (kind == "comma" and not may_part):
            raise _UnclearError
        if kind not in {"space", "comment"}:
            may_part = kind != "comma" and text not in {"{", "[", ":"}
        if text == ":" and row and row[-1][0] == "bare":
            row[-1] = ("string", row[-1][1])
        row.extend(_item(kind, text))
    if any(kind == "bare" for kind, _ in row):
        raise _UnclearError
    return row


def _item(kind: str, text: str) -> Iterator[_Said]:
    match kind:
        case "mark":
            yield kind, text
        case "double":
            yield "string", _plain(text)
        case "single":
            inside = re.sub(r'\\\'|(?<!\\)"', lambda at: "'" if at[0] != '"' else '\\"', text[1:-1])
            yield "string", _plain(f'"{inside}"')
        case "bare":
            yield _bare(text)
        case _:
            return


def _plain(quoted: str) -> str:
    try:
        return str(from_json(quoted.encode()))
    except ValueError:
        raise _UnclearError from None


def _bare(text: str) -> _Said:
    """A literal, a number, or a word, which can only be a key."""
    if text in _LITERALS:
        return "literal", _LITERALS[text]
    if _NAME.fullmatch(text):
        return "bare", text
    try:
        number: object = from_json(text.encode(), allow_inf_nan=False)
    except ValueError:
        raise _UnclearError from None
    if not isinstance(number, int | float) or not isfinite(number):
        raise _UnclearError
    return "number", number


def _written(value: JsonValue) -> Iterator[_Said]:
    """The same row, of a value."""
    match value:
        case dict(fields):
            yield "mark", "{"
            for key, field in fields.items():
                yield "string", key
                yield "mark", ":"
                yield from _written(field)
            yield "mark", "}"
        case list(items):
            yield "mark", "["
            for item in items:
                yield from _written(item)
            yield "mark", "]"
        case str():
            yield "string", value
        case bool() | None:
            yield "literal", value
        case _:
            yield "number", value
