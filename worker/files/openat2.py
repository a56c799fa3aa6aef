"""The system call that opens a path in one step and lets nothing lead out: Linux 5.6, `openat2`.

Python has no name for it, so it is called by its number. Old kernels do not have it, and seccomp
profiles of containers may forbid it; whoever uses it needs another way besides.
"""

import ctypes
import os
import platform
import sys
from functools import cache

_NUMBER = 437
_KNOWN_MACHINES = frozenset({"x86_64", "aarch64"})
"""Where the number has been looked up; elsewhere it might be another call."""

_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08


class _How(ctypes.Structure):
    """`struct open_how` of linux/openat2.h."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_beneath(folder: int, path: str, flags: int) -> int:
    """Open `path` below the folder of this descriptor; the kernel follows no link on the way.

    Raises:
        OSError: as `os.open`; EXDEV where the path would lead out, ELOOP where there is a link.
    """
    how = _How(flags=flags, mode=0, resolve=_BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    descriptor: int = libc.syscall(
        ctypes.c_long(_NUMBER),
        ctypes.c_int(folder),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return descriptor


@cache
def is_allowed() -> bool:
    """Whether this process can make the call; tried once, on the root of all folders.

    Threads that ask at the same moment may each try, and all learn the same.
    """
    if sys.platform != "linux" or platform.machine() not in _KNOWN_MACHINES:
        return False
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(open_beneath(root, ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError:
        return False
    finally:
        os.close(root)
    return True
