"""What child processes of the demo and the tests have in common: they end with their parent."""

import os
import socket
import sys
from collections.abc import Sequence

# Runs in the child and then becomes the program. Linux kills it when its parent is gone, also by
# SIGKILL, when no `finally` of the parent runs; a server left behind would hold its port and its
# memory until the next boot. `preexec_fn` would do the same inside this process, but it runs
# Python between fork and exec, which may deadlock where there are threads. SIGKILL, because a
# frozen process obeys nothing else. The comparison catches a parent that died before the call.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
os.getppid() == int(sys.argv[1]) or os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def die_with_parent(command: Sequence[str]) -> list[str]:
    """The command, wrapped so that it is killed with the thread that starts it (on Linux)."""
    if sys.platform != "linux":
        return list(command)
    # -I -S: nothing of this environment is imported, which keeps it at some 20 ms.
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
