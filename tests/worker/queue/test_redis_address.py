"""A Redis URL says where to go, or who knows; a wrong one says what is wrong with it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

from worker.queue.redis_address import Address, Place, finder, read_address, shares_slot

KEY = "{llm}:dead"
SLOT = key_slot(KEY.encode())


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h", Address("server", (("h", 6379),))),
        ("redis://h:1/2", Address("server", (("h", 1),), db=2)),
        ("redis://[::1]:1?db=3", Address("server", (("::1", 1),), db=3)),
        (
            "redis://me:p%40ss@h",
            Address("server", (("h", 6379),), username="me", password="p@ss"),
        ),
        ("redis://:p@h", Address("server", (("h", 6379),), password="p")),
        (
            "rediss://h?ssl_ca_certs=/ca.pem",
            Address("server", (("h", 6379),), tls=True, options={"ssl_ca_certs": "/ca.pem"}),
        ),
        ("unix:///run/r.sock?db=1", Address("unix", path="/run/r.sock", db=1)),
        (
            "redis+sentinel://:p@a,b:1/main/4?sentinel_password=s",
            Address(
                "sentinel",
                (("a", 26379), ("b", 1)),
                master="main",
                db=4,
                password="p",
                options={"sentinel_password": "s"},
            ),
        ),
        ("rediss+cluster://a,b:1", Address("cluster", (("a", 6379), ("b", 1)), tls=True)),
    ],
)
def test_a_url_is_taken_apart(url: str, address: Address) -> None:
    """Servers, sockets, Sentinels, Clusters."""
    assert read_address(url) == address


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://h", "begins with redis://"),
        ("h:6379", "begins with redis://"),
        ("redis+other://h", "redis\\+cluster://"),
        ("unix+cluster://h", "begins with redis://"),
        ("redis://", "names a host"),
        ("redis://u:hunter2@", "names a host"),
        ("redis://[", "names a host"),
        ("redis://:hunter2@h:x", "names a host"),
        ("redis://h:0", "names a host"),
        ("redis://:hunter2@\u2100", "names a host"),
        ("redis://a,b", "several hosts"),
        ("redis://h/one", "is a number"),
        ("redis://h?db=x", "db is a number"),
        ("redis://h?timeout=1", "only db may stand"),
        ("redis://h?ssl_ca_certs=/x", "only db may stand"),
        ("rediss://h?ssl_cert_reqs=maybe", "none, optional, required"),
        ("redis://h?sentinel_password=hunter2", "only db may stand"),
        ("redis+sentinel://h", "the name of the master"),
        ("redis+cluster://h/1", "no database but 0"),
        ("unix://run/r.sock", "three slashes"),
        ("unix://", "three slashes"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url: str, said: str) -> None:
    """In words for a person, and without its password."""
    with pytest.raises(ValueError, match=said) as caught:
        read_address(url)
    assert "hunter2" not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    """Neither the server's nor the Sentinels'."""
    shown = repr(read_address("redis+sentinel://:hunter2@h/m?sentinel_password=hunter3"))
    assert "hunter" not in shown


@pytest.mark.parametrize(
    ("prefix", "shared"),
    [
        *(("{llm}", True), ("a:{b}:c", True), ("{a}{b}", True)),
        *(("llm", False), ("{}", False), ("{}{a}", False), ("a}b", False), ("{a", False)),
    ],
)
def test_a_tag_keeps_keys_together(prefix: str, shared: bool) -> None:
    """As a Cluster computes it."""
    assert shares_slot(prefix) is shared
    slots = {key_slot(f"{prefix}:{name}".encode()) for name in ("dead", "events", "text_tag")}
    assert (len(slots) == 1) is shared


class Crowd:
    """Sentinels or nodes that answer by a script, and who was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def ask(self, place: Place, command: Sequence[str]) -> Any:
        """Answer, or fail."""
        del command
        self.asked.append(place[0])
        answer = self.answers[place[0]]
        if isinstance(answer, Exception):
            raise answer
        return answer


GONE = RedisConnectionError("gone")
SENTINELS = read_address("redis+sentinel://a,b,c/main")


async def test_a_server_is_where_it_is_said_to_be() -> None:
    """Nobody has to be asked."""
    assert await finder(read_address("redis://h:1"), KEY, Crowd({}).ask)() == ("h", 1)


async def test_sentinels_take_turns() -> None:
    """One that would name the old master for ever is not the only one that is asked."""
    crowd = Crowd({name: [b"10.0.0.1", b"1"] for name in "abc"})
    find = finder(SENTINELS, KEY, crowd.ask)
    assert [await find() for _ in range(4)] == [("10.0.0.1", 1)] * 4
    assert crowd.asked == ["a", "b", "c", "a"]


async def test_any_sentinel_will_do() -> None:
    """One is gone, one does not know the master, the third says it."""
    crowd = Crowd({"a": GONE, "b": None, "c": [b"m", b"1"]})
    assert await finder(SENTINELS, KEY, crowd.ask)() == ("m", 1)


async def test_no_sentinel_knows() -> None:
    """It is told once for all, with what they said; waiting may mend it."""
    crowd = Crowd({"a": GONE, "b": None, "c": TimeoutError("no answer")})
    with pytest.raises(RedisConnectionError, match="names a master 'main': gone; no answer"):
        await finder(SENTINELS, KEY, crowd.ask)()


async def test_all_refuse() -> None:
    """A wrong password stays one; one of several that knows better helps."""
    refusal = AuthenticationError("no")
    with pytest.raises(AuthenticationError):
        await finder(SENTINELS, KEY, Crowd(dict.fromkeys("abc", refusal)).ask)()
    with pytest.raises(RedisConnectionError, match="names a master"):
        await finder(SENTINELS, KEY, Crowd({"a": refusal, "b": GONE, "c": refusal}).ask)()


def slots(*ranges: tuple[int, int, bytes | None, int]) -> list[Any]:
    """What CLUSTER SLOTS answers."""
    return [[first, last, [host, port, b"id"]] for first, last, host, port in ranges]


async def test_the_node_with_our_slot() -> None:
    """It is found in what a node says; those it names are asked when the first ones are gone."""
    named = slots((0, SLOT - 1, b"b", 1), (SLOT, 16383, b"c", 2))
    crowd = Crowd({"a": named, "b": named, "c": named})
    find = finder(read_address("redis+cluster://a"), KEY, crowd.ask)
    assert await find() == ("c", 2)
    crowd.answers = {"a": GONE, "b": GONE, "c": slots((0, 16383, b"c", 2))}
    assert await find() == ("c", 2)


@pytest.mark.parametrize("nameless", [None, b"", b"?"])
async def test_a_node_that_does_not_know_its_name(nameless: bytes | None) -> None:
    """It is the one that was asked."""
    crowd = Crowd({"a": slots((0, 16383, nameless, 7))})
    assert await finder(read_address("redis+cluster://a"), KEY, crowd.ask)() == ("a", 7)


async def test_nobody_has_our_slot() -> None:
    """A Cluster that is still forming is an outage."""
    crowd = Crowd({"a": slots((SLOT + 1, 16383, b"b", 1)), "b": []})
    with pytest.raises(RedisConnectionError, match=f"who holds slot {SLOT}"):
        await finder(read_address("redis+cluster://a"), KEY, crowd.ask)()
