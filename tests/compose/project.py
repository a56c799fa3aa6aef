"""A compose project of the tests' own: under a name and on ports that nobody else has."""

import http.client
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
_POLL_S = 0.2
_COMMAND_S = 600.0  # the first one pulls and builds
_TAIL_CHARS = 4_000
T = TypeVar("T")


class ComposeFailed(Exception):
    """A command ended badly, or what was waited for did not come; `str()` ends with the output."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def why_not() -> str | None:
    """Why compose cannot be used on this machine; None when it can."""
    for command in (["docker", "compose", "version"], ["docker", "info"]):
        ended = _run(command, timeout_s=60)
        if ended.code:
            return f"`{' '.join(command)}`: {(ended.err or ended.out).strip()[-200:]}"
    return None


class Project:
    """`docker compose` on this repository's file, with what tests ask it.

    Args:
        override: a further compose file.
        profile: switched on in every command, as `--profile` does.
    """

    def __init__(self, override: Path | None = None, profile: str | None = None) -> None:
        self.name = f"llm-worker-test-{uuid.uuid4().hex[:8]}"
        self.override = override
        self.profile = profile

    def run(self, *words: str, stdin: str = "") -> str:
        """Run a compose command; returns what it printed.

        Raises:
            ComposeFailed: it ended with another code than 0.
        """
        files = ["--file", str(ROOT / "compose.yaml")]
        files += ["--file", str(self.override)] if self.override else []
        profile = ["--profile", self.profile] if self.profile else []
        command = ["docker", "compose", "--project-name", self.name, *files, *profile, *words]
        ended = _run(command, timeout_s=_COMMAND_S, stdin=stdin)
        if ended.code:
            raise ComposeFailed(f"{' '.join(command)}\n{(ended.out + ended.err)[-_TAIL_CHARS:]}")
        return ended.out

    def up(self, *options: str) -> None:
        """Start everything, and return once it is healthy.

        Raises:
            ComposeFailed: it does not become so; ends with the services' last words.
        """
        try:
            self.run("up", "--wait", "--detach", *options)
        except ComposeFailed as error:
            logs = self.run("logs", "--tail", "20")
            raise ComposeFailed(f"{error}\n{logs[-_TAIL_CHARS:]}") from None

    def down(self) -> None:
        """Remove containers, networks and volumes, those of every profile; images stay cached."""
        self.profile = "*"
        self.run("down", "--volumes", "--remove-orphans", "--timeout", "10")

    def left_behind(self) -> list[str]:
        """What the engine still has of this project: containers, volumes and networks."""
        label = f"label=com.docker.compose.project={self.name}"
        found: list[str] = []
        for kind in (["ps", "--all"], ["volume", "ls"], ["network", "ls"]):
            ended = _run(["docker", *kind, "--quiet", "--filter", label], timeout_s=60)
            found += ended.out.split() if ended.code == 0 else [ended.err]
        return found

    def state(self, service: str) -> tuple[str, int]:
        """A service's state (`running`, `exited` …) and exit code (0 while it runs)."""
        listed = json.loads(self.run("ps", "--all", "--format", "json", service))
        return str(listed["State"]), int(listed["ExitCode"])

    def get(self, service: str, port: int, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET through the port that a service has on this machine."""
        host, _, published = self.run("port", service, str(port)).strip().rpartition(":")
        connection = http.client.HTTPConnection(host, int(published), timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def enqueue(self, job_type: str, payload: Mapping[str, Any], user_id: int) -> str:
        """Send a job as the README does; returns its id."""
        words = ["exec", "-T", "worker", "llm-worker", "enqueue", job_type, "-", "--json"]
        sent = self.run(*words, "--user-id", str(user_id), stdin=json.dumps(payload))
        return str(json.loads(sent)["job_id"])

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Every job Core knows, by its id."""
        _, rows = self.get("core", 8000, "/llm_jobs?limit=1000")
        return {row["job_id"]: row for row in rows}


def poll(what: str, ask: Callable[[], T | None]) -> T:
    """Ask again and again until there is an answer.

    Raises:
        ComposeFailed: there was none in time.
    """
    give_up_at = time.monotonic() + PATIENCE_S
    while (answer := ask()) is None:
        if time.monotonic() > give_up_at:
            raise ComposeFailed(f"in vain: {what}")
        time.sleep(_POLL_S)
    return answer


@contextmanager
def timed(phase: str) -> Generator[None]:
    """Print how long the block took; for people, no test depends on it."""
    begun = time.monotonic()
    yield
    print(f"\n  {phase}: {time.monotonic() - begun:.1f} s", flush=True)


def _run(command: list[str], *, timeout_s: float, stdin: str = "") -> _Ended:
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            cwd=ROOT,
            env=_environ(),
        )
    except OSError as error:
        return _Ended(127, "", str(error))
    except subprocess.TimeoutExpired:
        return _Ended(124, "", f"has not ended within {timeout_s:.0f} s")
    return _Ended(done.returncode, done.stdout, done.stderr)


def _environ() -> dict[str, str]:
    """Ports of the engine's choice, and nothing that would bend the compose file."""
    published = ("CORE", "HEALTH", "PROMETHEUS", "GRAFANA")
    ours = {f"{service}_PUBLISH": "0" for service in published}
    bent = ("COMPOSE_", "VLLM_", "HF_TOKEN")
    return {k: v for k, v in os.environ.items() if not k.startswith(bent)} | ours
