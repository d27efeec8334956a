"""Folders of jobs go with their jobs, and those of dead processes with a sweep."""

import subprocess
import sys
from pathlib import Path

from streams.agents import scratch
from tests.faults.installation import ROOT

HOLDER = """
import subprocess, sys
from pathlib import Path
from streams.agents import scratch
with scratch.folder(Path(sys.argv[1])) as folder:
    (folder / "source").touch()
    child = [sys.executable, "-c", "print('up', flush=True); input()"]
    held = subprocess.Popen(child, stdin=subprocess.PIPE) if sys.argv[2:] else None
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


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_what_a_killed_process_left_goes_and_the_living_keep_theirs(
    tmp_path: Path,
) -> None:
    dead, gone = holder(tmp_path)
    alive, kept = holder(tmp_path)
    killed(dead)

    assert scratch.sweep(tmp_path) == [gone]

    assert (tmp_path / kept / "source").exists()
    killed(alive)
    assert scratch.sweep(tmp_path) == [kept]


def test_a_child_that_outlives_its_parent_holds_nothing(tmp_path: Path) -> None:
    dead, gone = holder(tmp_path, "with a child")
    killed(dead)

    assert scratch.sweep(tmp_path) == [gone]


def test_a_folder_goes_with_its_job_whatever_it_holds(tmp_path: Path) -> None:
    with scratch.folder(tmp_path / "new") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").touch()
        assert scratch.sweep(tmp_path / "new") == []

    assert list((tmp_path / "new").iterdir()) == []


def test_a_file_beside_the_folders_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ballast").touch()

    assert scratch.sweep(tmp_path) == []
    assert scratch.sweep(tmp_path / "nowhere") == []
    assert [each.name for each in tmp_path.iterdir()] == ["ballast"]
