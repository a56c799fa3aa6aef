"""The servers that contenders are measured against."""

import asyncio
import json
from pathlib import Path
from typing import cast

import pytest

from benchmarks.instant import Answer, Connection, Model, core
from benchmarks.tally import Count, Tally


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """Never."""
        return False


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    """Counts of this test."""
    return Tally(tmp_path / "tally")


def asked(answer: Answer, *pieces: bytes, latency_s: float = 0.0) -> bytes:
    """What a connection says to these bytes."""
    wire, connection = Wire(), Connection(answer, lambda: latency_s)
    connection.connection_made(cast("asyncio.BaseTransport", wire))
    for piece in pieces:
        connection.data_received(piece)
    return wire.written


def request(method: str, path: str, body: str = "") -> bytes:
    """A request with a length."""
    return f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_a_request_is_answered_once_it_is_whole(tally: Tally):
    """However it is cut into pieces, and two in one piece."""
    whole = request("POST", "/v1/chat/completions", "{}")
    assert asked(Model(tally), whole[:20], whole[20:-1]) == b""
    said = asked(Model(tally), whole[:20], whole[20:] + whole)
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert tally[Count.MODEL] == 2


def test_the_model_says_tags_and_to_the_canary_a_colour(tally: Tally):
    """The canary is no job."""
    said = asked(Model(tally), request("POST", "/v1/chat/completions", '{"colour": 1}'))
    reply = json.loads(said.partition(b"\r\n\r\n")[2])
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"colour": "blue"}
    assert tally[Count.MODEL] == 0


async def test_a_slow_model_says_how_much_it_has_to_do(tally: Tally):
    """Its load counts what waits for its tags."""
    model = Model(tally)
    assert asked(model, request("POST", "/v1/chat/completions", "{}"), latency_s=9_999) == b""
    assert b"vllm:num_requests_running 1\n" in asked(model, request("GET", "/metrics"))


def test_core_counts_jobs_by_their_last_word(tally: Tally):
    """Not those that begin, and the same one once."""
    last = request("PATCH", "/llm_jobs/1", '{"status": "completed"}')
    begun = request("PATCH", "/llm_jobs/1", '{"status": "processing"}')
    answer = core(tally)
    asked(answer, begun, last, last, request("POST", "/memories/m/tags", "{}"))
    assert [tally[count] for count in Count] == [1, 1, 4, 0]
