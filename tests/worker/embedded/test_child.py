"""Ports for servers that start a moment later."""

import socket
from contextlib import ExitStack

import pytest

from worker.embedded import child
from worker.embedded.child import free_port

_FIRST_SOURCE_PORT = 32_768  # Linux' own, where nobody has set another


def test_no_port_comes_twice() -> None:
    """Several are asked for before the first server binds."""
    ports = [free_port() for _ in range(500)]
    assert len(set(ports)) == len(ports)


def test_a_port_is_none_that_a_client_is_given() -> None:
    """An outgoing connection that took it before the server did failed a start now and then."""
    assert max(free_port() for _ in range(500)) < _FIRST_SOURCE_PORT


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server, or another test run, may have it."""
    with ExitStack() as stack:
        here = free_port()
        for port in (here, here + 1):
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", port))
        places = (here, here + 1, here + 2)
        start = child._SERVER_PORTS.start  # pyright: ignore[reportPrivateUsage] # the walk is its own
        monkeypatch.setattr(child, "_walk", (place - start for place in places))
        assert free_port() == here + 2


def test_an_address_of_another_machine_is_an_error() -> None:
    """Only a port in use is worth another one."""
    with pytest.raises(OSError, match="assign"):
        free_port("192.0.2.1")
