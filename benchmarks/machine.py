"""Where it was measured, and with what: the lines above the table."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contenders import PEERS
from benchmarks.sizes import Size
from worker.embedded.redis_server import find_server

_ROOT = Path(__file__).parent.parent
_CLIENTS = ("openai", "aiohttp", "redis", "uvloop")


def header(name: str, size: Size) -> dict[str, str]:
    """Date, machine, versions, and how much was run."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    peers = {peer.name: _version(peer.python, peer.package) for peer in PEERS}
    python = str(PEERS[1].python)
    clients = [f"{name} {_version(python, name)}" for name in _CLIENTS]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{_cpu()}, {len(os.sched_getaffinity(0))} cores, {pages / 2**30:.0f} GiB",
        "load average at the start": load,
        "versions": ", ".join(
            [f"Python {platform.python_version()}", _said([str(find_server()), "--version"])]
        ),
        "llm-worker": _said(["git", "describe", "--always", "--dirty"]),
        "clients": ", ".join(clients),
        "peers": ", ".join(f"{peer} {found}" for peer, found in peers.items() if found != "?"),
        "runs": f"{size.runs} of each, in turn; {size.long_runs} of what takes long; size {name}",
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(python: str, package: str) -> str:
    asked = f"from importlib.metadata import version; print(version({package!r}))"
    return _said([python, "-c", asked])


def _said(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            command, cwd=_ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return " ".join(done.stdout.split()[:3]) if done.stdout else "?"
