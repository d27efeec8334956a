"""The data directory: mode, lock, room and the machine it is on."""

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from infra.problem import Stop
from infra.stack.datadir import (
    ROOM,
    Machine,
    check_machine,
    check_room,
    open_data,
    this_machine,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_us_alone(tmp_path: Path) -> None:
    with open_data(tmp_path / "a" / "data"):
        assert mode(tmp_path / "a" / "data") == 0o700


def test_a_parent_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o751)
    with open_data(tmp_path / "data"):
        assert mode(tmp_path) == 0o751


def test_what_a_killed_start_leaves_is_waited_out(tmp_path: Path) -> None:
    """A process it was starting still holds the lock, for as long as that takes."""
    data = tmp_path / "data"
    gone = subprocess.Popen(["true"])
    gone.wait()
    held = open_data(data)
    held.truncate(0)
    held.write(str(gone.pid))
    held.flush()
    threading.Timer(0.2, held.close).start()

    with open_data(data) as again:
        again.seek(0)
        assert again.read() == str(os.getpid())


def test_a_second_start_is_told_who_runs(tmp_path: Path) -> None:
    with (
        open_data(tmp_path / "data"),
        pytest.raises(Stop, match=r"already runs on .*\(process \d+\): stop it"),
    ):
        open_data(tmp_path / "data")


def test_the_lock_is_free_after_the_first_ended(tmp_path: Path) -> None:
    open_data(tmp_path / "data").close()
    open_data(tmp_path / "data").close()


def test_a_folder_with_other_files_is_refused_and_untouched(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    (home / "letter.txt").write_text("dear")
    with pytest.raises(Stop, match="holds other files"):
        open_data(home)
    assert mode(home) == 0o755


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Stop, match=r"Cannot use .* as data directory"):
        open_data(tmp_path / "data")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="has 12 MB left and the servers need 2000 MB"):
        open_data(tmp_path / "data", usage=lambda _: 12_345_678)


def test_just_enough_room_is_enough(tmp_path: Path) -> None:
    check_room(tmp_path, lambda _: ROOM)


@pytest.mark.parametrize(
    "machine",
    [
        Machine(system="darwin", processor="arm64", libc=""),
        Machine(system="win32", processor="AMD64", libc=""),
        Machine(system="linux", processor="x86_64", libc=""),
        Machine(system="linux", processor="riscv64", libc="glibc"),
    ],
)
def test_an_unsupported_machine_is_one_sentence(machine: Machine) -> None:
    with pytest.raises(Stop, match=r"need Linux with glibc.*CONTENTOPS_KAFKA"):
        check_machine(machine)


def test_this_machine_is_supported() -> None:
    check_machine(this_machine())
