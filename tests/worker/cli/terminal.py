"""The command line in this process, at a real Redis, and the words to look into that."""

import asyncio
import json
from typing import Any, cast

from typer.testing import CliRunner, Result

from shared.redis_streams import Keys
from worker.cli import app
from worker.embedded.redis_server import RedisServer
from worker.queue.redis_clients import connect

KEYS = Keys()


class Terminal:
    """Somebody at the keyboard."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server

    def run(self, *words: str, stdin: str | bytes | None = None) -> Result:
        """Type a command."""
        return CliRunner().invoke(app, list(words), input=stdin)

    def json(self, *words: str) -> Any:
        """Type it with --json; what it prints."""
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def command(self, *words: str | int) -> Any:
        """Send a command to Redis."""

        async def send() -> Any:
            clients = connect(self.server.url)
            try:
                return await clients.commands.execute_command(*words)
            finally:
                await clients.close()

        return asyncio.run(send())

    def add(self, job_id: str, job_type: str = "text_tag", payload: str = "{}") -> str:
        """Append a job; returns the entry id."""
        words = ("XADD", KEYS.stream(job_type), "*", "job_id", job_id, "payload", payload)
        return cast("bytes", self.command(*words)).decode()

    def tell(self, name: str, **facts: Any) -> None:
        """Have a worker tell of itself."""
        seconds, _ = self.command("TIME")
        raw = json.dumps({"at": int(seconds), "started_at": int(seconds) - 60, **facts})
        self.command("HSET", KEYS.workers, name, raw)
