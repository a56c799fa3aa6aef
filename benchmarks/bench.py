"""What contenders are run on: Redis, an instant model and an instant Core, and a clock for CPU.

All are processes of their own on free ports of 127.0.0.1; they end with this one.
"""

import json
import os
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
from benchmarks.tally import Count, Tally
from worker.embedded.child import die_with_parent, free_port
from worker.embedded.redis_server import RedisServer
from worker.embedded.service import clean_environ
from worker.handlers import text_tag

ROOT = Path(__file__).parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.005


class BenchFailed(Exception):
    """A contender ended, or did not get on; `str()` ends with its last lines."""


class Running:
    """A process with its children: what they have cost so far."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                die_with_parent(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=ROOT,
                env=dict(environ),
                process_group=0,
            )

    @property
    def cpu_s(self) -> float:
        """User and system time of the tree, ended children included, in seconds."""
        ticks = 0
        for pid in _tree(self._process.pid):
            with suppress(OSError):  # a child may end meanwhile
                stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
                ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
        return ticks / _TICKS

    @property
    def peak_mib(self) -> float:
        """The most memory that was ever resident, summed over the tree."""
        kib = 0
        for pid in _tree(self._process.pid):
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
                kib += int(status.partition("VmHWM:")[2].split()[0])
        return kib / 1024

    def check(self) -> None:
        """Nothing, while it runs.

        Raises:
            BenchFailed: it has ended.
        """
        if self._process.poll() is not None:
            raise BenchFailed(f"ended with {self._process.returncode}\n{self.log}")

    @property
    def log(self) -> str:
        """The end of what it has said."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-3_000:]

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it and its children at once."""
        pids = _tree(self._process.pid)
        self._process.kill()
        for pid in pids[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        self._process.wait()


class Bench:
    """Redis, model and Core, started by `with`; contenders come and go.

    Args:
        latency_s: what the model takes, least and most.
    """

    def __init__(self, latency_s: tuple[float, float] = (0.0, 0.0)) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="llm-worker-bench-"))
        self.redis = RedisServer()
        self.tally = Tally(self.folder / "tally")
        self._latency_s = latency_s
        self._ports = {"model": free_port(), "core": free_port()}
        self._servers: dict[str, Running] = {}
        self._contenders: list[Running] = []
        wording = {"system": text_tag.WORDING.text, "schema": text_tag.QUESTION.schema}
        self._words = self.folder / "words.json"
        self._words.write_text(json.dumps(wording), encoding="utf-8")

    def __enter__(self) -> Self:
        try:
            self.redis.start()
            for name in self._ports:
                self.start_server(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for running in (*self._contenders, *self._servers.values()):
            running.kill()
        self.redis.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_server(self, name: str) -> None:
        """Start the model or Core, again if need be, at its port."""
        words = ["-m", "benchmarks.instant", name, "--port", str(self._ports[name])]
        words += ["--tally", str(self.folder / "tally"), "--latency-s", *map(str, self._latency_s)]
        log = self.folder / f"{name}.log"
        running = Running([sys.executable, *words], self._environ(), log)
        self._servers[name] = running
        self.wait(lambda: self._answers(name), running, what=f"{name} to answer")

    def stop_server(self, name: str) -> None:
        """Kill it: from now on it refuses connections."""
        self._servers.pop(name).kill()

    def fill(self, contender: Contender, jobs: int, size: int = 5_000) -> None:
        """Empty Redis, forget everything, and put jobs there."""
        self.redis_command(b"FLUSHALL")
        self._answers("core", "/forget")
        self.tally.clear()
        if jobs:
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

    def start(self, contender: Contender, *, works: bool = True, **more: str) -> Running:
        """Start a contender's worker; `more` are environment variables."""
        environ = self._environ() | {"BENCH_MODE": "work" if works else "nothing"} | more
        words = contender.daemon if works and contender.daemon else None
        words = words or ["-m", "benchmarks.peers", contender.module, "work"]
        log = self.folder / f"{contender.module}.log"
        running = Running([contender.python, *words], environ, log)
        self._contenders.append(running)
        return running

    def stop(self, running: Running) -> None:
        """End a contender."""
        self._contenders.remove(running)
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
            BenchFailed: the contender has ended, or the time is over.
        """
        give_up_at = time.monotonic() + patience_s
        while not question():
            running.check()
            if time.monotonic() > give_up_at:
                message = f"waited {patience_s:.0f} s in vain for {what}"
                raise BenchFailed(f"{message}\n{running.log}")
            time.sleep(_POLL_S)

    def redis_command(self, *words: bytes) -> None:
        """Send Redis one command and wait for its answer."""
        with socket.create_connection(("127.0.0.1", self.redis.port)) as connection:
            connection.sendall(b" ".join(words) + b"\r\n")
            connection.recv(1_000)

    @property
    def done(self) -> int:
        """Jobs that are done."""
        return self.tally[Count.DONE]

    def _answers(self, name: str, path: str = "/health") -> bool:
        with suppress(OSError):
            url = f"http://127.0.0.1:{self._ports[name]}{path}"
            with urllib.request.urlopen(url, timeout=5):
                return True
        return False

    def _environ(self) -> dict[str, str]:
        model = f"http://127.0.0.1:{self._ports['model']}/v1"
        core = f"http://127.0.0.1:{self._ports['core']}"
        return clean_environ() | {
            "PYTHONPATH": str(ROOT),
            "BENCH_REDIS_URL": self.redis.url,
            "BENCH_MODEL_URL": model,
            "BENCH_CORE_URL": core,
            "BENCH_TALLY": str(self.folder / "tally"),
            "BENCH_WORDS": str(self._words),
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


def _tree(pid: int) -> list[int]:
    pids = [pid]
    for parent in pids:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                pids += map(int, (task / "children").read_text(encoding="ascii").split())
    return pids
