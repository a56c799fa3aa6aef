"""The dead by what they died of."""

from shared.redis_streams import Keys
from tests.builders import Streams
from worker.operations.letters import Said, read_letters, triage
from worker.operations.streams import server_now
from worker.queue.redis_clients import RedisClients


def _said(died_at: float, reason: str = "bug", error: str = "", cause: str = "") -> Said:
    return Said(died_at, reason, cause, "text_tag", error)


def test_put_together_by_what_they_have_in_common() -> None:
    """The most frequent first, with the newest one's words, whatever the order they come in."""
    letters = [_said(5, "expired"), _said(900, error="new"), _said(100, error="old")]
    bugs, expired = triage([*letters, _said(950, "bug", cause="x")][:3], now=1_000)
    assert (bugs.reason, bugs.count, bugs.recent, bugs.sample) == ("bug", 2, 1, "new")
    assert (bugs.oldest_at, bugs.newest_at) == (100, 900)
    assert (expired.reason, expired.recent) == ("expired", 0)


def test_causes_are_told_apart() -> None:
    """They call for different things."""
    found = triage([_said(1, cause="a"), _said(1, cause="b")], now=1)
    assert [death.cause for death in found] == ["a", "b"]


async def test_read_from_the_stream(any_clients: RedisClients, keys: Keys) -> None:
    """A producer's own field of the same name comes first, and does not count."""
    streams = Streams(any_clients.commands, keys)
    words = ("dead_reason", "forged", "payload", "x" * 10_000, "dead_reason", "bug")
    more = ("dead_stream", "t:text_tag", "dead_error", "KeyError")
    for _ in range(3):
        await streams.client.execute_command("XADD", keys.dead, "*", *words, *more)
    found = await read_letters(streams.client, keys, await server_now(streams.client))
    assert (found.count, found.looked) == (3, 3)
    [death] = found.deaths
    assert (death.reason, death.job_type, death.recent, death.sample) == (
        *("bug", "text_tag", 3, "KeyError"),
    )
