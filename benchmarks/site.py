"""What contenders are run on: Redis, a model server and an instant Core, all new, on free ports.

All are processes of their own; they end with this one.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from benchmarks.contenders import Contender
from benchmarks.process_tree import ROOT, BenchFailed, Running
from benchmarks.tally import Count, Tally
from worker.embedded.child import free_port
from worker.embedded.redis_server import RedisServer
from worker.embedded.service import clean_environ
from worker.handlers import text_tag

_POLL_S = 0.005
_CORE = ("benchmarks.instant", "core")


def instant_model(latency_s: tuple[float, float] = (0.0, 0.0)) -> Sequence[str]:
    """The command line of a model that takes so long: least and most, in seconds."""
    return ("benchmarks.instant", "model", "--latency-s", *map(str, latency_s))


class Site:
    """Redis, model and Core, started by `with`; contenders come and go.

    Args:
        model: the module and arguments of the model server; `--port` is added.

    Attributes:
        tally: what model and Core, where they are instant, were asked.
    """

    def __init__(self, model: Sequence[str] = instant_model()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="llm-worker-bench-"))
        self.redis = RedisServer()
        self.tally = Tally(self.folder / "tally")
        self._words = {"model": model, "core": _CORE}
        self._ports = {name: free_port() for name in self._words}
        self._servers: dict[str, Running] = {}
        self.contenders: list[Running] = []
        wording = {"system": text_tag.WORDING.text, "schema": text_tag.QUESTION.schema}
        self._wording = self.folder / "words.json"
        self._wording.write_text(json.dumps(wording), encoding="utf-8")

    def __enter__(self) -> Self:
        try:
            self.redis.start()
            for name in self._words:
                self.start_server(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for running in (*self.contenders, *self._servers.values()):
            running.kill()
        self.redis.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_server(self, name: str) -> None:
        """Start the model or Core, again if need be, at its port."""
        command = [sys.executable, "-m", *self._words[name], "--port", str(self._ports[name])]
        running = Running(command, self._environ(), self.folder / f"{name}.log")
        self._servers[name] = running
        self.wait(lambda: said(self.url(name)) is not None, running, what=f"{name} to answer")

    def stop_server(self, name: str) -> None:
        """Kill it: from now on it refuses connections."""
        self._servers.pop(name).kill()

    def url(self, name: str, path: str = "/health") -> str:
        """An address of the model or of Core."""
        return f"http://127.0.0.1:{self._ports[name]}{path}"

    def enqueue(self, contender: Contender, jobs: int, size: int = 5_000) -> None:
        """Put jobs there, each with a text of so many bytes."""
        self.produce(contender, "enqueue", jobs, size)

    def produce(self, contender: Contender, what: str, jobs: int, size: int) -> str:
        """Run a producer to its end; returns what it has printed.

        Raises:
            BenchFailed: it could not put all jobs there.
        """
        words = [contender.python, "-m", "benchmarks.peers", contender.module, what]
        words += [str(jobs), "--size", str(size)]
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            words, cwd=ROOT, env=self._environ(), stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise BenchFailed(f"its producer ended with {done.returncode}")
        return done.stdout

    def start(
        self, contender: Contender, settings: Mapping[str, str] | None = None, *, works: bool = True
    ) -> Running:
        """Start a contender's worker, one more, with such environment variables."""
        mode = {"BENCH_MODE": "work" if works else "nothing"}
        environ = {**self._environ(), **mode, **(settings or {})}
        words = contender.daemon if works and contender.daemon else None
        words = words or ["-m", "benchmarks.peers", contender.module, "work"]
        log = self.folder / f"{contender.module}-{len(self.contenders)}.log"
        running = Running([contender.python, *words], environ, log)
        self.contenders.append(running)
        return running

    def stop(self, running: Running) -> None:
        """End a contender."""
        self.contenders.remove(running)
        running.kill()

    def wait(
        self,
        question: Callable[[], bool],
        running: Running,
        *,
        what: str,
        patience_s: float = 120.0,
    ) -> None:
        """Ask until it is so.

        Raises:
            BenchFailed: the process has ended, or the time is over.
        """
        give_up_at = time.monotonic() + patience_s
        while not question():
            running.check()
            if time.monotonic() > give_up_at:
                message = f"waited {patience_s:.0f} s in vain for {what}"
                raise BenchFailed(f"{message}\n{running.log}")
            time.sleep(_POLL_S)

    def redis_command(self, *words: str) -> str:
        """Send Redis one command; returns its answer of one line, as it comes."""
        with socket.create_connection(("127.0.0.1", self.redis.port)) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(1_000).decode()

    @property
    def done(self) -> int:
        """Jobs that are done."""
        return self.tally[Count.DONE]

    def _environ(self) -> dict[str, str]:
        model, core = self.url("model", "/v1"), self.url("core", "")
        return clean_environ() | {
            "PYTHONPATH": str(ROOT),
            "BENCH_REDIS_URL": self.redis.url,
            "BENCH_MODEL_URL": model,
            "BENCH_CORE_URL": core,
            "BENCH_TALLY": str(self.folder / "tally"),
            "BENCH_WORDS": str(self._wording),
            # The daemon's own; everything that is not named here is as it comes.
            "REDIS_URL": self.redis.url,
            "LLM_BASE_URL": model,
            "LLM_TEXT_MODEL": "m",
            "LLM_VISION_MODEL": "m",
            "CORE_API_URL": core,
            "IMAGE_STORAGE_PATH": str(self.folder),
            "WORKER_HEALTH_PORT": "0",
            "LOG_FORMAT": "json",
        }


def said(url: str) -> str | None:
    """What is said there; None where nobody answers, or with a status of 400 or more."""
    with suppress(OSError), urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - our own http URL
        return str(response.read(), "utf-8")
    return None
