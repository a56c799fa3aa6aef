"""A process with its children: started, watched, killed, and what it has cost so far."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from worker.embedded.child import die_with_parent

ROOT = Path(__file__).parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchFailed(Exception):
    """A process ended, or did not get on; `str()` ends with its last lines."""


class Running:
    """A process that dies with this one; what it says goes to a file."""

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
    def pids(self) -> list[int]:
        """Its own and its children's."""
        return tree(self._process.pid)

    @property
    def cpu_s(self) -> float:
        """User and system time of the tree, in seconds."""
        return cpu_s(self._process.pid)

    @property
    def peak_mib(self) -> float:
        """The most memory that was ever resident, summed over the tree."""
        kib = 0
        for pid in self.pids:
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
                kib += int(status.partition("VmHWM:")[2].split()[0])
        return kib / 1024

    def check(self) -> None:
        """Nothing, while it runs.

        Raises:
            BenchFailed: it has ended.
        """
        if self.has_ended:
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
        pids = self.pids
        self._process.kill()
        for pid in pids[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        self._process.wait()


def tree(pid: int) -> list[int]:
    """A process and all below it, itself first."""
    pids = [pid]
    for parent in pids:
        with suppress(OSError):  # a child may end meanwhile
            for task in Path(f"/proc/{parent}/task").iterdir():
                pids += map(int, (task / "children").read_text(encoding="ascii").split())
    return pids


def cpu_s(pid: int) -> float:
    """User and system time of a process and all below it, ended children included, in seconds."""
    ticks = 0
    for each in tree(pid):
        with suppress(OSError):
            stat = Path(f"/proc/{each}/stat").read_text(encoding="ascii", errors="replace")
            ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    return ticks / _TICKS
