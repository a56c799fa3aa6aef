"""Where the Redis server is that holds our keys: said by the URL, by Sentinels, or by a Cluster.

    redis://host:6379/0                                    a server (rediss:// with TLS)
    unix:///run/redis.sock                                 the same, on this machine
    redis+sentinel://host1:26379,host2:26379/mymaster/0    the master that Sentinels name
    redis+cluster://host1:7000,host2:7001                  the Cluster node that holds our slot

Streams of one prefix live in one slot (`{llm}`), so a Cluster is one server to us, one that may
move. Each new connection asks anew, and another Sentinel or node than last time: one that is cut
off from the others would name the old master for ever.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.crc import key_slot
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

Place = tuple[str, int]
Ask = Callable[[Place, Sequence[str]], Awaitable[Any]]
"""Sends one command to a Sentinel or Cluster node and brings its reply."""
Finder = Callable[[], Awaitable[Place]]

_SENTINEL_PORT, _SERVER_PORT = 26_379, 6_379
_NODES_KNOWN_MAX = 16
_TLS_VALUES: Mapping[str, frozenset[str] | None] = {
    "ssl_ca_certs": None,
    "ssl_certfile": None,
    "ssl_cert_reqs": frozenset({"none", "optional", "required"}),
    "ssl_check_hostname": frozenset({"true", "false"}),
    "ssl_keyfile": None,
}
_SENTINEL_LOGIN = ("sentinel_password", "sentinel_username")


@dataclass(frozen=True, slots=True)
class Address:
    """A Redis URL, taken apart."""

    kind: str
    """`server`, `unix`, `sentinel` or `cluster`."""
    places: tuple[Place, ...] = ()
    """Servers, Sentinels or Cluster nodes to ask, in order."""
    path: str = ""
    """Of the socket, for `unix`."""
    master: str = ""
    """The master's name, for `sentinel`."""
    tls: bool = False
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What stood behind the `?`, without `db`."""

    def __str__(self) -> str:
        """Where it is, without who comes."""
        return self.path or ", ".join(f"{host}:{port}" for host, port in self.places)


def read_address(url: str) -> Address:
    """Take a Redis URL apart.

    Raises:
        ValueError: it is none; the message says what is allowed, and holds no password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # its message may quote the password
        raise ValueError("must be a URL that names a host: this one cannot be read") from None
    scheme, _, kind = parts.scheme.partition("+")
    kind = "unix" if scheme == "unix" and not kind else kind or "server"
    _check_scheme(scheme, kind, parts)
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    steps = [unquote(step) for step in parts.path.split("/") if step] if kind != "unix" else []
    options = _options(parts.query, kind, tls=scheme == "rediss")
    address = Address(
        kind=kind,
        places=_places(hosts, _SENTINEL_PORT if kind == "sentinel" else _SERVER_PORT),
        path=unquote(parts.path) if kind == "unix" else "",
        master=steps.pop(0) if kind == "sentinel" and steps else "",
        tls=scheme == "rediss",
        db=_number(options.pop("db", "/".join(steps) or "0")),
        username=unquote(username) or None,
        password=unquote(password) or None,
        options=options,
    )
    _check_parts(address)
    return address


def shares_slot(prefix: str) -> bool:
    """Whether all keys under this prefix are in one Cluster slot: it has a `{tag}`."""
    return re.match(r"[^{]*\{[^}]+\}", prefix) is not None


def finder(address: Address, key: str, ask: Ask) -> Finder:
    """A function that says where to connect now for commands on `key`.

    It raises `redis.exceptions.ConnectionError` while nobody knows, and what those it asked have
    said where all of them refuse to answer.

    Args:
        address: of a `server`, `sentinel` or `cluster`.
        key: any of our keys; in a Cluster they share a slot.
        ask: how to ask a Sentinel or a node.
    """
    if address.kind == "sentinel":
        return _by_sentinels(address, ask)
    if address.kind == "cluster":
        return _by_nodes(address, key_slot(key.encode()), ask)
    [place] = address.places

    async def find() -> Place:
        return place

    return find


# ------------------------------------------------------------------------- the URL


def _check_scheme(scheme: str, kind: str, parts: SplitResult) -> None:
    known = {"redis": ("server", "sentinel", "cluster"), "unix": ("unix",)}
    known["rediss"] = known["redis"]
    if kind not in known.get(scheme, ()) or not (parts.netloc or kind == "unix"):
        raise ValueError(
            "must be a URL that begins with redis:// or rediss:// or unix:// or redis+sentinel:// "
            "or redis+cluster:// and names a host"
        )


