"""Why there is no connection is told in the words of the system."""

import errno
import os
import socket

import aiohttp
import httpx2
import pytest
from aiohttp.client_reqrep import ConnectionKey

from worker.broken_connections import NOT_TAKEN, why_broken

KEY = ConnectionKey("core", 8000, False, True, None, None, None)
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (REFUSED, "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), os.strerror(111).lower()),
        (aiohttp.ClientConnectorError(KEY, REFUSED), "connection refused"),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")),
            "no address is found for this name",
        ),
        (
            aiohttp.ClientConnectorCertificateError(KEY, ValueError("self-signed")),
            "its certificate, or its TLS, is not accepted",
        ),
        (aiohttp.ConnectionTimeoutError(), NOT_TAKEN),
        (aiohttp.ServerDisconnectedError(), "the connection broke off"),
        (aiohttp.ClientPayloadError(), "the connection broke off"),
        (aiohttp.ClientError(), ""),
        (OSError(-2, "Name or service not known"), ""),
        (socket.gaierror(-2, "Name or service"), "no address is found for this name"),
        (ValueError(), ""),
    ],
)
def test_why_there_is_none(error: Exception, why: str) -> None:
    """No name of a class, no address twice."""
    assert why_broken(error) == why


def test_what_is_wrapped() -> None:
    """The first of the causes that says something."""
    outer = httpx2.ConnectError("x")
    outer.__cause__ = aiohttp.ClientConnectorError(KEY, REFUSED)
    assert why_broken(outer) == "connection refused"
