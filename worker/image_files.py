"""Reading one file below a folder that others write to, without being led out of it.

Checking a path and opening it afterwards leaves a gap in which a folder can be swapped for a
link. So nothing is checked beforehand: the path is walked one name at a time from the folder's
own descriptor, the kernel refuses every link on the way, and what was opened is what is read.
"""

import errno
import os
import stat
from pathlib import Path, PurePosixPath

from worker.errors import Halt, JobError, Retryable

_FOLDER = os.O_CLOEXEC | os.O_DIRECTORY
# O_PATH (Linux) asks for leave to pass through a folder, not to list it.
_STEP = _FOLDER | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
# O_NONBLOCK: opening a FIFO that nobody writes to would hang this thread for good.
_READ = os.O_CLOEXEC | os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY

_UNUSABLE = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "leads through something that is no folder (links are not followed)",
    errno.ELOOP: "is a symbolic link; links are not followed",
    errno.EACCES: "may not be read by this worker: permission denied",
    errno.EPERM: "may not be read by this worker: permission denied",
    errno.ENAMETOOLONG: "has too long a name",
    errno.EINVAL: "has a name this file system does not allow",
    errno.EILSEQ: "has a name this file system does not allow",
    errno.ENXIO: "is not a regular file",
    errno.ENODEV: "is not a regular file",
}
_NO_ROOT = _UNUSABLE.keys()


class UnusableImage(Exception):
    """There is no usable picture; `str()` continues a sentence that begins with its path."""


def read_below(root: Path, path: str, max_bytes: int) -> bytes:
    """The content of the regular file at `path`, relative to `root` or absolute inside it.

    Raises:
        UnusableImage: no such file, outside of `root`, behind a link, not regular, too large.
        Retryable: the disk or the network below it failed.
        Halt: `root` itself cannot be opened, which no job can help.
    """
    names = _names(root, path)
    folder = _open_root(root)
    try:
        return _read(_open_below(folder, names), max_bytes)
    except OSError as error:
        raise explain(error) from error


def explain(error: OSError) -> UnusableImage | Retryable:
    """What follows from a failed open or read: some errors lie in the path, the rest may pass."""
    why = _UNUSABLE.get(error.errno or 0)
    if why is not None:
        return UnusableImage(why)
    return Retryable(f"the image folder cannot be read: {error.strerror or error}")


def explain_root(error: OSError, root: Path) -> JobError:
    """What follows when the image folder itself does not open."""
    text = f"IMAGE_STORAGE_PATH={str(root)!r} cannot be used: {error.strerror or error}"
    return Halt(text) if error.errno in _NO_ROOT else Retryable(text)


def _names(root: Path, path: str) -> tuple[str, ...]:
    if not path:
        raise UnusableImage("is empty: it names no file")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        raise UnusableImage("has a name this file system does not allow") from None
    if b"\0" in encoded:
        raise UnusableImage("has a NUL character in it")
    names = _relative(root, PurePosixPath(path)).parts
    if ".." in names:
        raise UnusableImage("has '..' in it, which could lead out of the image folder")
    if not names:
        raise UnusableImage("is a folder, not a file")
    return names


def _relative(root: Path, path: PurePosixPath) -> PurePosixPath:
    """Producers may spell the folder as it is configured, or as its links resolve."""
    if not path.is_absolute():
        return path
    for folder in (root, Path(os.path.realpath(root))):
        if path.is_relative_to(folder):
            return path.relative_to(folder)
    raise UnusableImage("lies outside the image folder")


def _open_root(root: Path) -> int:
    """The folder itself may be reached through links: its owner configured it."""
    try:
        descriptor = os.open(root, _FOLDER | getattr(os, "O_PATH", os.O_RDONLY))
    except OSError as error:
        raise explain_root(error, root) from error
    try:
        os.stat(".", dir_fd=descriptor)  # O_PATH asked for no permission on the folder itself
    except OSError as error:
        os.close(descriptor)
        raise explain_root(error, root) from error
    return descriptor


def _open_below(folder: int, names: tuple[str, ...]) -> int:
    """Walk down from `folder`, a descriptor that is closed here in any case."""
    try:
        for name in names[:-1]:
            inner = os.open(name, _STEP, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(names[-1], _READ, dir_fd=folder)
    finally:
        os.close(folder)


def _read(descriptor: int, max_bytes: int) -> bytes:
    """The content behind a descriptor, which is closed here in any case."""
    try:
        size = _checked_size(os.fstat(descriptor), max_bytes)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(size)
    finally:
        os.close(descriptor)


def _checked_size(status: os.stat_result, max_bytes: int) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise UnusableImage("is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise UnusableImage("is not a regular file")
    if status.st_size > max_bytes:
        raise UnusableImage(f"has {status.st_size:,} bytes; {max_bytes:,} are allowed")
    if status.st_size == 0:
        raise UnusableImage("is an empty file")
    return status.st_size
