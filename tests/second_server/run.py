"""Runs these tests against `SECOND_SERVER_URL`, or against a server it starts itself.

`SECOND_SERVER_PYTHON` is a Python that has `llama-cpp-python[server]` installed. It gets a tiny
model with random weights, made here, and a free port of 127.0.0.1.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.second_server.make_gguf import CONTEXT, MODEL, make_model
from worker.embedded.child import die_with_parent, free_port

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 60.0


def main(arguments: list[str]) -> int:
    """Run the tests; the exit code is pytest's, or 2 when there is no server to run against."""
    if os.environ.get("SECOND_SERVER_URL"):
        return _run(arguments)
    python = os.environ.get("SECOND_SERVER_PYTHON")
    if not python:
        print(
            "set SECOND_SERVER_URL to a llama-cpp-python server, such as http://localhost:8000/v1,"
            " or SECOND_SERVER_PYTHON to a Python that has llama-cpp-python[server]",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="second-server-") as folder:
        return _run_on_own_server(python, Path(folder), arguments)


def _run_on_own_server(python: str, folder: Path, arguments: list[str]) -> int:
    model, log_file, port = folder / "tiny.gguf", folder / "server.log", free_port(_HOST)
    make_model(model)
    with log_file.open("wb") as log:
        server = subprocess.Popen(
            die_with_parent(_command(python, model, port)),
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        os.environ["SECOND_SERVER_URL"] = f"http://{_HOST}:{port}/v1"
        _wait_until_it_answers(server, f"http://{_HOST}:{port}/v1/models", log_file)
        return _run(arguments)
    finally:
        server.terminate()
        server.wait(60)


def _command(python: str, model: Path, port: int) -> list[str]:
    return [
        *(python, "-m", "llama_cpp.server"),
        *("--host", _HOST, "--port", str(port)),
        *("--model", str(model), "--model_alias", MODEL, "--n_ctx", str(CONTEXT)),
    ]


def _run(arguments: list[str]) -> int:
    return int(pytest.main(["-m", "second_server", "tests/second_server", *arguments]))


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", url: str, log_file: Path) -> None:
    started = time.monotonic()
    while time.monotonic() - started < _START_TIMEOUT_S:
        if server.poll() is not None:
            said = log_file.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise SystemExit(f"the server ended with {server.returncode}:\n{said}")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                print(f"the server answers after {time.monotonic() - started:.1f} s", flush=True)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("the server did not answer in time")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
