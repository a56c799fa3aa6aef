"""Payloads and answers as text that can be read, and held beside another by `diff`. Pure."""

import json

PARSED_CHARS = 256 << 10
SHOWN_CHARS = 100_000


def diffable(text: str) -> str:
    """JSON with its names in order and one value a line; what is none, or too long, as it is."""
    return _cut(_ordered(text) if len(text) <= PARSED_CHARS else text)


def _ordered(text: str) -> str:
    try:
        value: object = json.loads(text)
        return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _cut(text: str) -> str:
    if len(text) <= SHOWN_CHARS:
        return text
    return f"{text[:SHOWN_CHARS]}\n… {len(text) - SHOWN_CHARS:,} more characters"
