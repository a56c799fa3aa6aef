"""Runs the vLLM tests against `VLLM_URL`, or against a server it starts with `VLLM_SERVE`.

`VLLM_SERVE` is a program that serves a small model in the foreground: `$VLLM_SERVE serve PORT`.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from worker.embedded.child import die_with_parent, free_port

_START_TIMEOUT_S = 900.0  # the first start may install it


def main(arguments: list[str]) -> int:
    """Run the tests; the exit code is pytest's, or 2 when there is no server to run against."""
    if os.environ.get("VLLM_URL"):
        return _run(arguments)
    program = os.environ.get("VLLM_SERVE")
    if not program:
        print("set VLLM_URL to a vLLM server, such as http://localhost:8000/v1", file=sys.stderr)
        return 2
    port = free_port()
    server = subprocess.Popen(
        die_with_parent([program, "serve", str(port)]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        _wait_until_healthy(server, f"http://127.0.0.1:{port}/health")
        os.environ["VLLM_URL"] = f"http://127.0.0.1:{port}/v1"
        return _run(arguments)
    finally:
        server.terminate()
        server.wait(60)


def _run(arguments: list[str]) -> int:
    return int(pytest.main(["-m", "vllm", "tests/vllm", *arguments]))


def _wait_until_healthy(server: "subprocess.Popen[bytes]", url: str) -> None:
    started = time.monotonic()
    print(f"starting vLLM, until {url} answers …", flush=True)
    while time.monotonic() - started < _START_TIMEOUT_S:
        if server.poll() is not None:
            raise SystemExit(f"the vLLM server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                print(f"vLLM answers after {time.monotonic() - started:.0f} s", flush=True)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit("the vLLM server did not answer in time")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
