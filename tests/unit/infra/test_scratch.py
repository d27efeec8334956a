"""Folders of dead processes go, folders of living ones stay."""

import subprocess
import sys
from pathlib import Path

from infra import scratch
from tests.faults.installation import ROOT

HOLDER = """
import subprocess, sys
from pathlib import Path
from infra import scratch
folder = scratch.own(Path(sys.argv[1]))
(folder / "job").mkdir()
child = [sys.executable, "-c", "print('up', flush=True); input()"]
held = subprocess.Popen(child, stdin=subprocess.PIPE) if len(sys.argv) > 2 else None
print(folder.name, flush=True)
input()
"""


def holder(folder: Path, *more: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *more],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    names = [process.stdout.readline().strip() for _ in range(1 + len(more))]
    return process, next(each for each in names if each != "up")


def test_what_a_killed_process_left_goes_and_the_living_keep_theirs(
    tmp_path: Path,
) -> None:
    dead, gone = holder(tmp_path)
    alive, kept = holder(tmp_path)
    dead.kill()
    dead.wait()

    mine = scratch.own(tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {kept, mine.name}
    assert (tmp_path / kept / "job").exists()
    assert scratch.sweep(tmp_path) == []
    alive.kill()
    alive.wait()
    assert scratch.sweep(tmp_path) == [kept]
    assert gone != kept


def test_a_child_that_outlives_its_parent_holds_nothing(tmp_path: Path) -> None:
    dead, gone = holder(tmp_path, "with a child")
    dead.kill()
    dead.wait()

    assert scratch.sweep(tmp_path) == [gone]


def test_a_file_beside_the_folders_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ballast").touch()

    mine = scratch.own(tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {"ballast", mine.name}
