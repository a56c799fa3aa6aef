"""A Core that reads of requests only where they end."""

import asyncio
from unittest.mock import Mock

import pytest

from benchmarks.instant_core import InstantCore

ASKED = b"PATCH /llm_jobs/j1 HTTP/1.1\r\nHost: core\r\nContent-Length: 5\r\n\r\n{...}"


@pytest.mark.parametrize("size", [1, 7, len(ASKED), 3 * len(ASKED)])
def test_each_request_has_one_answer(size: int) -> None:
    """In whatever pieces they come, with a body or without."""
    wire = Mock(spec=asyncio.WriteTransport)
    core = InstantCore()
    core.connection_made(wire)
    sent = ASKED * 2 + b"GET /health HTTP/1.1\r\nHost: core\r\n\r\n"
    for at in range(0, len(sent), size):
        core.data_received(sent[at : at + size])
    written = b"".join(call.args[0] for call in wire.write.call_args_list)
    assert written.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert written.endswith(b"\r\n\r\n{}")
