"""What the health port does with requests that cannot be read."""

import asyncio
import logging

import pytest
from structlog.testing import capture_logs

from worker.observability.health_server import HealthServer


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"secret" * 3_000), "is too long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"secret" * 3_000), "is too long"),
        (b"GET /secret HTTP/9.x\r\nHost: x\r\n\r\n", "no HTTP request"),
        (b"GET /secret HTTP/1.1\r\nHost\x00secret: x\r\n\r\n", "no HTTP request"),
    ],
)
async def test_what_cannot_be_read_is_one_line(
    caplog: pytest.LogCaptureFixture, sent: bytes, why: str
) -> None:
    """Who sent it and what is wrong with it; nothing of it, and no traceback."""
    server = HealthServer({}, "127.0.0.1", 0)
    port = await server.start()
    try:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
    finally:
        await server.stop()
    assert b" 400 " in answer
    [line] = logs
    assert (line["event"], line["address"]) == ("request_unreadable", "127.0.0.1")
    assert why in line["why"]
    assert "secret" not in repr(logs)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
