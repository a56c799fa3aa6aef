"""Pictures wait for one another; the event loop, and whoever gives up, waits for none."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.files.test_images import red_blue
from worker.files import images
from worker.files.images import ImageFolder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ImageFolder]:
    """An image folder at `tmp_path`."""
    folder = ImageFolder(tmp_path)
    yield folder
    folder.close()


async def test_cancelled_load(
    folder: ImageFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled load lets its caller go at once, and its thread takes the next picture."""
    loop, begun, gate = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    really = images.read_below

    def slowly(root: Path, path: str, max_bytes: int) -> bytes:
        assert threading.current_thread() is not threading.main_thread()
        loop.call_soon_threadsafe(begun.set)
        gate.wait(30)
        return really(root, path, max_bytes)

    red_blue().save(tmp_path / "a.png")
    monkeypatch.setattr(images, "read_below", slowly)
    load = asyncio.create_task(folder.load("a.png"))
    await begun.wait()
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    gate.set()
    assert (await folder.load("a.png")).width == 80


async def test_two_at_a_time(
    folder: ImageFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pictures are asked for, two are in memory at once."""
    both, gate, really = threading.Barrier(3), threading.Event(), images.read_below

    def slowly(root: Path, path: str, max_bytes: int) -> bytes:
        if not gate.is_set():
            both.wait(30)
            gate.wait(30)
        return really(root, path, max_bytes)

    red_blue().save(tmp_path / "a.png")
    monkeypatch.setattr(images, "read_below", slowly)
    loads = [asyncio.create_task(folder.load("a.png")) for _ in range(6)]
    await asyncio.to_thread(both.wait, 30)  # two of them are at work, the other four are handed in
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("images")]
    gate.set()
    assert len(threads) == 2
    assert [prepared.width for prepared in await asyncio.gather(*loads)] == [80] * 6


async def test_closed(folder: ImageFolder) -> None:
    """After `close` no picture is taken."""
    folder.close()
    with pytest.raises(RuntimeError):
        await folder.load("a.jpg")
