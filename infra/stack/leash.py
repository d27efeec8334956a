"""Started instead of a server: ties it to its parent's life, then becomes the server.

Run as a program of its own with -I -S, because code between fork and exec of a
process with threads may deadlock. Arguments: parent pid, signal, uid or "-", command.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def tied(command: list[str], *, signal: int, user: int | None = None) -> list[str]:
    """The command line that runs `command` until this thread ends."""
    uid = "-" if user is None else str(user)
    start = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    return [*start, str(signal), uid, *command]


def main(parent: str, signal: str, user: str, *command: str) -> None:
    if user != "-":
        entry = pwd.getpwuid(int(user))
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # After the change of user: the kernel forgets the request when it happens.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal))
    if os.getppid() != int(parent):
        sys.exit("the parent ended first")
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
