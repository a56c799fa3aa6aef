"""The words that may be labels: a server may answer with any, and each new one would be a series.

What is none of ours is `other`.
"""

from http import HTTPStatus

from worker.llm.causes import RULES

OTHER = "other"
_STATUSES = {f"http_{int(status)}" for status in (*HTTPStatus, *range(520, 531))}
"""Those that somebody has assigned, and what proxies before cloud providers answer."""
_CAUSES = frozenset({"", "ok", "unknown", *map(str, RULES), *_STATUSES})
_FINISHES = frozenset(
    {
        *("stop", "length", "content_filter", "refusal", "repetition", "tool_calls"),
        *("function_call", "abort", "error"),
    }
)
"""What the servers we know end an answer with."""
_CORE = frozenset({"ok", "timeout", "connection_error", "cancelled", *_STATUSES})


def cause(word: str) -> str:
    """A word of `worker.llm.causes`, or a status; an outbox may hold a newer version's."""
    return word if word in _CAUSES else OTHER


def finish(word: str) -> str:
    """How a server says that an answer has ended."""
    return word if word in _FINISHES else OTHER


def core_outcome(word: str) -> str:
    """How a request to Core has ended."""
    return word if word in _CORE else OTHER
