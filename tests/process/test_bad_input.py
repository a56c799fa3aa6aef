"""What no worker can run ends as a dead letter with its reason, and never stays pending."""

import json
import os
from typing import Any

import pytest

from shared import FailureReason, JobType
from tests.process.bench import NOTE, Bench, until

pytestmark = pytest.mark.process

GOOD = json.dumps(NOTE)
ENTRIES: list[tuple[str, dict[str, str | bytes], FailureReason]] = [
    ("no job id", {"payload": GOOD}, FailureReason.MALFORMED_ENTRY),
    ("empty job id", {"job_id": " ", "payload": GOOD}, FailureReason.MALFORMED_ENTRY),
    ("no payload", {"job_id": "b1"}, FailureReason.INVALID_PAYLOAD),
    ("a list", {"job_id": "b2", "payload": "[1]"}, FailureReason.INVALID_PAYLOAD),
    ("no JSON", {"job_id": "b3", "payload": "{"}, FailureReason.INVALID_PAYLOAD),
    ("wrong schema", {"job_id": "b4", "payload": "{}"}, FailureReason.INVALID_PAYLOAD),
    ("no known field", {"hello": "world"}, FailureReason.MALFORMED_ENTRY),
    ("binary", {"job_id": b"\xff\xfe", "payload": b"\x00\xff"}, FailureReason.INVALID_PAYLOAD),
    ("user id", {"job_id": "b5", "payload": GOOD, "user_id": "x"}, FailureReason.MALFORMED_ENTRY),
    ("late", {"job_id": "b6", "payload": GOOD, "deadline": "1000000000"}, FailureReason.EXPIRED),
    ("nested", {"job_id": "b7", "payload": '{"a":' * 9_000}, FailureReason.INVALID_PAYLOAD),
    (
        "50 MB",
        {"job_id": "b8", "payload": '{"memory_id":"m1","content":"' + "x" * 50_000_000 + '"}'},
        FailureReason.INVALID_PAYLOAD,
    ),
]


async def test_bad_entries_become_dead_letters(bench: Bench) -> None:
    """Each bad entry is a dead letter with its reason; a good job beside them is run."""
    ids: dict[str, str] = {}
    for name, fields, _ in ENTRIES:
        flat = [part for pair in fields.items() for part in pair]
        ids[name] = (await bench.command("XADD", "llm:text_tag", "*", *flat)).decode()
    await bench.enqueue("good")
    bench.start_worker()
    [good] = await bench.ended("good")
    assert good["status"] == "completed"
    await bench.settled()
    letters = {letter["dead_entry_id"]: letter for letter in await bench.dead()}
    for name, fields, reason in ENTRIES:
        letter = letters.pop(ids[name])
        assert letter["dead_reason"] == reason, name
        assert letter["dead_stream"] == "llm:text_tag"
        assert set(fields) <= letter.keys()
    assert not letters
    assert await bench.pending() == 0


async def test_core_is_told_of_what_failed(bench: Bench) -> None:
    """A bad payload with a job id is PATCHed `failed`, with words a person understands."""
    bench.start_worker()
    await bench.enqueue("short", {"memory_id": "m1"})
    [job] = await bench.ended("short")
    assert job["status"] == "failed"
    assert job["error_message"] == "invalid_payload: content: Field required"


async def test_bad_pictures_are_refused_with_a_reason(bench: Bench) -> None:
    """Missing, outside, linked out, a FIFO, no picture: each failed, none opened or waited for."""
    folder = bench.stack.images
    (folder.parent / "secret.png").write_bytes(b"secret")
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "text.png").write_text("hello", encoding="utf-8")
    os.mkfifo(folder / "pipe.png")
    paths = ["nowhere.png", "../secret.png", "/etc/passwd", "link.png", "text.png", "pipe.png", "."]
    bench.start_worker()
    for number, path in enumerate(paths):
        payload = {"memory_id": "m1", "image_path": path}
        await bench.enqueue(f"pic-{number}", payload, JobType.IMAGE_TAG)
    jobs = await bench.ended(*(f"pic-{number}" for number in range(len(paths))))
    assert {job["status"] for job in jobs} == {"failed"}
    assert all(job["error_message"].startswith("invalid_image: ") for job in jobs)
    assert await bench.model_calls() == 0


async def test_a_stream_of_no_known_type_is_swept(bench: Bench) -> None:
    """Jobs on `llm:text_tags` are failed in Core and dead letters, not waiting for ever."""
    await bench.command("XADD", "llm:text_tags", "*", "job_id", "typo", "payload", GOOD)
    bench.start_worker(WORKER_STRAY_AFTER_S="0")
    [job] = await bench.ended("typo")
    assert job["status"] == "failed"
    assert "'text_tags' is no job type" in job["error_message"]

    async def letters() -> list[dict[str, str]]:
        return await bench.dead()

    [letter] = await until(letters, what="the dead letter")
    assert letter["dead_reason"] == FailureReason.UNKNOWN_JOB_TYPE
    assert await bench.command("XLEN", "llm:text_tags") == 0


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("WORKER_CONCURRENCY", "many", "WORKER_CONCURRENCY='many'"),
        ("WORKER_CONCURRENCY", "0", "greater than or equal to 1"),
        ("WORKER_JOB_TYPES", "text_tag,nope", "nope: no such job type; allowed are all, or"),
        ("REDIS_URL", "localhost:6379", "must be a URL that begins with redis://"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
async def test_a_wrong_setting_stops_the_start(
    bench: Bench, setting: str, value: str, said: str
) -> None:
    """The message has the variable, its value and what is allowed; no traceback, exit code 2."""
    settings: dict[str, Any] = {setting: value}
    worker = bench.stack.worker(**settings)
    worker.start()
    assert worker.wait(30) == 2
    assert setting in worker.log
    assert said in worker.log
    assert "Traceback" not in worker.log
