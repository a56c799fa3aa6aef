"""A terminal at a real and empty Redis; no settings but the defaults."""

from pathlib import Path

import pytest

from tests.worker.cli.terminal import Terminal
from worker.config import Settings
from worker.embedded.redis_server import RedisServer


@pytest.fixture
def terminal(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Terminal:
    """Somebody at the keyboard."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    made = Terminal(redis_server)
    made.command("FLUSHALL")
    return made
