"""Answers that repeat their instructions.

What a prompt says is no secret worth much, but an answer made of it is no answer, and it is what
texts that want to take over the model ask for first.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from pydantic import JsonValue
from pydantic_core import from_json

RUN_WORDS = 8
"""So many words in a row do not fall together by chance."""
_WORD = re.compile(r"\w+")
_MAX_RUNS = 8
Run = tuple[str, ...]


def repeats_prompt(answer: str, system: str, user: str) -> bool:
    """Whether a string of an answer repeats eight words in a row of the system prompt.

    Case and punctuation do not count. Words that stand in the user's part as well may be repeated:
    who keeps these instructions in a note may have them found.

    Args:
        answer: valid JSON.
        system: the constant part of the prompt.
        user: the part that varies.
    """
    known = _runs(system)
    if not known:
        return False
    found = [run for said in _strings(answer) for run in _repeated(_words(said), known)]
    return len(found) > _MAX_RUNS or any(not _stands_in(run, user) for run in found)


@lru_cache(maxsize=64)
def _runs(text: str) -> frozenset[Run]:
    words = _words(text)
    return frozenset(words[at : at + RUN_WORDS] for at in range(len(words) - RUN_WORDS + 1))


def _words(text: str) -> Run:
    return tuple(_WORD.findall(text.casefold()))


def _repeated(words: Run, known: frozenset[Run]) -> Iterator[Run]:
    """The longest stretches that are made of known runs."""
    start: int | None = None
    last = len(words) - RUN_WORDS
    for at in range(last + 2):
        if at <= last and words[at : at + RUN_WORDS] in known:
            start = at if start is None else start
        elif start is not None:
            yield words[start : at - 1 + RUN_WORDS]
            start = None


def _stands_in(run: Run, text: str) -> bool:
    return bool(re.search(r"\W++".join(map(re.escape, run)), text, re.IGNORECASE))


def _strings(answer: str) -> Iterator[str]:
    waiting: list[JsonValue] = [from_json(answer, cache_strings="none")]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(fields):
                waiting.extend(fields.values())
            case list(items):
                waiting.extend(items)
            case _:
                pass
