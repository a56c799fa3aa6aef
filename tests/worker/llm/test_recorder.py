"""Calls are written down beside the jobs, whatever the disk does."""

import asyncio
import json
import stat
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.builders import until
from worker.clock import Clock
from worker.errors import Snooze
from worker.llm import recorder as module
from worker.llm.chat import (
    ChatRequest,
    Completion,
    ModelRole,
    PreparedImage,
    Prompt,
    ScriptedLLM,
)
from worker.llm.recorder import BACKLOG_MAX, IMAGES, CallNote, RecordFolder, RecordingLLM
from worker.llm.records import Record, load_record, replay_key

AT = 1_795_242_124.5  # 2026-11-21T06:22:04.5Z
CLOCK = Clock(now=lambda: AT, elapsed=lambda: 7.0)
REPLY = Completion('{"tags":["sea"]}', "stop", 10, 5, 2, "vllm", "mistral")
PICTURE = PreparedImage(b"jpeg bytes", "image/jpeg", 3, 2, "d" * 64)


def asked(request_id: str = "j1-1-1", image: PreparedImage | None = None) -> ChatRequest:
    """A request."""
    prompt = Prompt("system", "a private diary", image, "text_tag/3")
    return ChatRequest(prompt, "tags", {"type": "object"}, 256, 60.0, request_id)


def recorded(folder: Path) -> list[Record]:
    """What is in the folder, in the order of the names."""
    return [load_record(file.read_bytes()) for file in sorted(folder.glob("*.json"))]


def recording(script: list[Any], folder: Path) -> RecordingLLM:
    """A model of a script that is recorded."""
    return RecordingLLM(ScriptedLLM(script, context=8_192), folder, CLOCK)


async def test_a_call_in_a_file(tmp_path: Path) -> None:
    """The reply comes as it would without; the file holds both sides of the call."""
    folder = tmp_path / "records" / "today"
    llm = recording([REPLY], folder)
    assert await llm.complete(asked()) == REPLY
    assert llm.context_tokens(ModelRole.TEXT) == 8_192
    await llm.close()
    [file] = folder.iterdir()
    assert file.name == "20261121T062204.500000Z-000001-j1-1-1.json"
    [record] = recorded(folder)
    assert record.key == replay_key("system", "a private diary", "", {"type": "object"})
    assert (record.at, record.request_id) == ("2026-11-21T06:22:04.500000+00:00", "j1-1-1")
    assert (record.request.user, record.request.context_tokens) == ("a private diary", 8_192)
    assert record.reply is not None
    assert (record.reply.text, record.reply.tokens_cached) == (REPLY.text, 2)


async def test_a_failure_in_a_file(tmp_path: Path) -> None:
    """It goes on as it came, and its cause is kept."""
    error = Snooze("busy", after_s=3.0, cause="http_503")
    llm = recording([error], tmp_path)
    with pytest.raises(Snooze) as caught:
        await llm.complete(asked())
    assert caught.value is error
    await llm.close()
    [record] = recorded(tmp_path)
    assert record.error is not None
    assert (record.error.cause, record.error.after_s, record.reply) == ("http_503", 3.0, None)


async def test_for_nobody_elses_eyes(tmp_path: Path) -> None:
    """Only the owner may look into what is made here."""
    folder = tmp_path / "records"
    llm = recording([REPLY], folder)
    await llm.complete(asked(image=PICTURE))
    await llm.close()
    modes = {file: stat.S_IMODE(file.stat().st_mode) for file in [folder, *folder.rglob("*")]}
    assert {mode for file, mode in modes.items() if file.is_dir()} == {0o700}
    assert {mode for file, mode in modes.items() if file.is_file()} == {0o600}
    assert len(modes) == 4


def test_a_folder_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    """It may be anybody's."""
    tmp_path.chmod(0o755)
    RecordFolder(tmp_path).write(CallNote(AT, 0.1, asked(), None, REPLY))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


async def test_it_says_so_loudly(tmp_path: Path) -> None:
    """Whoever reads the log of the start knows that texts are kept, and where."""
    with capture_logs() as logs:
        llm = recording([REPLY], tmp_path)
        await llm.complete(asked())
        await llm.close()
    [line] = logs
    assert (line["log_level"], line["folder"]) == ("warning", str(tmp_path))
    assert "private texts included" in line["what"]
    assert "diary" not in json.dumps(logs)


async def test_a_picture_is_kept_once(tmp_path: Path) -> None:
    """By its digest, however often it was shown."""
    llm = recording([REPLY] * 2, tmp_path)
    for _ in range(2):
        await llm.complete(asked(image=PICTURE))
    await llm.close()
    [file] = (tmp_path / IMAGES).iterdir()
    assert (file.name, file.read_bytes()) == ("d" * 64 + ".jpeg", b"jpeg bytes")
    images = [record.request.image for record in recorded(tmp_path)]
    assert [image and image.digest for image in images] == ["d" * 64] * 2


@pytest.mark.parametrize("request_id", ["../../etc/x", "a/b\x00c", "ü" * 300, "", ".hidden", "-n"])
def test_any_request_id_is_a_safe_name(tmp_path: Path, request_id: str) -> None:
    """It comes from whoever made the job."""
    note = CallNote(AT, 0.1, asked(request_id), None, REPLY)
    file = RecordFolder(tmp_path / "in").write(note)
    assert file.parent == tmp_path / "in"
    assert len(file.name) < 150
    assert [found.name for found in tmp_path.iterdir()] == ["in"]


async def test_a_disk_that_fails_hurts_no_job(tmp_path: Path) -> None:
    """It is said once, not for each call; when it works again, so does the recording."""
    folder = tmp_path / "records"
    folder.write_text("not a folder")
    with capture_logs() as logs:
        llm = recording([REPLY] * 4, folder)
        for _ in range(3):
            assert await llm.complete(asked()) == REPLY
        await until(lambda: len(logs) == 2 and llm._notes.empty())  # pyright: ignore[reportPrivateUsage] -- to know that it has tried
        folder.unlink()
        await llm.complete(asked())
        await llm.close()
    assert [line["event"] for line in logs[1:]] == ["not_recorded"]
    assert logs[1]["why"] == "File exists"


async def test_a_slow_disk_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit the backlog is left out, and that is said once."""
    go_on = Event()
    write = RecordFolder.write

    def slowly(folder: RecordFolder, note: CallNote) -> Path:
        go_on.wait()
        return write(folder, note)

    monkeypatch.setattr(module.RecordFolder, "write", slowly)
    calls = BACKLOG_MAX + 50
    with capture_logs() as logs:
        llm = recording([REPLY] * calls, tmp_path)
        await asyncio.gather(*(llm.complete(asked()) for _ in range(calls)))
        go_on.set()
        await llm.close()
    assert [line["event"] for line in logs[1:]] == ["not_recorded"]
    assert BACKLOG_MAX <= len(recorded(tmp_path)) <= BACKLOG_MAX + 1
