"""The stand-in as a process."""

import asyncio
import signal
import socket
import sys

import aiohttp
import pytest

from worker.embedded.model import main


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serves_and_ends_quietly(number: signal.Signals) -> None:
    """It tells where it is and what it is, answers, and a signal ends it with 0 and no word."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "worker.embedded.model", "--port", "0", "--models", "a,b"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith("model stand-in, not a real model: http://127.0.0.1:")
        url = line.split()[6]
        async with aiohttp.ClientSession() as client, client.get(f"{url}/models") as response:
            assert [each["id"] for each in (await response.json())["data"]] == ["a", "b"]
        process.send_signal(number)
        out, err = await process.communicate()
        assert (process.returncode, out, err) == (0, b"", b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_taken_port_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An address in use is an exit code and a sentence, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert capsys.readouterr().err.startswith("model stand-in: ")
