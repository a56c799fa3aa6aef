"""The JSON inside what a model says.

Models think aloud, put fences around their answer and add a friendly sentence. All that is taken
off; the JSON itself is not repaired, because a guess about a broken answer is a wrong answer that
nobody notices. One thing is mended, as it leaves no doubt: a line end or another control character
that stands bare inside a string, which servers' grammars let through.
"""

import re
from collections.abc import Iterator

from pydantic_core import from_json

MAX_CHARS = 1_048_576
"""No answer is longer than this; what is, is noise."""

_THOUGHTS = re.compile(r"\s*(?:<think>.*?</think>\s*)*", re.DOTALL)
# In valid JSON a line end inside a string is escaped: a fence that opens a line is a real one.
_FENCE = re.compile(r"^[ \t]*```[\w-]*[ \t]*\r?$", re.MULTILINE)
# Possessive, so that a string that never ends is read once and not once per quote in it.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")


def extract_json(text: str) -> str:
    """Cut the first JSON object or array out of a reply, control characters in strings escaped.

    Takes time linear in the text, and no recursion.

    Raises:
        ValueError: there is none, it is cut off, or nothing between brackets is valid JSON.
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
    _, closed, rest = said.partition("</think>")
    return rest if closed and ("{" in rest or "[" in rest) else said


def _first_valid(text: str, start: int) -> str:
    fault = "there is no JSON object or array in the answer"
    for index, (begin, end) in enumerate(_balanced(text, start)):
        span = _STRING.sub(_escape_controls, text[begin:end])
        try:
            from_json(span, allow_inf_nan=False, cache_strings="none")
        except ValueError as error:
            if index == 0:
                fault = f"the answer is not valid JSON: {error}"
        else:
            return span
    raise ValueError(fault)


def _escape_controls(string: re.Match[str]) -> str:
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", string.group())


def _balanced(text: str, start: int) -> Iterator[tuple[int, int]]:
    """The outermost bracketed spans, in order.

    A span that is never closed ends the search: what lies inside it may be valid, but is a piece.
    """
    depth = begin = 0
    position = start
    while token := (_TOKEN if depth else _OPENING).search(text, position):
        position = token.end()
        bracket = token.group()
        if bracket in {"{", "["}:
            begin = begin if depth else token.start()
            depth += 1
        elif bracket in {"}", "]"}:
            depth -= 1
            if depth == 0:
                yield begin, position
    if depth:
        raise ValueError("the JSON in the answer is cut off")
