"""Everything the worker needs, on this machine: Redis, the reference Core, the model stand-in.

Real processes on free ports of 127.0.0.1, in one private folder, gone with their owner.
"""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from worker.embedded.child import free_port
from worker.embedded.redis_server import RedisServer
from worker.embedded.service import Service, clean_environ

HOST = "127.0.0.1"


class Stack:
    """The services as a context manager; workers are added with `worker`.

    Args:
        latency_ms: what an answer of the model stand-in takes.
        model_slots: completions that it makes at once.
        core_strict: Core answers 404 for what it has never seen.
    """

    def __init__(
        self, *, latency_ms: float = 150, model_slots: int = 256, core_strict: bool = False
    ) -> None:
        self.redis = RedisServer()  # first: where there is none, nothing is left behind
        self.folder = Path(tempfile.mkdtemp(prefix="llm-worker-"))
        self.images = self.folder / "images"
        self.images.mkdir()
        core_port, model_port = free_port(), free_port()
        self.core_url = f"http://{HOST}:{core_port}"
        self.model_url = f"http://{HOST}:{model_port}"
        self._workers: list[Service] = []
        self._environ = clean_environ()
        self.core = self._service(
            "core",
            ["worker.embedded.core", "--port", str(core_port)],
            f"{self.core_url}/health",
            {"REDIS_URL": self.redis.url, "CORE_STRICT": str(int(core_strict))},
        )
        model = ["worker.embedded.model", "--port", str(model_port)]
        model += ["--latency-ms", str(latency_ms), "--slots", str(model_slots)]
        self.model = self._service("model", model, f"{self.model_url}/health", {})

    def worker(self, name: str = "worker", **settings: str) -> Service:
        """A worker on these services, not yet started; `settings` are environment variables."""
        port = free_port()
        environ = {
            "REDIS_URL": self.redis.url,
            "CORE_API_URL": self.core_url,
            "LLM_BASE_URL": f"{self.model_url}/v1",
            "IMAGE_STORAGE_PATH": str(self.images),
            "WORKER_HEALTH_PORT": str(port),
        }
        url = f"http://{HOST}:{port}/live"
        service = self._service(name, ["worker"], url, environ | settings)
        self._workers.append(service)
        return service

    def _service(
        self, name: str, words: list[str], ready_url: str, environ: dict[str, str]
    ) -> Service:
        return Service(name, words, ready_url, self.folder, self._environ | environ)

    def start(self) -> None:
        """Start Redis, Core and the model, and return once all three answer."""
        self.redis.start()
        self.core.start()
        self.model.start()
        self.core.wait_until_ready()
        self.model.wait_until_ready()

    def close(self) -> None:
        """End every process and remove the folder."""
        with ExitStack() as stack:  # each is closed, whatever happens to the others
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.callback(self.redis.close)
            stack.callback(self.core.stop)
            stack.callback(self.model.stop)
            for worker in self._workers:
                stack.callback(worker.stop)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
