"""The judge refuses what may never be seen, and nothing else."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.media_faults import remains
from tests.media_faults.judge import Findings, Seen, judge, unfinished
from tests.media_faults.matrix import Line
from tests.media_faults.watch import Child, Watch, phase_of, piece_of

PREFIX = "t/videos/v/"
LIST = """#EXTM3U
#EXT-X-MAP:URI="{media}",BYTERANGE="4@0"
#EXTINF:2.000000,
#EXT-X-BYTERANGE:{size}@4
{media}
#EXT-X-ENDLIST
"""


def published() -> dict[str, bytes]:
    """As a video lies in the store: names that follow from what is in them."""
    bodies: dict[str, bytes] = {}
    media = added(bodies, "360p", ".mp4", b"init" + b"picture")
    listed = added(bodies, "360p", ".m3u8", LIST.format(media=media, size=7).encode())
    added(bodies, "master", ".m3u8", f"#EXTM3U\n{listed}\n".encode())
    added(bodies, "video", ".mp4", b"whole")
    added(bodies, "cover-0", ".jpg", b"cover")
    return bodies


def added(bodies: dict[str, bytes], stem: str, suffix: str, body: bytes) -> str:
    name = f"{stem}-{hashlib.sha256(body).hexdigest()[:16]}{suffix}"
    bodies[name] = body
    return name


def named(bodies: dict[str, bytes], stem: str) -> str:
    return next(each for each in bodies if each.startswith(stem))


def row(bodies: dict[str, bytes], status: str = "ready") -> dict[str, object]:
    keys = {"mp4_key": "video", "hls_key": "master", "cover_key": "cover"}
    return {
        "status": status,
        **{key: PREFIX + named(bodies, stem) for key, stem in keys.items()},
    }


def seen() -> Seen:
    bodies = published()
    return Seen(bodies=bodies, row=row(bodies), usual=frozenset(bodies))


def test_a_whole_video_is_whole() -> None:
    assert judge(seen(), PREFIX).all == []


@pytest.mark.parametrize("stem", ["360p", "video", "cover", "master"])
def test_a_ready_video_without_one_of_its_files_is_incomplete(stem: str) -> None:
    one = seen()
    del one.bodies[named(one.bodies, stem)]

    assert judge(one, PREFIX).incomplete


@pytest.mark.parametrize("stem", ["360p", "video", "cover"])
def test_a_master_before_its_files_is_seen_while_the_job_runs(stem: str) -> None:
    bodies, usual = published(), frozenset(published())
    waiting: dict[str, object] = {"status": "processing"}
    assert unfinished(bodies, waiting, PREFIX, usual) == []

    missing = next(n for n in bodies if n.startswith(stem) and n[-4:] != "m3u8")
    del bodies[missing]

    assert unfinished(bodies, waiting, PREFIX, usual)
    del bodies[named(bodies, "master")]
    assert unfinished(bodies, waiting, PREFIX, usual) == []


def test_a_file_cut_off_in_its_middle_is_incomplete() -> None:
    one = seen()
    media = named(one.bodies, "360p")
    one.bodies[media] = one.bodies[media][:6]

    found = judge(one, PREFIX).incomplete

    assert [each for each in found if "is not what it was" in each]
    assert [each for each in found if "bytes that are not there" in each]


def test_a_ready_row_that_names_nothing_is_incomplete() -> None:
    one = seen()
    one.row = {"status": "ready"}

    assert judge(one, PREFIX).incomplete


def test_an_asset_is_ready_with_its_facts_alone() -> None:
    one = Seen(kind="asset", row={"status": "ready", "facts": {"kind": "video"}})
    assert judge(one, PREFIX).all == []

    one.row = {"status": "ready", "facts": None}
    assert judge(one, PREFIX).incomplete


def test_two_results_of_one_job_are_two_too_many() -> None:
    assert judge(replace(seen(), ended=2), PREFIX).doubled

    one = seen()
    added(one.bodies, "master", ".m3u8", b"#EXTM3U\n")
    assert judge(one, PREFIX).doubled

    one = seen()
    added(one.bodies, "360p", ".mp4", b"the same rung, made differently")
    assert judge(one, PREFIX).doubled


def test_one_piece_may_be_made_again_and_no_second() -> None:
    assert judge(replace(seen(), starts={0: 1, 1: 2, 2: 1}), PREFIX).all == []
    assert judge(replace(seen(), starts={0: 2, 1: 2, 2: 1}), PREFIX).again


def test_a_child_that_is_reaped_late_or_a_lost_source_is_told() -> None:
    assert judge(replace(seen(), reaped_s=1.9), PREFIX).all == []
    assert judge(replace(seen(), reaped_s=2.1), PREFIX).late
    assert judge(replace(seen(), source_kept=False), PREFIX).other


def test_a_job_that_never_ended_well_is_told() -> None:
    one = seen()
    one.row["status"] = "processing"

    assert judge(one, PREFIX).other == ["it is processing, not ready"]
    assert judge(replace(seen(), ended=0), PREFIX).other


@pytest.fixture
def stray(tmp_path: Path) -> Iterator[Path]:
    """A process that works in a job's folder, and the folder."""
    job = tmp_path / "scratch" / "job"
    job.mkdir(parents=True)
    line = [sys.executable, "-c", "input()", f"file:{job}/source"]
    process = subprocess.Popen(line, stdin=subprocess.PIPE)
    yield tmp_path / "scratch"
    process.kill()
    process.wait()


def test_a_child_and_a_folder_that_are_left_are_seen(stray: Path) -> None:
    assert len(remains.running_on(stray)) == 1
    assert remains.folders_left(stray) == ["job"]
    assert remains.running_on(stray / "elsewhere") == []
    (stray / "job").rmdir()
    (stray / "ballast").touch()
    assert remains.folders_left(stray) == []


def test_a_cell_is_good_only_when_it_was_reached_and_nothing_was_found() -> None:
    assert Line("f", "encode", runs=1, reached=1).good
    assert not Line("f", "encode", runs=1, reached=0).good
    assert not Line("f", "encode").good
    assert not Line("f", "encode", runs=1, reached=1, said=["something"]).good
    assert Findings(orphans=["x"]).all == ["x"]


@pytest.mark.parametrize(
    ("line", "phase", "piece"),
    [
        ("ffprobe -v error file:/s/scratch/j/source", "probe", -1),
        (
            "ffmpeg -i file:/s/scratch/j/source file:/j/piece-0002-360p.mp4",
            "encode",
            2,
        ),
        ("ffmpeg -i file:/s/x.mp4 file:/s/fragmented-360p.mp4", "package", -1),
        (
            "ffprobe -v error file:/s/scratch/j/video-0123456789abcdef.mp4",
            "upload",
            -1,
        ),
        (
            "ffmpeg -f concat -i file:/s/pieces-360p.txt file:/s/encoded-360p.mp4",
            "",
            -1,
        ),
    ],
)
def test_children_are_known_by_what_they_write(
    line: str, phase: str, piece: int
) -> None:
    assert (phase_of(line.split()), piece_of(line.split())) == (phase, piece)


def test_pieces_are_counted_by_job() -> None:
    begun = [("a", 0), ("a", 1), ("a", 1), ("b", 1)]
    watch = Watch(
        Path("nowhere"),
        children={
            n: Child(n, [], job, "encode", at) for n, (job, at) in enumerate(begun)
        },
    )

    assert watch.starts("a") == {0: 1, 1: 2}