def _check_parts(address: Address) -> None:
    if address.kind == "unix":
        if address.places or not address.path:
            raise ValueError("unix:///run/redis.sock: three slashes, then the path of a socket")
    elif not address.places:
        raise ValueError("must be a URL that names a host")
    if address.kind == "server" and len(address.places) > 1:
        raise ValueError("names several hosts: redis+sentinel:// and redis+cluster:// may do that")
    if address.kind == "sentinel" and not address.master:
        raise ValueError("redis+sentinel://host:26379/NAME needs the name of the master")
    if address.kind == "cluster" and address.db:
        raise ValueError("a Redis Cluster has no database but 0")


def _places(hosts: str, default_port: int) -> tuple[Place, ...]:
    found: list[Place] = []
    for text in hosts.split(",") if hosts else ():
        try:
            parts = urlsplit(f"//{text}")  # knows [::1]:6379
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or port == 0:
            raise ValueError("must be a URL that names a host, or host:port, after the //")
        found.append((host, port or default_port))
    return tuple(found)


def _options(query: str, kind: str, *, tls: bool) -> dict[str, str]:
    # The client takes any option and fails at the first command: a wrong one must stop the start.
    options = dict(parse_qsl(query, keep_blank_values=True))
    allowed = {"db", *(_TLS_VALUES if tls else ()), *(_SENTINEL_LOGIN * (kind == "sentinel"))}
    if options.keys() - allowed or not options.get("db", "0").isdecimal():
        raise ValueError(
            f"after its ? only {', '.join(sorted(allowed))} may stand (db is a number)"
        )
    for name, values in _TLS_VALUES.items():
        if values is not None and name in options and options[name].lower() not in values:
            raise ValueError(f"{name} is one of {', '.join(sorted(values))}")
    return options


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("the database, after the host, is a number")
    return int(text)


# ------------------------------------------------------------------------- who knows


def _by_sentinels(address: Address, ask: Ask) -> Finder:
    sentinels = list(address.places)
    command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.master)

    async def find() -> Place:
        def named(_sentinel: Place, reply: Any) -> Place | None:
            return (reply[0].decode(), int(reply[1])) if reply else None

        unknown = f"no Sentinel names a master {address.master!r}"
        return await _first(_next_order(sentinels), ask, command, named, unknown)

    return find


def _by_nodes(address: Address, slot: int, ask: Ask) -> Finder:
    nodes = list(address.places)

    async def find() -> Place:
        def holder(asked: Place, reply: Any) -> Place | None:
            masters = [(first, last, _node(asked, node)) for first, last, node, *_ in reply]
            nodes.extend({place for *_, place in masters} - set(nodes))
            del nodes[_NODES_KNOWN_MAX:]
            return next((place for first, last, place in masters if first <= slot <= last), None)

        unknown = f"no Cluster node knows who holds slot {slot}"
        return await _first(_next_order(nodes), ask, ("CLUSTER", "SLOTS"), holder, unknown)

    return find


def _node(asked: Place, node: Sequence[Any]) -> Place:
    """A node of CLUSTER SLOTS; one that does not know its own name is the one we asked."""
    host = cast("bytes | None", node[0])
    return (host.decode() if host and host != b"?" else asked[0], int(node[1]))


def _next_order(places: list[Place]) -> list[Place]:
    order = list(places)
    places.append(places.pop(0))
    return order


async def _first(
    places: Sequence[Place],
    ask: Ask,
    command: Sequence[str],
    read: Callable[[Place, Any], Place | None],
    unknown: str,
) -> Place:
    """The first answer that says something; `unknown` begins the error when there is none."""
    errors: list[Exception] = []
    for place in places:
        try:
            found = read(place, await ask(place, command))
        except (RedisError, OSError) as error:
            errors.append(error)
        else:
            if found is not None:
                return found
    refused = [e for e in errors if isinstance(e, AuthenticationError | NoPermissionError)]
    if len(refused) == len(places):
        raise refused[0]
    said = "; ".join(dict.fromkeys(str(error) for error in errors))
    raise RedisConnectionError(f"{unknown}{': ' * bool(said)}{said}")
