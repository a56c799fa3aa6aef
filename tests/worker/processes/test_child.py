"""A process as its parent starts and sees it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.process.bench import until
from worker.processes import child as module
from worker.processes.child import Child, environment, python, start

PROGRAM = """
import http.server, os, socket, sys, threading
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.environ["SAYS"] == "well" else 503)
        self.end_headers()
        self.wfile.write(self.path.encode())
    def log_message(self, *_): pass
line = socket.socket(fileno=int(sys.argv[-1]))
server = http.server.HTTPServer(("127.0.0.1", 0), Page)
line.sendall(b"port %d\\n" % server.server_port)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.exit(3 if line.recv(100) == b"drain\\n" else 4)
"""


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """What a parent asks with."""
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture(autouse=True)
def _program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small program in the worker's place."""

    def command(*words: str) -> list[str]:
        return [sys.executable, "-c", PROGRAM, *words]

    monkeypatch.setattr(module, "python", command)


class Time:
    """Stands until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


async def _with_port(child: Child, session: aiohttp.ClientSession) -> tuple[int, str]:
    async def answered() -> tuple[int, str] | None:
        answer = await child.get(session, "/page")
        return None if answer[1] == "it is starting" else answer

    return await until(answered, what="its port")


async def test_it_tells_its_port_and_hears_what_it_is_told(session: aiohttp.ClientSession) -> None:
    """Started, asked, told to drain, ended."""
    child = await start(0, {"SAYS": "well"}, Time())
    assert await _with_port(child, session) == (200, "/page")
    child.drain()
    assert await child.ended() == 3
    assert not child.killed
    child.kill()  # too late: nothing happens
    assert not child.killed


async def test_a_child_that_is_killed(session: aiohttp.ClientSession) -> None:
    """By its parent, which remembers."""
    child = await start(0, {"SAYS": "well"}, Time())
    child.kill()
    assert (await child.ended(), child.killed) == (-9, True)
    status, _ = await child.get(session, "/live")
    assert status == 503


async def test_silence_makes_it_stuck_and_a_good_answer_well(
    session: aiohttp.ClientSession,
) -> None:
    """Two minutes to start, then half a minute from one good answer to the next."""
    time = Time()
    child = await start(0, {"SAYS": "well"}, time)
    time.now += 120
    assert not child.is_stuck
    time.now += 1
    assert child.is_stuck

    async def looked() -> bool:
        await child.look(session)
        return not child.is_stuck

    await until(looked, what="its good answer")
    time.now += 30
    assert (child.is_stuck, child.healthy_s) == (False, 30)
    time.now += 1
    assert child.is_stuck
    child.kill()
    await child.ended()


async def test_a_bad_answer_is_none(session: aiohttp.ClientSession) -> None:
    """A 503 does not make it well."""
    time = Time()
    child = await start(0, {"SAYS": "ill"}, time)
    assert (await _with_port(child, session))[0] == 503
    time.now += 121
    await child.look(session)
    assert (child.is_stuck, child.healthy_s) == (True, 0)
    child.kill()
    await child.ended()


def test_this_python_and_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A `worker` in the working folder is only ours if this process was started from there."""
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/somewhere"])
    assert python("worker", "x") == [sys.executable, "-P", "-m", "worker", "x"]
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/somewhere"])
    assert python("worker", "x") == [sys.executable, "-m", "worker", "x"]


def test_a_share_wins_in_any_case() -> None:
    """Settings are read from variables in capitals and in small letters alike."""
    parents = {"worker_concurrency": "64", "WORKER_CONCURRENCY": "32", "PATH": "/bin"}
    share = {"WORKER_CONCURRENCY": "16"}
    assert environment(parents, share) == {"WORKER_CONCURRENCY": "16", "PATH": "/bin"}
