"""The JSON inside what a model says.

Models think aloud, put fences around their answer and add a friendly sentence. All that is taken
off; the JSON itself is left as it is (`worker.llm.repair` mends what leaves no doubt). One thing is
put right here: a line end or another control character that stands bare inside a string, which
servers' grammars let through.
"""

import json
import re
from collections.abc import Iterator

from pydantic_core import from_json

MAX_CHARS = 131_072
"""No answer is longer: 8,192 tokens are some 32,000 characters, and twice that with thoughts."""
MAX_DEPTH = 190
"""Brackets within brackets; the JSON readers behind this one end at 200."""
_MAX_SPANS = 32
"""After so much in brackets that is no JSON, there is no answer to be found."""

_THOUGHTS = re.compile(r"\s*(?:<think>.*?</think>\s*)*", re.DOTALL)
# In valid JSON a line end inside a string is escaped: a fence that opens a line is a real one.
_FENCE = re.compile(r"^[ \t]*```[\w-]*[ \t]*\r?$", re.MULTILINE)
# What is between two brackets. Possessive, so that a string that never ends is read once and not
# once per quote in it.
_TO_BRACKET = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_HUGE = re.compile(r"[eE]\+?\d{2}|\d{250}")
"""Without any of this no number is infinity: no float has more than 309 digits before its point."""


class BrokenJson(ValueError):
    """Brackets that open and close, with something between them that is no JSON.

    Attributes:
        spans: what stands in brackets, brackets included, in the order of the reply.
    """

    def __init__(self, message: str, spans: tuple[str, ...]) -> None:
        super().__init__(message)
        self.spans = spans


def extract_json(text: str) -> str:
    """Cut the first JSON object or array out of a reply, control characters in strings escaped.

    Takes time linear in the text, and no recursion. What is given can be read by every JSON
    reader: it has no NaN, no number beyond a float, no half of a surrogate pair.

    Raises:
        BrokenJson: there are closed brackets, but what is between them is not valid JSON.
        ValueError: there is no JSON, it is cut off, or it is nested too deeply.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"the answer is longer than {MAX_CHARS} characters")
    said = _after_thoughts(text.lstrip("\ufeff"))
    fence = None if said.startswith(("{", "[")) else _FENCE.search(said)
    if fence is not None:
        try:
            return _first_valid(said, fence.end())
        except ValueError:
            pass  # the fence holds something else, such as a quotation
    return _first_valid(said, 0)


def _after_thoughts(text: str) -> str:
    blocks = _THOUGHTS.match(text)
    said = text[blocks.end() :] if blocks else text
    if said.startswith("<think>"):
        raise ValueError("the answer is cut off while still thinking")
    if said.startswith(("{", "[")):
        return said
    # Some chat templates open the thoughts in the prompt, so only their end is in the reply.
    before, closed, rest = said.partition("</think>")
    if not closed or not _OPENING.search(rest) or _is_inside(said, len(before)):
        return said
    return rest


def _is_inside(text: str, position: int) -> bool:
    """Whether a place in a text is within valid JSON."""
    try:
        spans = (span for span in _balanced(text, 0) if span[1] > position)
        begin, end = next(spans, (position, position))
    except ValueError:
        return False
    return begin < position and _fault(text[begin:end]) is None


def _first_valid(text: str, start: int) -> str:
    faults: list[str] = []
    spans: list[str] = []
    for begin, end in _balanced(text, start):
        span = text[begin:end]
        if _fault(span) is None:
            return span
        span = _STRING.sub(_escape_controls, span)
        fault = _fault(span)
        if fault is None:
            return span
        faults.append(f"the answer is not valid JSON: {fault}")
        spans.append(span)
        if len(spans) == _MAX_SPANS:
            break
    if spans:
        raise BrokenJson(faults[0], tuple(spans))
    raise ValueError("there is no JSON object or array in the answer")


def _fault(span: str) -> str | None:
    try:
        value = from_json(span.encode(), allow_inf_nan=False, cache_strings="none")
        if _HUGE.search(span):
            json.dumps(value, allow_nan=False)  # 1e999 was read as infinity
    except ValueError as error:
        return str(error)
    return None


def _escape_controls(string: re.Match[str]) -> str:
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", string.group())


def _balanced(text: str, start: int) -> Iterator[tuple[int, int]]:
    """The outermost bracketed spans, in order.

    A span that is never closed ends the search: what lies inside it may be valid, but is a piece.
    """
    opening = _OPENING.search(text, start)
    while opening is not None:
        begin, position, depth = opening.start(), opening.end(), 1
        while depth:
            token = _TO_BRACKET.match(text, position)
            if token is None:
                raise ValueError("the JSON in the answer is cut off")
            position = token.end()
            depth += 1 if token[1] in {"{", "["} else -1
            if depth > MAX_DEPTH:
                raise ValueError("the JSON in the answer is nested too deeply")
        yield begin, position
        opening = _OPENING.search(text, position)
