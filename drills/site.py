"""What a game day happens on: the stand-ins, two workers, Prometheus where it is installed."""

import secrets
import shutil
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Self

import aiohttp

from drills.prometheus import Prometheus, is_installed
from shared.redis_streams import Keys
from worker.embedded.samples import paint
from worker.embedded.service import Service, clean_environ
from worker.embedded.stack import Stack

WORKERS = 2
_MODEL_SLOTS = 16
_SCRAPE_EVERY_S = 5


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """How the stack is made.

    Attributes:
        latency_ms: what an answer of the model stand-in takes.
        keep: where logs and Core's database are copied to in the end; None: nowhere.
        patient: whether alerts wait as long as their rules say, or fire at once.
    """

    latency_ms: float = 800
    keep: Path | None = None
    patient: bool = True


class Site:
    """A context manager that starts everything and leaves nothing running."""

    def __init__(self, options: SiteOptions) -> None:
        self._options = options
        self.stack = Stack(latency_ms=options.latency_ms, model_slots=_MODEL_SLOTS)
        self.token = secrets.token_urlsafe(12)
        settings = {"LOG_FORMAT": "json", "WORKER_ADMIN_TOKEN": self.token}
        names = [f"worker-{number}" for number in range(1, WORKERS + 1)]
        self.workers = [self.stack.worker(name, **settings) for name in names]
        self.prometheus: Prometheus | None = None
        """There once the site is entered, where it is installed."""
        self._opened = ExitStack()

    def _prometheus(self) -> Prometheus:
        return Prometheus(
            self.stack.folder,
            [page.split("/")[2] for page in self.pages],
            [self.stack.model_url.removeprefix("http://")],
            every_s=_SCRAPE_EVERY_S,
            patient=self._options.patient,
        )

    def __enter__(self) -> Self:
        with ExitStack() as opened:  # undone from the last to the first
            opened.enter_context(self.stack)
            opened.callback(self._keep)
            opened.push(self._dismiss)
            paint(self.stack.images)
            self.env_file.write_text(self._exports(), encoding="utf-8")
            if is_installed():
                self.prometheus = opened.enter_context(self._prometheus())
            for worker in self.workers:
                worker.start()
            for worker in self.workers:
                worker.wait_until_ready()
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def _dismiss(self, kind: type[BaseException] | None, *_: object) -> None:
        """Workers of a game broken off are given no grace: what they have is thrown away."""
        for worker in self.workers:
            worker.send(signal.SIGTERM if kind is None else signal.SIGKILL)
        for worker in self.workers:
            worker.stop()

    def _keep(self) -> None:
        if self._options.keep is not None:
            shutil.copytree(self.stack.folder, self._options.keep, dirs_exist_ok=True)

    # ------------------------------------------------------------------------ for the trainee

    @property
    def pages(self) -> list[str]:
        """The workers' pages."""
        return [worker.ready_url.removesuffix("live") for worker in self.workers]

    @property
    def env_file(self) -> Path:
        """To be sourced by a shell in which `llm-worker` is to look at this stack."""
        return self.stack.folder / "operator.env"

    @property
    def restarts_file(self) -> Path:
        """What an orchestrator would show: which worker ended how, and was started again."""
        return self.stack.folder / "orchestrator.log"

    @property
    def core_database(self) -> Path:
        """Core's SQLite file."""
        return self.stack.folder / "core.sqlite3"

    def _exports(self) -> str:
        settings = {  # whatever an .env says where the trainee types
            "REDIS_URL": self.stack.redis.url,
            "LLM_STREAM_PREFIX": Keys().prefix,
            "CORE_API_URL": self.stack.core_url,
            "LLM_BASE_URL": f"{self.stack.model_url}/v1",
            "IMAGE_STORAGE_PATH": str(self.stack.images),
            "WORKER_ADMIN_TOKEN": self.token,
        }
        lines = [f"export {name}={quote(value)}" for name, value in settings.items()]
        lines.append(f'export PATH={quote(str(Path(sys.executable).parent))}:"$PATH"')
        return "\n".join(lines) + "\n"

    # ------------------------------------------------------------------------ for the game

    def model_named(self, models: str) -> Service:
        """Another model server for the place of the one there is; not yet started."""
        place, url = self.stack.model_url.rpartition(":")[2], f"{self.stack.model_url}/health"
        words = ["worker.embedded.model", "--port", place, "--models", models]
        words += ["--latency-ms", str(self._options.latency_ms), "--slots", str(_MODEL_SLOTS)]
        return Service("model", words, url, self.stack.folder, clean_environ())

    async def is_well(self) -> bool:
        """Whether every worker says that it and all it leans on is ready."""
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            return all([await _is_ready(http, f"{page}ready") for page in self.pages])


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as response:
            return response.status == 200
    except (TimeoutError, aiohttp.ClientError, OSError):
        return False
