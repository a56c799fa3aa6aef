"""Connections to the Redis server of the moment, every option that matters set on purpose.

redis-py 8 changed its defaults (socket timeout 5 s, ten silent retries, 100 connections, RESP3 with
maintenance notifications). Under a blocking reader each of them loses or doubles work: a retried
XREADGROUP leaves entries pending that nobody saw, a shared pool lets readers starve settles.

Nor does a plain client of redis-py ever leave a master that has been demoted, or a Cluster node
whose slot has moved: these connections do, and ask where to go when they are made again.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import hiredis
from redis import exceptions
from redis.asyncio import (
    BlockingConnectionPool,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from worker.queue.redis_address import Address, Ask, Finder, Place, finder

_CONNECT_TIMEOUT_S = 5
_ASK_TIMEOUT_S = 1
"""Short: another may have to be asked before the command itself has to end."""
_OPTIONS: Mapping[str, Any] = {
    "protocol": 2,  # RESP3 brings maintenance notifications, which skip a connection check
    "legacy_responses": False,
    "decode_responses": False,
    "socket_connect_timeout": _CONNECT_TIMEOUT_S,
    "health_check_interval": 0,
    "retry": Retry(NoBackoff(), 0),  # a command whose reply was lost is repeated only by us
    "retry_on_timeout": False,
    "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    "driver_info": None,  # two commands less on each connection, and one less in the ACL
}
_LEAVE = (exceptions.ReadOnlyError, exceptions.MovedError, exceptions.ClusterDownError)


class NotNow(exceptions.ResponseError):
    """The server does not serve at the moment: its disk is full, it lacks replicas, it is busy."""


_NOT_NOW = ("MISCONF", "NOREPLICAS", "BUSY")
_IN_SCRIPT: Mapping[str, type[exceptions.ResponseError]] = {
    "OOM": exceptions.OutOfMemoryError,
    "READONLY": exceptions.ReadOnlyError,
    "NOPERM": exceptions.NoPermissionError,
    **dict.fromkeys(_NOT_NOW, NotNow),
}


_REFUSED_SCRIPT = re.compile("ACL failure in script|The user executing the script can't")


def understood(error: exceptions.ResponseError) -> exceptions.ResponseError:
    """The same error under the class that says what it means, where redis-py has none.

    Redis 6.2 wraps what a command in a script was answered: "Error running script …: -OOM …".
    """
    text = str(error)
    if text.startswith(tuple(f"{code} " for code in _NOT_NOW)):
        return NotNow(text)
    if _REFUSED_SCRIPT.search(text):
        return exceptions.NoPermissionError(text)
    wrapped = re.search(r"user_script: ?\d+: -?([A-Z]+) ", text)
    if wrapped and wrapped[1] in _IN_SCRIPT:
        return _IN_SCRIPT[wrapped[1]](text)
    return error


class _Leaving(AbstractConnection):
    """Ends itself when the server says that it is not the one to talk to any more."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """A command as it goes over the wire: in C, where redis-py joins it word by word."""
        return [cast("Any", hiredis).pack_command(args)]

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read a reply; its errors are `understood`."""
        try:
            return await cast("Any", super()).read_response(*args, **options)
        except exceptions.ResponseError as error:
            meant = understood(error)
            if isinstance(meant, _LEAVE):
                await self.disconnect(nowait=True)
            raise meant from None


class _Finding(_Leaving, Connection):
    """Asks where to go each time it is made."""

    def __init__(self, *, find: Finder, **options: Any) -> None:
        cast("Any", super()).__init__(**options)
        self._find = find

    async def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        """Connect, unless it is connected."""
        if not self.is_connected:
            self.host, self.port = await self._find()
        await super().connect_check_health(check_health, retry_socket_connect)


class _FindingTls(_Finding, SSLConnection):
    """The same with TLS; the certificate must be for the name, or address, that was found."""


class _LeavingUnix(_Leaving, UnixDomainSocketConnection):
    """A Unix socket: whoever listens there is meant."""


class Connections:
    """Makes pools of connections for the commands on `key`.

    Args:
        address: the URL.
        key: any of our keys; in a Cluster they share a slot.
    """

    def __init__(self, address: Address, key: str) -> None:
        self._options: dict[str, Any] = {
            **_OPTIONS,
            "db": address.db,
            "username": address.username,
            "password": address.password,
        }
        if address.kind == "unix":
            self._class: type[AbstractConnection] = _LeavingUnix
            self._options["path"] = address.path
            return
        tls = _tls_options(address) if address.tls else {}
        self._class = _FindingTls if address.tls else _Finding
        self._options |= {"socket_keepalive": True, **tls}
        self._options["find"] = finder(address, key, _asker(address, tls))

    def pool(self, size: int) -> BlockingConnectionPool:
        """A pool of at most `size` connections; who finds none free waits."""
        return cast("Any", BlockingConnectionPool)(
            connection_class=self._class,
            max_connections=size,
            timeout=None,  # each is held for one command, which its client ends in time
            socket_timeout=None,  # it goes through `asyncio.wait_for`, see `redis_clients`
            **self._options,
        )


def _tls_options(address: Address) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: value for name, value in address.options.items() if name.startswith("ssl_")
    }
    options["ssl_check_hostname"] = options.get("ssl_check_hostname", "true").lower() == "true"
    options["ssl_cert_reqs"] = options.get("ssl_cert_reqs", "required").lower()
    return options


def _asker(address: Address, tls: Mapping[str, Any]) -> Ask:
    """How a Sentinel (with a login of its own) or a Cluster node is asked: a connection each."""
    login: Mapping[str, str | None] = {"username": address.username, "password": address.password}
    if address.kind == "sentinel":
        login = {name: address.options.get(f"sentinel_{name}") for name in login}
    make = cast("Any", SSLConnection if address.tls else Connection)

    async def ask(place: Place, command: Sequence[str]) -> Any:
        host, port = place
        options = {**_OPTIONS, **login, **tls}
        connection = cast("Connection", make(host=host, port=port, socket_timeout=None, **options))
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                await connection.connect()
                await connection.send_command(*command)
                return cast("Any", await connection.read_response())
        finally:
            await connection.disconnect(nowait=True)

    return ask
