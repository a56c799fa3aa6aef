"""Reading one file below a folder that others write to, without being led out of it.

Checking a path and opening it afterwards leaves a gap in which a folder can be swapped for a
link. So nothing is checked beforehand: the kernel opens the path in one step that follows no link
(`openat2`), and what was opened is what is read. Where it cannot, and to find out what is
wrong with a path it refuses, the path is walked one name at a time from the folder's own
descriptor, which no link can mislead either.
"""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from worker.errors import Halt, JobError, Retryable
from worker.files import openat2

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


class UnusableFile(Exception):
    """Nothing there is of use; `str()` continues a sentence that begins with the file's path."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A regular file that was found below the folder; whoever has it closes `descriptor`."""

    descriptor: int
    size: int
    """Bytes when it was opened: at least one, at most what was allowed."""


def open_below(root: Path, path: str, max_bytes: int) -> OpenFile:
    """Open the regular file at `path`, relative to `root` or absolute inside it, for reading.

    Raises:
        UnusableFile: no such file, outside of `root`, behind a link, not regular, too large.
        Retryable: the disk or the network below it failed.
        Halt: `root` itself cannot be opened, which no job can help.
    """
    names = _names(root, path)
    folder = _open_root(root)
    try:
        descriptor = _open(folder, names)
    except OSError as error:
        raise explain(error) from error
    finally:
        os.close(folder)
    return _checked(descriptor, max_bytes)


def read_below(root: Path, path: str, max_bytes: int) -> bytes:
    """The content of a file; the arguments and errors are those of `open_below`."""
    file = open_below(root, path, max_bytes)
    try:
        with os.fdopen(file.descriptor, "rb", closefd=False) as stream:
            return stream.read(file.size)
    except OSError as error:
        raise explain(error) from error
    finally:
        os.close(file.descriptor)


def explain(error: OSError) -> UnusableFile | Retryable:
    """What follows from a failed open or read: some errors lie in the path, the rest may pass."""
    why = _UNUSABLE.get(error.errno or 0)
    if why is not None:
        return UnusableFile(why)
    return Retryable(f"the image folder cannot be read: {error.strerror or error}")


def explain_root(error: OSError, root: Path) -> JobError:
    """What follows when the image folder itself does not open."""
    text = f"IMAGE_STORAGE_PATH={str(root)!r} cannot be used: {error.strerror or error}"
    return Halt(text) if error.errno in _NO_ROOT else Retryable(text)


def _names(root: Path, path: str) -> tuple[str, ...]:
    if not path:
        raise UnusableFile("is empty: it names no file")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        raise UnusableFile("has a name this file system does not allow") from None
    if b"\0" in encoded:
        raise UnusableFile("has a NUL character in it")
    names = _relative(root, PurePosixPath(path)).parts
    if ".." in names:
        raise UnusableFile("has '..' in it, which could lead out of the image folder")
    if not names:
        raise UnusableFile("is a folder, not a file")
    return names


def _relative(root: Path, path: PurePosixPath) -> PurePosixPath:
    """Producers may spell the folder as it is configured, or as its links resolve."""
    if not path.is_absolute():
        return path
    for folder in (root, Path(os.path.realpath(root))):
        if path.is_relative_to(folder):
            return path.relative_to(folder)
    raise UnusableFile("lies outside the image folder")


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


def _open(folder: int, names: tuple[str, ...]) -> int:
    if openat2.is_allowed():
        try:
            return openat2.open_beneath(folder, "/".join(names), _READ)
        except OSError:
            # It does not say which name was the wrong one, and has a limit of 4,096 bytes.
            return _walk(folder, names)
    return _walk(folder, names)


def _walk(folder: int, names: tuple[str, ...]) -> int:
    """Open one name after the other, each in the folder that was opened before it."""
    here = os.dup(folder)
    try:
        for name in names[:-1]:
            inner = os.open(name, _STEP, dir_fd=here)
            os.close(here)
            here = inner
        return os.open(names[-1], _READ, dir_fd=here)
    finally:
        os.close(here)


def _checked(descriptor: int, max_bytes: int) -> OpenFile:
    """What was opened, if it is of use; the descriptor is closed if not."""
    try:
        return OpenFile(descriptor, _checked_size(os.fstat(descriptor), max_bytes))
    except OSError as error:
        os.close(descriptor)
        raise explain(error) from error
    except UnusableFile:
        os.close(descriptor)
        raise


def _checked_size(status: os.stat_result, max_bytes: int) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise UnusableFile("is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFile("is not a regular file")
    if status.st_size > max_bytes:
        raise UnusableFile(f"has {status.st_size:,} bytes; {max_bytes:,} are allowed")
    if status.st_size == 0:
        raise UnusableFile("is an empty file")
    return status.st_size
