"""The reference Core as a process."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from worker.embedded.core import main

ROOT = Path(__file__).parents[3]


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """One line says where; a signal ends it with status 0 and without a word."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "worker.embedded.core", "--port", "0", "--database", "c.sqlite3"),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CORE_STRICT": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert "reference" in line
        url = next(word for word in line.split() if word.startswith("http://"))
        async with aiohttp.ClientSession(url) as session:
            async with session.get("/health") as response:
                assert response.status == 200
            body = {"status": "processing"}
            async with session.patch("/llm_jobs/j1", json=body) as response:
                assert response.status == 404
        process.send_signal(number)
    except BaseException:
        process.kill()
        raise
    finally:
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"", b"")
    assert (tmp_path / "c.sqlite3").exists()


def test_a_taken_port_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A start that cannot be is a sentence and status 1, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--port", port, "--database", str(tmp_path / "c.sqlite3")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("core: ")
    assert error.count("\n") == 1


def test_a_wrong_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable is named, and nothing is started."""
    monkeypatch.setenv("CORE_STRICT", "perhaps")
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("core: CORE_STRICT='perhaps': ")
