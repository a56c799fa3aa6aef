"""What child processes of the demo and the tests have in common: they end with their parent."""

import errno
import os
import socket
import sys
from collections.abc import Sequence
from itertools import count
from random import SystemRandom

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


# Below what kernels give to outgoing connections (from 32768 on Linux, 49152 on macOS): one of
# those may be a client's by the time its server binds, and was, once in some thousand starts.
# Walked from a random place: no port comes twice, and test runs side by side keep apart.
_SERVER_PORTS = range(15_000, 32_768)
_walk = count(SystemRandom().randrange(len(_SERVER_PORTS)))


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on, and that nobody is given by chance before its server binds."""
    while True:
        port = _SERVER_PORTS[next(_walk) % len(_SERVER_PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
