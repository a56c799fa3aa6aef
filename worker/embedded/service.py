"""A process of ours that serves HTTP: started, waited for, signalled, ended with its owner."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from worker.embedded.child import die_with_parent

_POLL_S = 0.02
_LOG_TAIL_CHARS = 4_000


class ServiceFailed(Exception):
    """A process ended, or was not ready in time; `str()` ends with its last lines."""


class Service:
    """`python -m MODULE ARGUMENTS` with a log file of its own.

    Args:
        name: what it is called in messages, and the stem of its log file.
        words: the module and its arguments.
        ready_url: answers below 400 once the process can be used.
        folder: where its log goes.
        environ: the whole environment it gets.
    """

    def __init__(
        self,
        name: str,
        words: Sequence[str],
        ready_url: str,
        folder: Path,
        environ: Mapping[str, str],
    ) -> None:
        self.name = name
        self.ready_url = ready_url
        self.log_file = folder / f"{name}.log"
        self._words = tuple(words)
        self._folder = folder
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """The end of what it has said."""
        if not self.log_file.exists():
            return ""
        return self.log_file.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARS:]

    @property
    def pid(self) -> int:
        """The operating system's number for it.

        Raises:
            ServiceFailed: it was not started.
        """
        if self._process is None:
            raise ServiceFailed(f"{self.name} was not started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it, without waiting; from the main thread, with which it dies."""
        with self.log_file.open("ab") as log:
            self._process = self._spawn(log)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own command line, no shell
            die_with_parent([sys.executable, "-m", *self._words]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self._folder,
            env=self._environ,
            process_group=0,  # Ctrl-C in a terminal is for the owner, who stops us in order
        )

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Return once `ready_url` answers.

        Raises:
            ServiceFailed: it ended, or the time is over.
        """
        give_up_at = time.monotonic() + timeout_s
        while not _answers(self.ready_url):
            if self.exit_code is not None:
                raise ServiceFailed(f"{self.name} ended with {self.exit_code}:\n{self.log}")
            if time.monotonic() > give_up_at:
                raise ServiceFailed(f"{self.name} is not ready at {self.ready_url}:\n{self.log}")
            time.sleep(_POLL_S)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Wait until it has ended; returns its exit code.

        Raises:
            ServiceFailed: it still runs.
        """
        if self._process is None:
            raise ServiceFailed(f"{self.name} was not started")
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ServiceFailed(f"{self.name} has not ended:\n{self.log}") from None

    def stop(self, timeout_s: float = 20.0) -> None:
        """End it in good order, by force when it takes too long. Nothing if it does not run."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)  # a frozen one could not obey
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would. Nothing if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own http URL
            return bool(response.status < 400)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def clean_environ() -> dict[str, str]:
    """This process's environment without what would leak settings or proxies into a child."""
    ours = ("LLM_", "WORKER_", "CORE_", "REDIS_", "IMAGE_", "LOG_", "DEAD_LETTER", "EVENTS")
    prefixes = (*ours, "OTEL_")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(prefixes) and not name.lower().endswith("_proxy")
    }
