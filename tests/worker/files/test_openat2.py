"""The kernel lets nothing lead out; whoever may not ask it is told so, once."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.files import openat2
from worker.files.image_files import read_below

READ = os.O_RDONLY | os.O_CLOEXEC
HERE = openat2.is_allowed()
needs_call = pytest.mark.skipif(not HERE, reason="this kernel or its container forbids openat2")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """The descriptor of a folder with a file, a deeper one, and links in and out."""
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "a").write_bytes(b"inside")
    (tmp_path / "secret").write_bytes(b"outside")
    (root / "out").symlink_to("../secret")
    (root / "in").symlink_to("deep/a")
    (root / "folder").symlink_to("deep")
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def undecided() -> Iterator[None]:
    """The question whether the call is allowed is open again, before and after the test."""
    openat2.is_allowed.cache_clear()
    yield
    openat2.is_allowed.cache_clear()


@needs_call
def test_opens_beneath(folder: int) -> None:
    """A path below the folder is opened, and the descriptor is not handed to child processes."""
    descriptor = openat2.open_beneath(folder, "deep/a", READ)
    assert os.read(descriptor, 100) == b"inside"
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@needs_call
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("no", errno.ENOENT),
        ("out", errno.ELOOP),
        ("in", errno.ELOOP),
        ("folder/a", errno.ELOOP),
        ("../secret", errno.EXDEV),
        ("deep/../../secret", errno.EXDEV),
        ("/etc/passwd", errno.EXDEV),
    ],
)
def test_refuses(folder: int, path: str, code: int) -> None:
    """Links and ways out are refused by the kernel itself."""
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        openat2.open_beneath(folder, path, READ)
    assert caught.value.errno == code


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EPERM])
@pytest.mark.usefixtures("undecided")
def test_forbidden_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """An old kernel or a strict container is noticed once, and files are read all the same."""
    tried: list[str] = []

    def refusing(folder: int, path: str, flags: int) -> int:
        tried.append(path)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(openat2, "open_beneath", refusing)
    (tmp_path / "a.jpg").write_bytes(b"inside")
    for _ in range(3):
        assert read_below(tmp_path, "a.jpg", 100) == b"inside"
    assert len(tried) <= 1  # none at all where the machine's numbers are not known
    assert not openat2.is_allowed()


@pytest.mark.usefixtures("undecided")
def test_unknown_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the call's number has not been looked up, it is not made."""
    monkeypatch.setattr(openat2.platform, "machine", lambda: "pdp11")
    assert not openat2.is_allowed()
