"""A model server and a Core that answer at once: `python -m benchmarks.instant model --port 8000`.

Canned bytes over `asyncio.Protocol`, so that they are no bottleneck; what they were asked is
counted in the tally file that BENCH_TALLY names. `--latency-s 0.2 0.4` makes the model take that
long, evenly spread.
"""

import argparse
import asyncio
import json
import os
import random
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.tally import Count, Tally

Answer = Callable[[bytes, bytes, bytes], bytes]
"""Of method, path and body, the whole reply."""
_SIZE = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def reply(body: bytes, kind: str = "application/json") -> bytes:
    """A reply that keeps its connection open."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def completion(content: str) -> bytes:
    """A chat completion that says this."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 1_200, "completion_tokens": 14, "total_tokens": 1_214}
    said = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "m"}
    return reply(json.dumps({**said, "choices": [choice], "usage": usage}).encode())


TAGS = completion(json.dumps({"tags": ["ferry", "naxos", "travel", "booking"]}))
_COLOUR = completion(json.dumps({"colour": "blue"}))
_MODELS = reply(
    json.dumps({"object": "list", "data": [{"id": "m", "max_model_len": 131_072}]}).encode()
)
_NOTHING = reply(b"{}")


class Model:
    """Answers as vLLM would: its list of models, its load, and the same tags for every text.

    Attributes:
        running: texts that wait for their tags.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.running = 0

    def __call__(self, method: bytes, path: bytes, body: bytes) -> bytes:
        """The reply."""
        if method == b"POST":
            if b'"colour"' in body:
                return _COLOUR
            self._tally.add(Count.MODEL)
            return TAGS
        return {b"/v1/models": _MODELS, b"/metrics": self._load()}.get(path, _NOTHING)

    def _load(self) -> bytes:
        gauges = f"vllm:num_requests_running {self.running}\nvllm:num_requests_waiting 0\n"
        return reply(gauges.encode(), "text/plain")


def core(tally: Tally) -> Answer:
    """Takes everything, and counts the jobs that it hears the last word of."""
    heard: set[bytes] = set()

    def answer(method: bytes, path: bytes, body: bytes) -> bytes:
        if method == b"GET":
            return _NOTHING
        tally.add(Count.CORE)
        if method == b"PATCH" and b"processing" not in body:
            tally.add(Count.AGAIN if path in heard else Count.DONE)
            heard.add(path)
        return _NOTHING

    return answer


class Connection(asyncio.Protocol):
    """Reads requests with a length and answers each; tags may take a while."""

    def __init__(self, answer: Answer, latency_s: Callable[[], float]) -> None:
        self._answer = answer
        self._latency_s = latency_s
        self._pending = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        """Answer whatever has come in whole."""
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._pending[:end])
            size = _SIZE.search(head)
            whole = end + 4 + (int(size[1]) if size else 0)
            if len(self._pending) < whole:
                return
            method, path, _ = head.split(b" ", 2)
            body = bytes(self._pending[end + 4 : whole])
            del self._pending[:whole]
            said = self._answer(method, path, body)
            wait_s = self._latency_s() if said is TAGS else 0.0
            if wait_s:
                self._count(+1)
                asyncio.get_running_loop().call_later(wait_s, self._send_late, said)
            else:
                self._send(said)

    def _send_late(self, said: bytes) -> None:
        self._count(-1)
        self._send(said)

    def _send(self, said: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(said)

    def _count(self, change: int) -> None:
        if isinstance(self._answer, Model):
            self._answer.running += change


async def serve(answer: Answer, port: int, latency_s: Callable[[], float]) -> None:
    """Serve on 127.0.0.1 until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(answer, latency_s), "127.0.0.1", port, backlog=2_048
    )
    await server.serve_forever()


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instant", description=__doc__)
    parser.add_argument("which", choices=("model", "core"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-s", type=float, nargs=2, default=(0.0, 0.0))
    chosen = parser.parse_args()
    tally = Tally(Path(os.environ["BENCH_TALLY"]))
    answer = Model(tally) if chosen.which == "model" else core(tally)
    latency_s = partial(random.Random(1).uniform, *chosen.latency_s)  # noqa: S311 - no secret
    uvloop.run(serve(answer, chosen.port, latency_s))


if __name__ == "__main__":
    main()
