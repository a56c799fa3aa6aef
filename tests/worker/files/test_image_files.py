"""A path leads to one regular file below the root, or to a sentence that says why not.

Every test here is run twice: with the kernel's own way beneath a folder, and on foot.
"""

import errno
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from worker.errors import Halt, Retryable
from worker.files import openat2
from worker.files.image_files import UnusableFile, explain, explain_root, open_below, read_below

INSIDE = b"inside"
OUTSIDE = b"outside"
Change = Callable[[], None]


@pytest.fixture(params=["openat2", "walk"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which of the two ways files are opened."""
    way: str = request.param
    if way == "openat2" and not openat2.is_allowed():
        pytest.skip("this kernel or its container does not allow openat2")
    monkeypatch.setattr(openat2, "is_allowed", lambda: way == "openat2")
    return way


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image folder with `a.jpg` and `deep/down/b.jpg`; next to it a folder of secrets."""
    root = tmp_path / "images"
    (root / "deep" / "down").mkdir(parents=True)
    (root / "a.jpg").write_bytes(INSIDE)
    (root / "deep" / "down" / "b.jpg").write_bytes(INSIDE)
    (tmp_path / "secrets" / "down").mkdir(parents=True)
    (tmp_path / "secrets" / "b.jpg").write_bytes(OUTSIDE)
    (tmp_path / "secrets" / "down" / "b.jpg").write_bytes(OUTSIDE)
    return root


def read(root: Path, path: str, max_bytes: int = 100) -> bytes:
    """Read with a small bound."""
    return read_below(root, path, max_bytes)


def why_not(root: Path, path: str, max_bytes: int = 100) -> str:
    """The sentence for a path that must not be read."""
    with pytest.raises(UnusableFile) as caught:
        read(root, path, max_bytes)
    return str(caught.value)


@pytest.mark.parametrize("path", ["a.jpg", "./a.jpg", "deep/down/b.jpg", "deep//./down/b.jpg"])
def test_reads_relative_paths(root: Path, path: str) -> None:
    """A path below the root is read, however it is spelled."""
    assert read(root, path) == INSIDE


def test_reads_absolute_paths_inside(root: Path) -> None:
    """An absolute path inside the root is the same file."""
    assert read(root, str(root / "deep" / "down" / "b.jpg")) == INSIDE


def test_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    """The configured folder may be a link, and producers may spell it either way."""
    link = tmp_path / "link"
    link.symlink_to(root)
    assert read(link, "a.jpg") == INSIDE
    assert read(link, str(link / "a.jpg")) == INSIDE
    assert read(link, str(root / "a.jpg")) == INSIDE


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "is empty"),
        (".", "is a folder"),
        ("deep", "is a folder"),
        ("deep/", "is a folder"),
        ("no.jpg", "does not exist"),
        ("no/such/folder.jpg", "does not exist"),
        ("a.jpg/b.jpg", "leads through something that is no folder"),
        ("../secrets/b.jpg", "has '..' in it"),
        ("deep/../a.jpg", "has '..' in it"),
        ("a\0.jpg", "has a NUL character"),
        ("\ud800.jpg", "has a name this file system does not allow"),
        ("x" * 300, "has too long a name"),
        ("/etc/passwd", "lies outside the image folder"),
        ("/", "lies outside the image folder"),
    ],
)
def test_refuses_bad_paths(root: Path, path: str, why: str) -> None:
    """Each way to miss a file has its own sentence."""
    assert why in why_not(root, path)


def test_refuses_absolute_ways_out(root: Path) -> None:
    """An absolute path inside the root may not climb out of it again, nor be the root."""
    assert "'..'" in why_not(root, f"{root}/../secrets/b.jpg")
    assert "outside" in why_not(root, f"{root}-2/a.jpg")
    assert "is a folder" in why_not(root, str(root))


def test_refuses_many_components(root: Path) -> None:
    """A path of thousands of folders costs one descriptor at a time and no recursion."""
    assert "does not exist" in why_not(root, "deep/" + "x/" * 5_000 + "a.jpg")


def test_refuses_links(root: Path, tmp_path: Path) -> None:
    """No link is followed: as the file or on the way, out of the folder or within it."""
    (root / "out.jpg").symlink_to(tmp_path / "secrets" / "b.jpg")
    (root / "in.jpg").symlink_to("a.jpg")
    (root / "folder").symlink_to(tmp_path / "secrets")
    assert "symbolic link" in why_not(root, "out.jpg")
    assert "symbolic link" in why_not(root, "in.jpg")
    assert "links are not followed" in why_not(root, "folder/b.jpg")


