"""The data directory: ours alone, locked while a stack runs, on a disk with room."""

import fcntl
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from infra.problem import Stop

ROOM = 2_000_000_000
# Of a stack that was killed, a child that was just being started has the lock a moment.
FORKED_S = 5.0
POLL_S = 0.02
OURS = {"lock", "keys", "run", "ports.json", "logs"}
Usage = Callable[[Path], int]


def free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


@dataclass(frozen=True, kw_only=True)
class Machine:
    system: str
    processor: str
    libc: str


def this_machine() -> Machine:
    libc = platform.libc_ver()[0]
    return Machine(system=sys.platform, processor=platform.machine(), libc=libc)


def check_machine(machine: Machine) -> None:
    """The wheels with the servers exist for these only."""
    good = machine.processor in {"x86_64", "aarch64"} and machine.libc == "glibc"
    if machine.system != "linux" or not good:
        raise Stop(
            f"The embedded servers need Linux with glibc on x86_64 or aarch64, this is "
            f"{machine.system} on {machine.processor}: set CONTENTOPS_KAFKA, "
            "CONTENTOPS_POSTGRES, CONTENTOPS_CLICKHOUSE and CONTENTOPS_S3 to use "
            "servers elsewhere."
        )


def check_room(path: Path, usage: Usage = free_bytes) -> None:
    free = usage(path)
    if free < ROOM:
        raise Stop(
            f"The disk of {path} has {free // 1_000_000} MB left and the servers need "
            f"{ROOM // 1_000_000} MB: free some, or choose another with --data."
        )


def open_data(path: Path, usage: Usage = free_bytes) -> TextIO:
    """Make it, lock it; the lock is held until the returned file is closed."""
    _make(path)
    check_room(path, usage)
    lock = (path / "lock").open("a+")
    end = time.monotonic() + FORKED_S
    while not _locked(lock):
        holder = _holder(lock)
        if Path("/proc", holder).exists() or time.monotonic() > end:
            lock.close()
            raise Stop(
                f"A stack already runs on {path} (process {holder}): stop it, or "
                "choose another folder with --data."
            )
        time.sleep(POLL_S)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: TextIO) -> str:
    lock.seek(0)
    return lock.read().strip() or "unknown"


def _make(path: Path) -> None:
    """Only a folder that is empty or already ours gets its mode set."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in path.iterdir()}
        if names and not names & OURS:
            raise Stop(f"{path} holds other files: choose an empty folder with --data.")
        path.chmod(0o700)
    except OSError as error:
        raise Stop(
            f"Cannot use {path} as data directory ({error.strerror}): choose another "
            "with --data."
        ) from error
