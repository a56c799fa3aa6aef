"""What a worker that halts says in its row, and which rows it takes the place of."""

import json
import os
import socket

import pytest

from shared.config import load_settings
from shared.redis_streams import Keys
from worker.clock import Clock
from worker.config import Settings
from worker.embedded.redis_server import RedisServer
from worker.queue.redis_clients import RedisClients
from worker.steering.last_word import KEPT_A_HOST, outdated, say_halted, say_halted_early
from worker.steering.roster import WorkerFacts, load_facts

WHO = WorkerFacts(host="m1", pid=7, halted_at=5.0)


async def _rows(clients: RedisClients, keys: Keys) -> dict[str, WorkerFacts]:
    told = dict(await clients.commands.execute_command("HGETALL", keys.workers))
    found = {name.decode(): load_facts(raw) for name, raw in told.items()}
    return {name: facts for name, facts in found.items() if facts is not None}


async def test_each_worker_of_a_machine_has_its_row(any_clients: RedisClients, keys: Keys) -> None:
    """Two that halt at once, and one that lives beside them; the reason is as long as a fact."""
    command = any_clients.commands.execute_command
    await command("HSET", keys.workers, "lives", json.dumps({"at": 1, "host": "m1", "pid": 7}))
    for name, pid in (("a", 7), ("b", 8)):
        who = WHO.model_copy(update={"pid": pid})
        await say_halted(any_clients.commands, keys, name, who, "x" * 9_999)
    rows = await _rows(any_clients, keys)
    assert {name: (row.pid, len(row.halted)) for name, row in rows.items()} == {
        "a": (7, 500),
        "b": (8, 500),
        "lives": (7, 0),
    }


async def test_a_container_that_starts_again_and_again_has_one_row(
    any_clients: RedisClients, keys: Keys
) -> None:
    """Every start has the name of the machine and the process id of the last."""
    for name in ("m1-7-a", "m1-7-b", "m1-7-c"):
        await say_halted(any_clients.commands, keys, name, WHO, "no model")
    assert list(await _rows(any_clients, keys)) == ["m1-7-c"]


def test_a_machine_has_so_many_rows() -> None:
    """The oldest halts go; what lives, or is another machine's, stays."""
    halts = {
        f"{pid}".encode(): WorkerFacts(host="m1", pid=pid, halted="why", at=100.0 - pid)
        for pid in range(100, 110)
    }
    others = {
        b"lives": WorkerFacts(host="m1", pid=7),
        b"elsewhere": WorkerFacts(host="m2", pid=7, halted="why"),
    }
    gone = outdated(halts | others, WHO)
    assert gone == [b"107", b"108", b"109"]
    assert len(halts) - len(gone) + 1 == KEPT_A_HOST


@pytest.mark.redis
async def test_before_anything_is_open(
    redis_server: RedisServer, clients: RedisClients, keys: Keys
) -> None:
    """A bad setting: the row is there all the same, with who it was."""
    chosen = {"redis_url": redis_server.url, "llm_stream_prefix": keys.prefix}
    settings = load_settings(Settings, _env_file=None, **chosen, worker_job_types="text_tag")
    await say_halted_early(settings, "me", "bad key", Clock(now=lambda: 1_000.0))
    [(name, row)] = (await _rows(clients, keys)).items()
    assert (name, row.halted, row.halted_at, row.started_at) == ("me", "bad key", 1_000.0, 1_000.0)
    assert (row.host, row.pid, row.job_types) == (
        *(socket.gethostname(), os.getpid(), ("text_tag",)),
    )


async def test_without_redis_only_the_log_has_it() -> None:
    """A courtesy: it raises nothing."""
    settings = load_settings(Settings, _env_file=None, redis_url="redis://127.0.0.1:1")
    await say_halted_early(settings, "me", "bad key", Clock())
