"""Runs one program within fixed limits, without a network, bound to its parent's life.

It is started as a script of its own because code between fork and exec is
unsafe in a process with threads.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
NICENESS = 5

# Audit number of the architecture and its number of socket(2); linux/audit.h.
SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
IO_URING_SETUP = 425
X32 = 0x40000000
AF_UNIX = 1
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW, DENY = 0x7FFF0000, 0x00050000 | 13


class Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def _die_with(parent: int) -> None:
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the request above took effect.
    if os.getppid() != parent:
        sys.exit(1)


def _no_network() -> None:
    """Sockets to other machines, and to this one, are refused with EACCES.

    Needs no privilege. Where the kernel has no such filter the lists of allowed
    protocols and formats are all there is.
    """
    known = SOCKET.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return
    code = b"".join(struct.pack("HBBI", *line) for line in _filter(*known))
    held = ctypes.create_string_buffer(code)
    program = Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p))
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))


def _filter(architecture: int, socket: int) -> list[tuple[int, int, int, int]]:
    """Each line: what to do, how far to jump if so, if not, with which number."""
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 0, 7, architecture),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 5, 0, X32),
        (EQUAL, 4, 0, IO_URING_SETUP),
        (EQUAL, 0, 2, socket),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (EQUAL, 0, 1, AF_UNIX),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY),
    ]


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (ceiling, ceiling))


def main(arguments: list[str]) -> None:
    parent, memory, cpu_seconds, file_bytes = (int(a) for a in arguments[:4])
    _die_with(parent)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    os.nice(NICENESS)
    _no_network()
    program = arguments[4:]
    os.execv(program[0], program)  # noqa: S606 - an argument list, never a shell


if __name__ == "__main__":
    main(sys.argv[1:])
