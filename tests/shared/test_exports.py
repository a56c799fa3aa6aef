"""What other services may import from `shared`: adding is a decision, removing breaks them."""

import subprocess
import sys

import shared

PINNED = [
    *("GROUP", "PAYLOADS", "RESULTS", "EntryError", "EventCreate", "EventError"),
    *("EventName", "EventSource", "FailureReason", "Intent", "JobEntry", "JobEvent", "JobStatus"),
    *("JobType", "Keys", "LLMJobCreate"),
    *("LLMJobUpdate", "TagStatus", "TagsAddRequest", "TaskResponse", "TaskState"),
    *("create_consumer_group", "decode_entry", "decode_event", "encode_entry", "encode_event"),
    "publish",
]


def test_the_exports_are_pinned() -> None:
    """The list above is the contract, and each name in it exists."""
    assert shared.__all__ == PINNED
    assert all(hasattr(shared, name) for name in PINNED)


def test_the_contract_stands_alone() -> None:
    """A producer that imports it gets neither the worker nor its clients."""
    code = "import sys, shared; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"worker", "redis", "openai", "aiohttp", "structlog", "typer"}