def test_refuses_what_is_not_regular(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO does not hang the reader, and neither a socket nor a FIFO is read."""
    os.mkfifo(root / "fifo.jpg")
    assert why_not(root, "fifo.jpg") == "is not a regular file"
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(root)  # a socket's path may have 107 bytes at most
        listener.bind("socket.jpg")
        assert why_not(root, "socket.jpg") == "is not a regular file"


def test_refuses_devices() -> None:
    """A device is no regular file."""
    assert why_not(Path("/dev"), "zero") == "is not a regular file"


def test_refuses_by_size(root: Path) -> None:
    """The bound is inclusive, and an empty file is no picture."""
    (root / "empty.jpg").touch()
    assert read(root, "a.jpg", max_bytes=6) == INSIDE
    assert why_not(root, "a.jpg", max_bytes=5) == "has 6 bytes; 5 are allowed"
    assert why_not(root, "empty.jpg") == "is an empty file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_refuses_without_permission(root: Path) -> None:
    """A file or a folder closed to this user lies in the path; a closed root stops the worker."""
    (root / "a.jpg").chmod(0)
    (root / "deep").chmod(0)
    assert "permission denied" in why_not(root, "a.jpg")
    assert "permission denied" in why_not(root, "deep/down/b.jpg")
    (root / "deep").chmod(0o700)
    root.chmod(0)
    with pytest.raises(Halt):
        read(root, "a.jpg")
    root.chmod(0o700)


def test_folder_is_missing(tmp_path: Path) -> None:
    """Without the image folder no job can succeed: the worker stops and names the setting."""
    (tmp_path / "file").write_bytes(INSIDE)
    for folder in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(Halt, match="IMAGE_STORAGE_PATH="):
            read(folder, "a.jpg")


@pytest.mark.parametrize(
    ("code", "path_error", "root_error"),
    [
        (errno.ENOENT, UnusableFile, Halt),
        (errno.EACCES, UnusableFile, Halt),
        (errno.EPERM, UnusableFile, Halt),
        (errno.EIO, Retryable, Retryable),
        (errno.ESTALE, Retryable, Retryable),
        (errno.EMFILE, Retryable, Retryable),
        (errno.ENOMEM, Retryable, Retryable),
        (errno.ETIMEDOUT, Retryable, Retryable),
    ],
)
def test_errors(code: int, path_error: type[Exception], root_error: type[Exception]) -> None:
    """What lies in the path is final, what lies in the root stops, everything else may pass."""
    error = OSError(code, os.strerror(code))
    assert type(explain(error)) is path_error
    assert type(explain_root(error, Path("/data/images"))) is root_error


def test_read_error_may_pass(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle is nobody's bad picture."""

    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdopen", failing)
    with pytest.raises(Retryable, match="Input/output error"):
        read(root, "a.jpg")


def before_opening(monkeypatch: pytest.MonkeyPatch, name: str, change: Change) -> None:
    """Change the tree in the instant before `name` is opened, once: the worst moment there is."""
    opened, opened_beneath, changed = os.open, openat2.open_beneath, False

    def now() -> None:
        nonlocal changed
        if not changed:
            changed = True
            change()

    def opening(path: str | Path, *args: Any, **options: Any) -> int:
        if path == name:
            now()
        return opened(path, *args, **options)

    def opening_beneath(folder: int, path: str, flags: int) -> int:
        now()
        return opened_beneath(folder, path, flags)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(openat2, "open_beneath", opening_beneath)


@pytest.mark.parametrize("victim", ["deep", "deep/down", "deep/down/b.jpg"])
def test_swapped_before_its_step(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    """A component that becomes a link just before its turn is refused."""
    target = {"deep": "secrets", "deep/down": "secrets", "deep/down/b.jpg": "secrets/b.jpg"}

    def swap() -> None:
        (root / victim).rename(tmp_path / "old")
        (root / victim).symlink_to(tmp_path / target[victim])

    before_opening(monkeypatch, Path(victim).name, swap)
    assert "link" in why_not(root, "deep/down/b.jpg")


@pytest.mark.parametrize("moment", ["down", "b.jpg"])
def test_swapped_after_its_step(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, moment: str
) -> None:
    """A folder that becomes a link after its turn changes nothing: the opened one is walked on."""
    if way == "openat2":
        pytest.skip("there are no steps between which to swap")

    def swap() -> None:
        (root / "deep").rename(tmp_path / "old")
        (root / "deep").symlink_to(tmp_path / "secrets")

    before_opening(monkeypatch, moment, swap)
    assert read(root, "deep/down/b.jpg") == INSIDE


def test_swapped_again_and_again(root: Path, tmp_path: Path) -> None:
    """However often a folder and a link change places, what is outside is never read."""
    folder, link = root / "deep", tmp_path / "link"
    link.symlink_to(tmp_path / "secrets")
    stop = threading.Event()

    def swapping() -> None:
        while not stop.is_set():
            folder.rename(tmp_path / "aside")
            link.rename(folder)
            folder.rename(link)
            (tmp_path / "aside").rename(folder)

    swapper = threading.Thread(target=swapping)
    swapper.start()
    try:
        for _ in range(1_000):
            with suppress(UnusableFile):
                assert read(root, "deep/down/b.jpg") == INSIDE
    finally:
        stop.set()
        swapper.join()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_leaves_nothing_open(root: Path, tmp_path: Path) -> None:
    """Success and every kind of failure close what they opened."""
    os.mkfifo(root / "fifo")
    (root / "link").symlink_to(tmp_path)
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - a Path would be made for each number
    for path in ("a.jpg", "deep/down/b.jpg"):
        read(root, path)
        os.close(open_below(root, path, 100).descriptor)
    for path in ("deep", "fifo", "link", "link/x", "deep/no/x", "deep/down/b.jpg/x", "no"):
        why_not(root, path)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208 - as above


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_failing_disk_leaves_nothing_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error after the file was opened closes it as well."""

    def failing(*_: object, **__: object) -> os.stat_result:
        raise OSError(errno.ESTALE, "Stale file handle")

    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - a Path would be made for each number
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", failing)
        with pytest.raises(Retryable, match="Stale"):
            read(root, "a.jpg")
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208 - as above
