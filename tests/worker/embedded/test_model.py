"""The stand-in as a process."""

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from worker.embedded.model import main
from worker.llm.chat import ChatRequest, Completion, Prompt
from worker.llm.recorder import CallNote, RecordFolder


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


def record(folder: Path) -> None:
    """A recorded call."""
    request = ChatRequest(Prompt("s", "u"), "tags", {}, 9, 9.0)
    reply = Completion("recorded", "stop", 5, 6)
    RecordFolder(folder).write(CallNote(0.0, 0.1, request, 4_096, reply))


@pytest.mark.process
async def test_replays_a_folder(tmp_path: Path) -> None:
    """It says so, has the room of the server that was recorded, and answers as that did."""
    record(tmp_path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "worker.embedded.model", "--port", "0", "--replay", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.endswith(", replaying 1 recorded calls\n")
        messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
        wanted: Any = {"type": "json_schema", "json_schema": {"name": "tags", "schema": {}}}
        body = {"model": "mistral", "messages": messages, "response_format": wanted}
        url = line.split()[6]
        async with aiohttp.ClientSession() as client:
            async with client.get(f"{url}/models") as response:
                assert (await response.json())["data"][0]["max_model_len"] == 4_096
            async with client.post(f"{url}/chat/completions", json=body) as response:
                said = (await response.json())["choices"][0]["message"]["content"]
        assert said == "recorded"
    finally:
        process.terminate()
        await process.wait()


def test_a_folder_without_records_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing would be replayed: better not to start."""
    assert main(["--port", "0", "--replay", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"model stand-in: no recorded call in {tmp_path}\n"
