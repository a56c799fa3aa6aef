"""A real Prometheus on the repository's own configuration, in a greater hurry."""

import asyncio
import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from worker.embedded.child import die_with_parent, free_port

_PROGRAM = "prometheus"
_CONFIGURED = Path(__file__).parents[1] / "deploy/prometheus"
_POINTS_MAX = 5_000
"""Of one answer; Prometheus gives 11,000 at most."""
_FIRING = 'ALERTS{alertstate="firing"}'
_STOP_S = 20.0


def is_installed() -> bool:
    """Whether there is one on this machine."""
    return shutil.which(_PROGRAM) is not None


class Prometheus:
    """Debian's, as a context manager; `ready` says when it can be asked.

    Args:
        folder: an empty one, for its configuration and its data.
        workers: `host:port` of health ports.
        models: `host:port` of model servers.
        every_s: how often they are asked, and how long each may take.
        patient: whether alerts wait as long as their rules say, or fire at once.
    """

    def __init__(
        self,
        folder: Path,
        workers: Sequence[str],
        models: Sequence[str] = (),
        *,
        every_s: int = 1,
        patient: bool = True,
    ) -> None:
        self._folder = folder / "prometheus"
        self._port = free_port()
        shutil.copytree(_CONFIGURED, self._folder)
        config = self._folder / "prometheus.yml"
        text = config.read_text(encoding="utf-8")
        text = text.replace("_interval: 15s", f"_interval: {every_s}s")
        config.write_text(text.replace("localhost:9090", f"localhost:{self._port}"))
        if not patient:
            alerts = self._folder / "alerts.yml"
            alerts.write_text(re.sub(r"\bfor: \w+", "for: 0s", alerts.read_text(encoding="utf-8")))
        for name, targets in (("llm-worker", workers), ("vllm", models)):
            file = self._folder / f"targets/{name}.yml"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps([{"targets": list(targets)}]))  # JSON is YAML, too
        self._process: subprocess.Popen[bytes] | None = None
        self._started = time.time()

    def __enter__(self) -> Self:
        words = [
            str(shutil.which(_PROGRAM)),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                die_with_parent(words),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C in a terminal is for the owner
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def url(self) -> str:
        """Where people look at it."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    async def ready(self) -> bool:
        """Whether it answers yet."""
        try:
            return bool(await asyncio.to_thread(self._get, "/-/ready"))
        except OSError:
            return False

    def query(self, expr: str) -> list[Any]:
        """What an expression gives now: each sample with its labels (`metric`) and its `value`."""
        return self._ask("query", {"query": expr})

    def has_shown(self, expr: str) -> bool:
        """Whether a panel of this expression has had something to show since the start."""
        times = {"start": str(self._started), "end": str(time.time()), "step": "1"}
        return bool(self._ask("query_range", {"query": expr, **times}))

    def _ask(self, how: str, words: Mapping[str, str]) -> list[Any]:
        answer = json.loads(self._get(f"/api/v1/{how}?{urllib.parse.urlencode(words)}"))
        if answer["status"] != "success":
            raise ValueError(f"Prometheus refuses {words}: {answer}")
        return list(answer["data"]["result"])

    async def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return _names(await asyncio.to_thread(self.query, _FIRING))

    async def fired(self, since: float) -> set[str]:
        """The names of the alerts that have fired since then (Unix seconds), for however short."""
        now = time.time()
        # The last moment is one that is looked at: an alert may have begun to fire just now.
        step = max(1.0, (now - since) / _POINTS_MAX)
        start = now - (now - since) // step * step
        times = {"start": f"{start:.3f}", "end": f"{now:.3f}", "step": f"{step:.3f}"}
        return _names(
            await asyncio.to_thread(self._ask, "query_range", {"query": _FIRING, **times})
        )

    def rules(self) -> list[dict[str, Any]]:
        """Every rule and how its last evaluation went."""
        groups = json.loads(self._get("/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, path: str) -> str:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}{path}", timeout=10) as response:
            return str(response.read().decode())


def _names(alerts: Sequence[Any]) -> set[str]:
    return {each["metric"]["alertname"] for each in alerts}
