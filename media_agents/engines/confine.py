"""Runs one program within fixed limits and bound to its parent's life.

It is started as a script of its own because code between fork and exec is
unsafe in a process with threads.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
NICENESS = 5


def _die_with(parent: int) -> None:
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the request above took effect.
    if os.getppid() != parent:
        sys.exit(1)


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
    program = arguments[4:]
    os.execv(program[0], program)  # noqa: S606 - an argument list, never a shell


if __name__ == "__main__":
    main(sys.argv[1:])
